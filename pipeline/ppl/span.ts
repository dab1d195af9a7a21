/** Units of time, shortest first, as PPL counts them: `m` is a minute, `M` a month. */
export const timeUnits = [
  'microsecond',
  'millisecond',
  'centisecond',
  'decisecond',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
] as const
export type TimeUnit = (typeof timeUnits)[number]

const spellings = new Map<string, TimeUnit>([
  ['us', 'microsecond'],
  ['microsecond', 'microsecond'],
  ['microseconds', 'microsecond'],
  ['ms', 'millisecond'],
  ['millisecond', 'millisecond'],
  ['milliseconds', 'millisecond'],
  ['cs', 'centisecond'],
  ['ds', 'decisecond'],
  ['s', 'second'],
  ['sec', 'second'],
  ['secs', 'second'],
  ['second', 'second'],
  ['seconds', 'second'],
  ['m', 'minute'],
  ['min', 'minute'],
  ['mins', 'minute'],
  ['minute', 'minute'],
  ['minutes', 'minute'],
  ['h', 'hour'],
  ['hr', 'hour'],
  ['hrs', 'hour'],
  ['hour', 'hour'],
  ['hours', 'hour'],
  ['d', 'day'],
  ['day', 'day'],
  ['days', 'day'],
  ['w', 'week'],
  ['week', 'week'],
  ['weeks', 'week'],
  ['mon', 'month'],
  ['month', 'month'],
  ['months', 'month'],
  ['q', 'quarter'],
  ['qtr', 'quarter'],
  ['qtrs', 'quarter'],
  ['quarter', 'quarter'],
  ['quarters', 'quarter'],
  ['y', 'year'],
  ['yr', 'year'],
  ['yrs', 'year'],
  ['year', 'year'],
  ['years', 'year'],
])

/** The unit that a word means; only `M` is read with regard to case. */
export function timeUnit(word: string): TimeUnit | undefined {
  return word === 'M' ? 'month' : spellings.get(word.toLowerCase())
}

export function isSpanUnit(word: string): boolean {
  return timeUnit(word) !== undefined
}

/** Microseconds of the units that are all equally long. */
export const unitMicros: Readonly<Partial<Record<TimeUnit, number>>> = {
  microsecond: 1,
  millisecond: 1e3,
  centisecond: 1e4,
  decisecond: 1e5,
  second: 1e6,
  minute: 60e6,
  hour: 3600e6,
  day: 86_400e6,
  week: 7 * 86_400e6,
}

/** Months of the units that are not. */
export const unitMonths: Readonly<Partial<Record<TimeUnit, number>>> = { month: 1, quarter: 3, year: 12 }
