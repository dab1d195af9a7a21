import { instant } from '../../platform/base/index.ts'

const MONTHS: Readonly<Record<string, number>> = {
  Jan: 0,
  Feb: 1,
  Mar: 2,
  Apr: 3,
  May: 4,
  Jun: 5,
  Jul: 6,
  Aug: 7,
  Sep: 8,
  Oct: 9,
  Nov: 10,
  Dec: 11,
}

/** 0 to 11 for `Jan` to `Dec`. */
export function monthOf(name: string): number | undefined {
  return name.length === 3 && Object.hasOwn(MONTHS, name) ? MONTHS[name] : undefined
}

/** The instant nearest to `near` that has this month, day and time, whatever its year: RFC 3164 names none. */
export function nearestYear(
  near: number,
  day: { readonly month: number; readonly day: number },
  time: { readonly hour: number; readonly minute: number; readonly second: number },
): number | undefined {
  const year = new Date(near).getUTCFullYear()
  let best: number | undefined
  for (const candidate of [year, year - 1, year + 1]) {
    const ms = instant({ year: candidate, ...day }, time)
    if (ms !== undefined && (best === undefined || Math.abs(ms - near) < Math.abs(best - near))) best = ms
  }
  return best
}
