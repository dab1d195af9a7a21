import type { Typed } from '../plan.ts'
import { unitMicros, unitMonths } from '../span.ts'
import { call, cast, literal, nothing, text, whole } from '../typed.ts'
import { isMoment, type ValueType } from '../types.ts'
import { type CallPlace, type FunctionForm, momentOf, want } from './form.ts'

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
  most: 1,
  resolve: ([arg = nothing], place) => {
    const micros = call('multiply', [cast(want(arg, 'number', place, 0), 'double'), literal(1e6, 'double')], 'double')
    return call('fromMicros', [cast(micros, 'long')], 'timestamp')
  },
}

const part = (name: string): FunctionForm => ({
  least: 1,
  most: 1,
  resolve: ([arg = nothing], place) =>
    // A time of day has hours too.
    call('datePart', [text(name), arg.type === 'time' ? arg : want(arg, 'timestamp', place, 0)], 'integer'),
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
