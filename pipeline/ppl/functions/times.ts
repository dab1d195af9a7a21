import { didYouMean, QueryProblem } from '../errors.ts'
import type { Typed } from '../plan.ts'
import { instantOf } from '../relative-time.ts'
import { type TimeUnit, timeUnit, unitMicros, unitMonths } from '../span.ts'
import { call, cast, literal, nothing, text, whole } from '../typed.ts'
import { isMoment, type ValueType } from '../types.ts'
import { type CallPlace, type FunctionForm, literalText, momentOf, want } from './form.ts'

/** A moment and an interval added or taken away; undefined when these are no such things. */
export function momentArithmetic(left: Typed, right: Typed, sign: '+' | '-', place: CallPlace): Typed | undefined {
  if (right.type === 'interval' && right.kind === 'interval') {
    return shift(want(left, 'timestamp', place, 0), right, sign === '-', place)
  }
  if (left.type === 'interval' && left.kind === 'interval' && sign === '+') {
    return shift(want(right, 'timestamp', place, 1), left, false, place)
  }
  return undefined
}

/** A timestamp moved by an interval; months are calendar months. */
function shift(moment: Typed, interval: Typed & { kind: 'interval' }, back: boolean, place: CallPlace): Typed {
  const amount = want(interval.amount, 'whole', place, 1)
  const months = unitMonths[interval.unit]
  const factor = (back ? -1 : 1) * (months ?? unitMicros[interval.unit] ?? 1)
  const moved = call('multiply', [amount, whole(factor)], 'long')
  return call(months === undefined ? 'addMicros' : 'addMonths', [moment, moved], 'timestamp')
}

const dateAdd = (back: boolean): FunctionForm => ({
  least: 2,
  most: 2,
  takesIntervals: true,
  resolve: ([moment = nothing, amount = nothing], place) => {
    const start = want(moment, 'timestamp', place, 0)
    if (amount.kind === 'interval') return shift(start, amount, back, place)
    // A bare number is days, and a date stays one.
    const days = { kind: 'interval', amount, unit: 'day', type: 'interval' } as const
    const moved = shift(start, days, back, place)
    return moment.type === 'date' ? cast(moved, 'date') : moved
  },
})

const conversion = (type: 'date' | 'time' | 'timestamp'): FunctionForm => ({
  least: 1,
  most: 1,
  resolve: ([arg = nothing], place) =>
    arg.type === 'string' || isMoment(arg.type) || arg.type === 'null'
      ? momentOf(arg, type, place, 0)
      : cast(want(arg, 'string', place, 0), type),
})

/** `now()` is one instant for the whole query. */
const now = (type: ValueType): FunctionForm => ({
  least: 0,
  most: 0,
  resolve: (_, place) => cast(literal(BigInt(place.scope.now) * 1000n, 'timestamp'), type),
})

const unixTimestamp: FunctionForm = {
  least: 0,
  most: 1,
  resolve: ([arg], place) => {
    const moment = arg ? want(arg, 'timestamp', place, 0) : literal(BigInt(place.scope.now) * 1000n, 'timestamp')
    return call('divide', [call('microsOf', [moment], 'long'), literal(1e6, 'double')], 'double')
  },
}

const fromUnixtime: FunctionForm = {
  least: 1,
  most: 2,
  resolve: ([arg = nothing, format], place) => {
    const micros = call('multiply', [cast(want(arg, 'number', place, 0), 'double'), literal(1e6, 'double')], 'double')
    const moment = call('fromMicros', [cast(micros, 'long')], 'timestamp')
    return format ? formatted(moment, literalText(format, 'a format', place, 1)) : moment
  },
}

const part = (name: string): FunctionForm => ({
  least: 1,
  most: 1,
  resolve: ([arg = nothing], place) =>
    // A time of day has hours too.
    call('datePart', [text(name), arg.type === 'time' ? arg : want(arg, 'timestamp', place, 0)], 'integer'),
})

const sysFormat: ReadonlyMap<string, string> = new Map([
  ['a', '%a'],
  ['b', '%b'],
  ['c', '%-m'],
  ['d', '%d'],
  ['e', '%-d'],
  ['f', '%f'],
  ['H', '%H'],
  ['h', '%I'],
  ['I', '%I'],
  ['i', '%M'],
  ['j', '%j'],
  ['k', '%-H'],
  ['l', '%-I'],
  ['M', '%B'],
  ['m', '%m'],
  ['p', '%p'],
  ['r', '%I:%M:%S %p'],
  ['S', '%S'],
  ['s', '%S'],
  ['T', '%H:%M:%S'],
  ['U', '%U'],
  ['u', '%W'],
  ['V', '%V'],
  ['v', '%V'],
  ['W', '%A'],
  ['w', '%w'],
  ['X', '%Y'],
  ['x', '%G'],
  ['Y', '%Y'],
  ['y', '%y'],
  ['%', '%%'],
])

/** `date_format`: MySQL's specifiers.   @see PPL reference, date_format */
function formatted(moment: Typed, format: string): Typed {
  // Only `%D`, a day with its English ending, is nothing that strftime knows.
  const parts = format.split(/%D/).map((part) => {
    const written = part.replace(/%(.)/gs, (_, letter: string) => sysFormat.get(letter) ?? letter)
    return call('formatTime', [moment, text(written)], 'string')
  })
  const day = call('datePart', [text('day'), moment], 'integer')
  const ordinal = call('concat', [cast(day, 'string'), ending(day)], 'string')
  return call(
    'concat',
    parts.flatMap((part, i) => (i === 0 ? [part] : [ordinal, part])),
    'string',
  )
}

function ending(day: Typed): Typed {
  const isOneOf = (value: Typed, ...days: number[]) => call('in', [value, ...days.map(whole)], 'boolean')
  const last = call('modulo', [day, whole(10)], 'long')
  return call(
    'when',
    [
      isOneOf(day, 11, 12, 13),
      text('th'),
      isOneOf(last, 1),
      text('st'),
      isOneOf(last, 2),
      text('nd'),
      isOneOf(last, 3),
      text('rd'),
      text('th'),
    ],
    'string',
  )
}

const dateFormat: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([moment = nothing, format = nothing], place) =>
    formatted(want(moment, 'timestamp', place, 0), literalText(format, 'a format', place, 1)),
}

const nameOf = (format: string): FunctionForm => ({
  least: 1,
  most: 1,
  resolve: ([moment = nothing], place) =>
    call('formatTime', [want(moment, 'timestamp', place, 0), text(format)], 'string'),
})

const lastDay: FunctionForm = {
  least: 1,
  most: 1,
  resolve: ([moment = nothing], place) => {
    const next = call('addMonths', [want(moment, 'timestamp', place, 0), whole(1)], 'timestamp')
    const first = call('bucketMonths', [next, whole(1)], 'timestamp')
    return cast(call('addMicros', [first, whole(-(unitMicros.day ?? 0))], 'timestamp'), 'date')
  },
}

/** Days between two dates, whatever their times; times of day are of one day. */
const dateDiff: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([from = nothing, to = nothing], place) => {
    if (from.type === 'time' && to.type === 'time') return whole(0)
    const day = (moment: Typed, index: number) =>
      call('microsOf', [cast(cast(want(moment, 'timestamp', place, index), 'date'), 'timestamp')], 'long')
    const micros = call('subtract', [day(from, 0), day(to, 1)], 'long')
    return call('quotient', [micros, whole(unitMicros.day ?? 1)], 'long')
  },
}

function literalUnit(arg: Typed, place: CallPlace): TimeUnit {
  const unit = timeUnit(literalText(arg, 'a unit of time', place, 0))
  if (unit !== undefined) return unit
  throw new QueryProblem(
    'pipeline.query.badValue',
    place.spans[0] ?? place.span,
    'this is no unit of time; try `minute`',
  )
}

const timestampAdd: FunctionForm = {
  least: 3,
  most: 3,
  resolve: ([unit = nothing, amount = nothing, moment = nothing], place) => {
    const interval = { kind: 'interval', amount, unit: literalUnit(unit, place), type: 'interval' } as const
    return shift(want(moment, 'timestamp', place, 2), interval, false, place)
  },
}

/** Whole units from one moment to another. */
const timestampDiff: FunctionForm = {
  least: 3,
  most: 3,
  resolve: ([word = nothing, from = nothing, to = nothing], place) => {
    const unit = literalUnit(word, place)
    const moments = [want(from, 'timestamp', place, 1), want(to, 'timestamp', place, 2)]
    const months = unitMonths[unit]
    if (months !== undefined) return call('quotient', [call('monthsBetween', moments, 'long'), whole(months)], 'long')
    const [start, end] = moments.map((moment) => call('microsOf', [moment], 'long'))
    return call(
      'quotient',
      [call('subtract', [end ?? nothing, start ?? nothing], 'long'), whole(unitMicros[unit] ?? 1)],
      'long',
    )
  },
}

// Several parts as the digits of one number: YEAR_MONTH of February 2023 is 202302.
const compositeParts: ReadonlyMap<string, string> = new Map([
  ['second_microsecond', '%S%f'],
  ['minute_microsecond', '%M%S%f'],
  ['minute_second', '%M%S'],
  ['hour_microsecond', '%H%M%S%f'],
  ['hour_second', '%H%M%S'],
  ['hour_minute', '%H%M'],
  ['day_microsecond', '%d%H%M%S%f'],
  ['day_second', '%d%H%M%S'],
  ['day_minute', '%d%H%M'],
  ['day_hour', '%d%H'],
  ['year_month', '%Y%m'],
])
const simpleParts: ReadonlySet<string> = new Set([
  'microsecond',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
])

const extract: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([word = nothing, moment = nothing], place) => {
    const name = literalText(word, 'a part of a date', place, 0)
    if (simpleParts.has(name)) return part(name).resolve([moment], { ...place, spans: place.spans.slice(1) })
    const format = compositeParts.get(name)
    if (format === undefined) {
      throw new QueryProblem(
        'pipeline.query.badValue',
        place.spans[0] ?? place.span,
        `unknown part \`${name}\`${didYouMean(name, [...simpleParts, ...compositeParts.keys()])}`,
      )
    }
    const digits = call('formatTime', [want(moment, 'timestamp', place, 1), text(format)], 'string')
    return cast(digits, 'long')
  },
}

/** `earliest('-7d', time)`: the time is not before that; `latest`: it is not after.   @see relative-time.ts */
const boundary = (primitive: 'ge' | 'le'): FunctionForm => ({
  least: 2,
  most: 2,
  resolve: ([bound = nothing, moment = nothing], place) => {
    const micros = instantOf(literalText(bound, 'a time such as `-7d`', place, 0), place.scope.now)
    if (micros === undefined) {
      throw new QueryProblem(
        'pipeline.query.badValue',
        place.spans[0] ?? place.span,
        'this is no time; write it like `-7d@d`',
      )
    }
    return call(primitive, [want(moment, 'timestamp', place, 1), literal(micros, 'timestamp')], 'boolean')
  },
})

export const timeForms: readonly (readonly [string, FunctionForm])[] = [
  ['now', now('timestamp')],
  ['current_timestamp', now('timestamp')],
  ['utc_timestamp', now('timestamp')],
  ['sysdate', now('timestamp')],
  ['curdate', now('date')],
  ['current_date', now('date')],
  ['curtime', now('time')],
  ['current_time', now('time')],
  ['date', conversion('date')],
  ['time', conversion('time')],
  ['timestamp', conversion('timestamp')],
  ['date_add', dateAdd(false)],
  ['adddate', dateAdd(false)],
  ['date_sub', dateAdd(true)],
  ['subdate', dateAdd(true)],
  ['date_format', dateFormat],
  ['time_format', dateFormat],
  ['dayname', nameOf('%A')],
  ['monthname', nameOf('%B')],
  ['last_day', lastDay],
  ['datediff', dateDiff],
  ['timestampadd', timestampAdd],
  ['timestampdiff', timestampDiff],
  ['extract', extract],
  ['earliest', boundary('ge')],
  ['latest', boundary('le')],
  ['unix_timestamp', unixTimestamp],
  ['from_unixtime', fromUnixtime],
  ['year', part('year')],
  ['quarter', part('quarter')],
  ['month', part('month')],
  ['month_of_year', part('month')],
  ['week', part('week')],
  ['day', part('day')],
  ['dayofmonth', part('day')],
  ['day_of_month', part('day')],
  ['dayofweek', part('dayofweek')],
  ['day_of_week', part('dayofweek')],
  ['dayofyear', part('dayofyear')],
  ['day_of_year', part('dayofyear')],
  ['hour', part('hour')],
  ['hour_of_day', part('hour')],
  ['minute', part('minute')],
  ['minute_of_hour', part('minute')],
  ['second', part('second')],
  ['second_of_minute', part('second')],
  ['microsecond', part('microsecond')],
]
