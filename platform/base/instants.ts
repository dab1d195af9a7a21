// Instants as texts and numbers write them.

/** The number written in `count` digits at `at`; -1 when one is no digit. */
export function digits(text: string, at: number, count: number): number {
  let number = 0
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    number = number * 10 + digit
  }
  return number
}

/** An instant by its calendar parts (month from 0), UTC, ms; undefined when there is no such day or time. A leap second
 * counts as the second after it. */
export function instant(
  day: { readonly year: number; readonly month: number; readonly day: number },
  time: { readonly hour: number; readonly minute: number; readonly second: number },
): number | undefined {
  if (!(day.year >= 0 && day.month >= 0 && day.month <= 11 && day.day >= 1 && day.day <= 31)) return undefined
  if (!(time.hour >= 0 && time.hour <= 23 && time.minute >= 0 && time.minute <= 59)) return undefined
  if (!(time.second >= 0 && time.second <= 60)) return undefined
  const ms = Date.UTC(day.year, day.month, day.day, time.hour, time.minute, time.second)
  // The day of a month too long (30 Feb) rolls over; so does 60 s, which is meant.
  return day.day > 28 && new Date(Date.UTC(day.year, day.month, day.day)).getUTCDate() !== day.day ? undefined : ms
}

/** `hh:mm:ss` at `at`; fields of -1 where it is not. */
export function clockTime(text: string, at: number): { hour: number; minute: number; second: number } {
  if (text[at + 2] !== ':' || text[at + 5] !== ':') return { hour: -1, minute: -1, second: -1 }
  return { hour: digits(text, at, 2), minute: digits(text, at + 3, 2), second: digits(text, at + 6, 2) }
}

/** Minutes east of UTC of `+hhmm`, `+hh:mm` or `Z` ending the text at `at`; undefined for anything else. */
export function zoneMinutes(text: string, at: number): number | undefined {
  const sign = text[at]
  if (sign === 'Z' || sign === 'z') return at + 1 === text.length ? 0 : undefined
  if (sign !== '+' && sign !== '-') return undefined
  const colon = text[at + 3] === ':' ? 1 : 0
  if (text.length !== at + 5 + colon) return undefined
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 3 + colon, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes)
}

/** The instant of an ISO 8601 / RFC 3339 date and time, ms; without a zone it is UTC. Undefined when it is none. */
export function parseIso(text: string): number | undefined {
  if (text.length < 19 || text.length > 40 || text[4] !== '-' || text[7] !== '-') return undefined
  const between = text[10]
  if (between !== 'T' && between !== ' ' && between !== 't') return undefined
  const whole = instant(
    { year: digits(text, 0, 4), month: digits(text, 5, 2) - 1, day: digits(text, 8, 2) },
    clockTime(text, 11),
  )
  if (whole === undefined) return undefined
  let at = 19
  let ms = 0
  if (text[at] === '.' || text[at] === ',') {
    at += 1
    // Finer than a millisecond is cut off, never rounded into the next second.
    for (let scale = 100; ; scale = Math.floor(scale / 10)) {
      const digit = digits(text, at, 1)
      if (digit < 0) break
      ms += digit * scale
      at += 1
    }
    if (at === 20) return undefined
  }
  if (at === text.length) return whole + ms
  if (text[at] === ' ') at += 1
  if (text[at - 1] === ' ' && text.endsWith('UTC') && at === text.length - 3) return whole + ms
  const zone = zoneMinutes(text, at)
  return zone === undefined ? undefined : whole + ms - zone * 60_000
}

/** An instant from a count since 1970 in seconds, ms, µs or ns, told by its digits. */
export function parseEpoch(value: number): number | undefined {
  if (!Number.isFinite(value) || value <= 0) return undefined
  if (value < 1e8) return undefined
  if (value < 1e11) return Math.floor(value * 1000)
  if (value < 1e14) return Math.floor(value)
  if (value < 1e17) return Math.floor(value / 1000)
  if (value < 1e20) return Math.floor(value / 1_000_000)
  return undefined
}

/** The instant a JSON value means: ISO text, a count since 1970 as number or text. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number') return parseEpoch(value)
  if (typeof value !== 'string') return undefined
  const first = value.charCodeAt(0)
  if (!(first >= 48 && first <= 57)) return undefined
  return value.length <= 25 && /^\d{9,20}(?:\.\d{1,9})?$/.test(value) ? parseEpoch(Number(value)) : parseIso(value)
}

/** Members of records that name when something happened, the surest first. */
const timeMembers = [
  '@timestamp',
  'eventTime',
  'event_time',
  'EventTime',
  'UtcTime',
  'TimeCreated',
  'TimeCreated_SystemTime',
  'timestamp',
  'time',
  'datetime',
  'published',
  'requestReceivedTimestamp',
  'createdDateTime',
  'activityDateTime',
  'ts',
  'date',
] as const

/** When what a record tells of happened, ms, by the first member that reads as a time; undefined where none does. Text
 * without a zone is UTC. */
export function eventTime(record: Readonly<Record<string, unknown>>): number | undefined {
  for (const name of timeMembers) {
    const value = record[name]
    if (value === undefined) continue
    const time = parseTime(value)
    if (time !== undefined) return time
  }
  return undefined
}
