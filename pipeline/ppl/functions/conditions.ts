import { QueryProblem } from '../errors.ts'
import { parseCidr } from '../ip.ts'
import { readLike } from '../like.ts'
import type { Typed } from '../plan.ts'
import { readRegex } from '../regex.ts'
import { call, cast, nothing, text } from '../typed.ts'
import { commonType, type ValueType } from '../types.ts'
import { compareForms } from './compare.ts'
import { type CallPlace, type FunctionForm, literalText, want } from './form.ts'

function lower(value: Typed): Typed {
  return value.kind === 'literal' && typeof value.value === 'string'
    ? text(value.value.toLowerCase())
    : call('lower', [value], 'string')
}

/** `like`, as cheaply as its pattern allows: never a case-insensitive operator of the engine, which costs six times
 * what `lower` and a plain search do.   @see reference of signals, 5.5 */
function like(value: Typed, pattern: Typed, caseSensitive: boolean): Typed {
  const [subject, wanted] = caseSensitive ? [value, pattern] : [lower(value), lower(pattern)]
  if (wanted.kind !== 'literal' || typeof wanted.value !== 'string') return call('like', [subject, wanted], 'boolean')
  const parts = readLike(wanted.value)
  const [first, second, third] = parts
  if (parts.length === 0) return call('eq', [subject, text('')], 'boolean')
  if (parts.length === 1 && first === '%') return call('eq', [subject, subject], 'boolean')
  if (parts.length === 1 && typeof first === 'object') return call('eq', [subject, text(first.text)], 'boolean')
  if (parts.length === 2 && typeof first === 'object' && second === '%') {
    return call('startsWith', [subject, text(first.text)], 'boolean')
  }
  if (parts.length === 2 && first === '%' && typeof second === 'object') {
    return call('endsWith', [subject, text(second.text)], 'boolean')
  }
  if (parts.length === 3 && first === '%' && typeof second === 'object' && third === '%') {
    return call('contains', [subject, text(second.text)], 'boolean')
  }
  return call('like', [subject, wanted], 'boolean')
}

const likeForm = (fixedCase: boolean | undefined): FunctionForm => ({
  least: 2,
  most: fixedCase === undefined ? 3 : 2,
  resolve: (args, place) => {
    const [value = nothing, pattern = nothing, third] = args
    const caseSensitive = third?.kind === 'literal' ? third.value === true : (fixedCase ?? false)
    return like(want(value, 'string', place, 0), want(pattern, 'string', place, 1), caseSensitive)
  },
})

const isNull: FunctionForm = {
  least: 1,
  most: 1,
  resolve: ([arg = nothing]) => call('isNull', [arg], 'boolean'),
}

const isNotNull: FunctionForm = {
  least: 1,
  most: 1,
  resolve: ([arg = nothing]) => call('not', [call('isNull', [arg], 'boolean')], 'boolean'),
}

/** The type of a result that is one of several values; all are then brought to it. */
function together(values: readonly Typed[]): { readonly type: ValueType; readonly values: readonly Typed[] } {
  const type = values.reduce<ValueType>((common, value) => commonType(common, value.type), 'null')
  return { type, values: type === 'any' || type === 'null' ? values : values.map((value) => cast(value, type)) }
}

const coalesce: FunctionForm = {
  least: 1,
  most: Number.POSITIVE_INFINITY,
  resolve: (args) => {
    const { type, values } = together(args)
    return call('coalesce', values, type)
  },
}

const nullif: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([value = nothing, other = nothing], place) => {
    const same = compareForms.eq.resolve([value, other], place)
    return call('when', [same, cast(nothing, value.type), value], value.type)
  },
}

/** `case` and `if`: conditions, each with its value, and at the end a value for all else. */
function when(parts: readonly Typed[], place: CallPlace): Typed {
  const pairs = Math.floor(parts.length / 2)
  const conditions = Array.from({ length: pairs }, (_, i) => want(parts[2 * i] ?? nothing, 'boolean', place, 2 * i))
  const results = Array.from({ length: pairs }, (_, i) => parts[2 * i + 1] ?? nothing)
  const otherwise = parts.length % 2 === 1 ? parts.at(-1) : undefined
  const { type, values } = together([...results, otherwise ?? nothing])
  const args = conditions.flatMap((condition, i) => [condition, values[i] ?? nothing])
  return call('when', [...args, values.at(-1) ?? nothing], type)
}

const emptyAs = (trimmed: boolean): FunctionForm => ({
  least: 1,
  most: 1,
  resolve: ([arg = nothing], place) => {
    const value = want(arg, 'string', place, 0)
    const empty = call('eq', [trimmed ? call('trim', [value], 'string') : value, text('')], 'boolean')
    return call('or', [call('isNull', [value], 'boolean'), empty], 'boolean')
  },
})

const contains: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([value = nothing, wanted = nothing], place) =>
    call('contains', [lower(want(value, 'string', place, 0)), lower(want(wanted, 'string', place, 1))], 'boolean'),
}

/** Searches anywhere in the text.   @see Java, Matcher.find */
const regexp: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([value = nothing, pattern = nothing], place) => {
    const written = literalText(pattern, 'a pattern', place, 1)
    const regex = readRegex(written, place.spans[1] ?? place.span, place.scope.limits)
    return call('regexMatch', [want(value, 'string', place, 0), text(regex.source)], 'boolean')
  },
}

/** IPv4 addresses are not in IPv6 networks, nor the other way round. */
const cidrMatch: FunctionForm = {
  least: 2,
  most: 2,
  resolve: ([value = nothing, network = nothing], place) => {
    const cidr = parseCidr(literalText(network, 'a network', place, 1))
    if (!cidr) {
      throw new QueryProblem(
        'pipeline.query.badValue',
        place.spans[1] ?? place.span,
        "this is no network; write it like '10.0.0.0/8' or '2001:db8::/32'",
      )
    }
    const bounds = [cidr.low, cidr.high].map((ip) => text(`${ip.bits}:${ip.value.toString(16).padStart(32, '0')}`))
    return call('ipBetween', [cast(want(value, 'ip', place, 0), 'string'), ...bounds], 'boolean')
  },
}

export const conditionForms: readonly (readonly [string, FunctionForm])[] = [
  ['=', compareForms.eq],
  ['!=', compareForms.ne],
  ['<', compareForms.lt],
  ['<=', compareForms.le],
  ['>', compareForms.gt],
  ['>=', compareForms.ge],
  ['in', compareForms.in],
  ['like', likeForm(undefined)],
  ['ilike', likeForm(false)],
  ['contains', contains],
  ['regexp', regexp],
  ['regexp_match', regexp],
  ['isnull', isNull],
  ['isnotnull', isNotNull],
  ['ispresent', isNotNull],
  ['isempty', emptyAs(false)],
  ['isblank', emptyAs(true)],
  ['coalesce', coalesce],
  ['ifnull', { ...coalesce, least: 2, most: 2 }],
  ['nullif', nullif],
  ['if', { least: 3, most: 3, resolve: when }],
  ['case', { least: 2, most: Number.POSITIVE_INFINITY, resolve: when }],
  ['cidrmatch', cidrMatch],
]
