import type { Indicator } from './types.ts'

/** How many indicators there are to be matched, by type, and opinions on them, by source. */
export class LiveTally {
  readonly types = new Map<string, number>()
  readonly sources = new Map<string, number>()
  /** Of all types. */
  total = 0

  /** @param by 1 for what is there now, -1 for what was */
  count(indicator: Indicator, by: 1 | -1, now: number): void {
    const { type, opinions, notMatched } = indicator
    const holding = notMatched === undefined ? opinions.filter(({ expiresAt }) => expiresAt > now) : []
    if (holding.length === 0) return
    this.total += by
    add(this.types, type, by)
    for (const { source } of holding) add(this.sources, source, by)
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
