const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(?:[0-9]{1,12}(?:ms|s|m|h|d))+$/
const PART = /([0-9]+)(ms|s|m|h|d)/g

/** The milliseconds of `1h`, `90s`, `1h30m`, `7d`; undefined for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (text.length > 64 || !DURATION.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART)) ms += Number(amount) * (UNITS[unit ?? ''] ?? 0)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** A duration as a person writes it: the largest unit that holds it exactly. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = UNITS[unit] ?? 1
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  }
  return `${ms}ms`
}
