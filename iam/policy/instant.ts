const DAY_MS = 86_400_000

/** Milliseconds since the epoch of an RFC 3339 instant (or a date, meaning its first instant in UTC) or of epoch
 * seconds; undefined for anything else. Written out because Date.parse also takes forms that no standard names. */
export function parseInstant(text: string): number | undefined {
  if (/^-?[0-9]{1,12}(\.[0-9]{1,3})?$/.test(text)) return Math.round(Number(text) * 1000)
  if (text.length < 10 || text[4] !== '-' || text[7] !== '-') return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  if (!(month >= 1 && month <= 12) || !(day >= 1 && day <= daysIn(year, month))) return undefined
  const date = daysFromEpoch(year, month, day) * DAY_MS
  if (text.length === 10) return date
  if (text.length < 20 || !/[Tt]/.test(text[10] ?? '') || text[13] !== ':' || text[16] !== ':') return undefined
  const time = timeOfDay(digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2))
  let at = 19
  let fraction = 0
  if (text[at] === '.') {
    const from = ++at
    while (isDigit(text.charCodeAt(at))) at++
    if (at === from || at - from > 9) return undefined
    fraction = Math.trunc(Number(`0.${text.slice(from, at)}`) * 1000)
  }
  const offset = parseOffset(text.slice(at))
  const instant = date + time + fraction - offset
  return Number.isNaN(instant) ? undefined : instant
}

/** Milliseconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`. */
export function parseTimeOfDay(text: string): number | undefined {
  const found = /^([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{3}))?)?$/.exec(text)
  if (!found) return undefined
  const time = timeOfDay(Number(found[1]), Number(found[2]), Number(found[3] ?? 0)) + Number(found[4] ?? 0)
  return Number.isNaN(time) ? undefined : time
}

function timeOfDay(hour: number, minute: number, second: number): number {
  // A leap second counts as the one before it.
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return Number.NaN
  return (hour * 3600 + minute * 60 + Math.min(second, 59)) * 1000
}

function parseOffset(text: string): number {
  if (text === 'Z' || text === 'z') return 0
  if (text.length !== 6 || text[3] !== ':') return Number.NaN
  const sign = text[0] === '+' ? 1 : text[0] === '-' ? -1 : Number.NaN
  return sign * timeOfDay(digits(text, 1, 2), digits(text, 4, 2), 0)
}

function digits(text: string, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const c = text.charCodeAt(i)
    if (!isDigit(c)) return Number.NaN
    value = value * 10 + (c - 0x30)
  }
  return value
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days from 1970-01-01 of a date of the proleptic Gregorian calendar. */
function daysFromEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
