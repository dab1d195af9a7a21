import { QueryProblem } from '../errors.ts'
import { canonicalIp } from '../ip.ts'
import type { Typed } from '../plan.ts'
import type { Primitive } from '../primitives.ts'
import { call, cast, nothing, text } from '../typed.ts'
import { isMoment, isNumber, type ValueType } from '../types.ts'
import { type CallPlace, type FunctionForm, momentOf } from './form.ts'

/** Both sides in a type in which they can be compared: a text meets a number as a number, an instant as an instant, an
 * address in its canonical spelling.   @see PPL reference, type conversion */
function comparable(left: Typed, right: Typed, place: CallPlace): readonly [Typed, Typed] {
  const type = meetingType(left.type, right.type)
  if (type === undefined) {
    throw new QueryProblem(
      'pipeline.query.wrongType',
      place.span,
      `a value of type ${left.type} cannot be compared with one of type ${right.type}${hint(left.type, right.type)}`,
    )
  }
  return [meet(left, type, place, 0), meet(right, type, place, 1)]
}

function meetingType(a: ValueType, b: ValueType): ValueType | undefined {
  if (a === b) return a === 'interval' ? undefined : a
  if (a === 'null' || a === 'any') return b
  if (b === 'null' || b === 'any') return a
  if (isNumber(a) && isNumber(b)) return 'double'
  if (a === 'string' || b === 'string') {
    const other = a === 'string' ? b : a
    if (isNumber(other)) return 'double'
    if (other === 'interval') return undefined
    return other === 'array' || other === 'struct' || other === 'binary' ? 'string' : other
  }
  if ((a === 'boolean' && isNumber(b)) || (b === 'boolean' && isNumber(a))) return 'long'
  if (isMoment(a) && isMoment(b)) return 'timestamp'
  return undefined
}

function meet(value: Typed, type: ValueType, place: CallPlace, index: number): Typed {
  if (value.type === type || (isNumber(value.type) && isNumber(type))) return value
  if (isMoment(type)) return momentOf(value, type as 'date' | 'time' | 'timestamp', place, index)
  if (type !== 'ip') return cast(value, type)
  // Only literals need it: what is stored as ip is canonical already.
  if (value.kind !== 'literal' || typeof value.value !== 'string') return cast(value, 'string')
  const ip = canonicalIp(value.value)
  if (ip !== undefined) return text(ip)
  throw new QueryProblem('pipeline.query.badValue', place.spans[index] ?? place.span, 'this is no IP address')
}

function hint(a: ValueType, b: ValueType): string {
  return isMoment(a) !== isMoment(b) ? "; write an instant as '2024-02-29 23:59:59'" : ''
}

function comparison(primitive: Primitive): FunctionForm {
  return {
    least: 2,
    most: 2,
    resolve: ([left = nothing, right = nothing], place) => call(primitive, comparable(left, right, place), 'boolean'),
  }
}

const isIn: FunctionForm = {
  least: 2,
  most: Number.POSITIVE_INFINITY,
  resolve: ([operand = nothing, ...values], place) => {
    const pairs = values.map((value, i) =>
      comparable(operand, value, { ...place, spans: [place.span, place.spans[i + 1] ?? place.span] }),
    )
    const types = new Set(pairs.map(([left]) => left.type))
    if (types.size === 1) return call('in', [pairs[0]?.[0] ?? operand, ...pairs.map(([, right]) => right)], 'boolean')
    return call(
      'or',
      pairs.map((pair) => call('eq', pair, 'boolean')),
      'boolean',
    )
  },
}

export const compareForms = {
  eq: comparison('eq'),
  ne: comparison('ne'),
  lt: comparison('lt'),
  le: comparison('le'),
  gt: comparison('gt'),
  ge: comparison('ge'),
  in: isIn,
} as const
