import type { TimePart } from './expression.ts'

const WRITTEN = /^\s*(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})|\s*$)/

/** A part of the time that a text says, in the zone it is written in; undefined where it says none.
 * `week` is that of ISO 8601.   @see Sigma modifiers appendix, time: no zone conversion */
export function timePart(text: string, part: TimePart): number | undefined {
  const found = WRITTEN.exec(text)
  if (!found) return undefined
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])]
  switch (part) {
    case 'year':
      return year
    case 'month':
      return month
    case 'day':
      return day
    case 'hour':
      return found[4] === undefined ? undefined : Number(found[4])
    case 'minute':
      return found[5] === undefined ? undefined : Number(found[5])
    case 'week':
      return isoWeek(year, month, day)
  }
}

const DAY_MS = 86_400_000

function isoWeek(year: number, month: number, day: number): number {
  const date = Date.UTC(year, month - 1, day)
  const weekday = (new Date(date).getUTCDay() + 6) % 7
  const thursday = date + (3 - weekday) * DAY_MS
  const january1 = Date.UTC(new Date(thursday).getUTCFullYear(), 0, 1)
  return 1 + Math.floor((thursday - january1) / (7 * DAY_MS))
}
