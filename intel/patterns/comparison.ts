import { RE2JS } from 're2js'
import { err, ok, type Result } from '../../platform/index.ts'
import { refusalOf } from '../admission.ts'
import { formatIp, isInside, type Network, parseIp, parseNetwork } from '../ip.ts'
import { LIKE_CHARS_MIN } from '../limits.ts'
import type { Literal, Test } from '../stix/pattern.ts'
import type { ExactType } from '../types.ts'
import { literalOfLike, literalOfRegex } from './literal.ts'
import { pathKey, propertyAt, type ShownObject, type ShownValue, spelled } from './shown-objects.ts'

/** One comparison of a pattern, ready to be asked of an object. */
export interface Comparison {
  /** As the pattern writes it: `file:name`. */
  readonly name: string
  readonly object: string
  readonly path: string
  /** What its values are, where they are of a kind that indicators are. */
  readonly type?: ExactType
  /** The values one of which has to be there, where they are telling. */
  readonly exact?: readonly ShownValue[]
  /** A text that has to stand in the value. */
  readonly literal?: string
  /** It leaves few enough objects for somebody to be told of them. */
  readonly narrows: boolean
  /** The value of the object that it holds of; undefined where it holds of none. A property that has to be away is told as ''. */
  metBy(object: ShownObject): ShownValue | undefined
}

type ComparisonTest = Extract<Test, { kind: 'comparison' }>
/** Undefined where they cannot be compared, which a NOT does not make true. */
type Holds = (value: ShownValue) => boolean | undefined

/** @returns why it cannot be asked of events */
export function compileComparison(test: Exclude<Test, { kind: 'anyOf' | 'allOf' }>): Result<Comparison, string> {
  const { path, negated } = test
  const name = `${path.object}:${path.steps.join('.')}`.slice(0, 200)
  const key = pathKey(path.steps)
  const property = propertyAt(path.object, key)
  if (!property) return err(`events do not show ${name}`)
  const numbers = path.steps.filter((step) => typeof step === 'number')
  if (numbers.length > 1) return err(`${name} counts within two lists`)
  const base = { name, object: path.object, path: key, ...(property.type ? { type: property.type } : {}) }
  const [index] = numbers
  const valuesOf = (object: ShownObject): readonly ShownValue[] => {
    const values = object.valuesAt(key)
    return index === undefined ? values : values.slice(index, index + 1)
  }
  if (test.kind === 'exists') {
    return ok({
      ...base,
      narrows: false,
      metBy: (object) => (negated ? (valuesOf(object).length === 0 ? '' : undefined) : valuesOf(object)[0]),
    })
  }
  const holds = holdsOf(test, property.type)
  if (!holds.ok) return err(`${name}: ${holds.error}`)
  const { exact, literal = '', rare, test: isMet } = holds.value
  const isExact = exact !== undefined && !negated && property.kind === 'value'
  return ok({
    ...base,
    ...(isExact ? { exact } : {}),
    ...(literal !== '' && !negated ? { literal } : {}),
    narrows: !negated && property.kind === 'value' && rare,
    metBy: (object) =>
      valuesOf(object).find((value) => {
        const isSo = isMet(value)
        return isSo !== undefined && isSo !== negated
      }),
  })
}

interface Compiled {
  readonly test: Holds
  /** Meeting one of these is all that it asks. */
  readonly exact?: readonly ShownValue[]
  readonly literal?: string
  /** Few values are like that. */
  readonly rare: boolean
}

/** @see STIX 2.1, 9.6 (comparison operators) */
function holdsOf({ operator, values }: ComparisonTest, type: ExactType | undefined): Result<Compiled, string> {
  const [literal = ''] = values
  switch (operator) {
    case '=':
    case '!=':
    case 'IN':
      return equality(values, type, operator === '!=')
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ok({ test: ordering(operator, literal), rare: false })
    case 'LIKE':
      return typeof literal === 'string' ? like(literal, type) : err('LIKE asks for a text')
    case 'MATCHES':
      return typeof literal === 'string' ? matches(literal) : err('MATCHES asks for a text')
    case 'ISSUBSET':
    case 'ISSUPERSET':
      return subset(String(literal), operator)
  }
}

function equality(values: readonly Literal[], type: ExactType | undefined, unequal: boolean): Result<Compiled, string> {
  const networks: Network[] = []
  const instants: number[] = []
  const exact = new Set<ShownValue>()
  for (const value of values) {
    if (typeof value === 'object') {
      instants.push(value.at)
      continue
    }
    const network = type === 'ip' && typeof value === 'string' ? parseNetwork(value) : undefined
    if (network) networks.push(network)
    else exact.add(spelled(type, value))
  }
  const isOne: Holds = (value) =>
    exact.has(value) ||
    (networks.length > 0 && networks.some((network) => isWithin(value, network))) ||
    (instants.length > 0 && typeof value === 'string' && instants.includes(Date.parse(value)))
  if (unequal) return ok({ test: (value) => !isOne(value), rare: false })
  const isExact = networks.length === 0 && instants.length === 0
  const rare = networks.every(isRare) && [...exact].every((value) => isRareValue(value, type))
  return ok({ test: isOne, ...(isExact ? { exact: [...exact] } : {}), rare })
}

function ordering(operator: '<' | '<=' | '>' | '>=', literal: Literal): Holds {
  const limit = typeof literal === 'object' ? literal.at : literal
  return (value) => {
    const own = typeof literal === 'object' && typeof value === 'string' ? Date.parse(value) : value
    if (typeof own !== typeof limit || typeof own === 'boolean' || Number.isNaN(own)) return undefined
    const order = typeof own === 'string' ? compareTexts(own, String(limit)) : own - Number(limit)
    if (order === 0) return operator === '<=' || operator === '>='
    return order < 0 === operator.startsWith('<')
  }
}

/** By code points: JavaScript's own order is by UTF-16 units. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  const left = [...a]
  const right = [...b]
  const at = left.findIndex((char, index) => char !== right[index])
  return at === -1 ? -1 : (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1)
}

/** `%` is any text, `_` any character.   @see STIX 2.1, 9.6 (LIKE) */
function like(pattern: string, type: ExactType | undefined): Result<Compiled, string> {
  // Names and hashes are compared in small letters.
  const own = type === undefined || type === 'url' ? pattern : pattern.toLowerCase()
  const parts = own.split(/([%_])/).map((part) => (part === '%' ? '.*' : part === '_' ? '.' : RE2JS.quote(part)))
  const regex = regexOf(`^(?:${parts.join('')})$`, RE2JS.DOTALL)
  if (!regex.ok) return regex
  const literal = literalOfLike(own)
  return ok({ test: guarded(regex.value, literal), literal, rare: literal.length >= LIKE_CHARS_MIN })
}

function matches(pattern: string): Result<Compiled, string> {
  const regex = regexOf(pattern, 0)
  if (!regex.ok) return regex
  const rare = !COMMON.some((text) => regex.value().test(text))
  const literal = literalOfRegex(pattern)
  return ok({ test: guarded(regex.value, literal), literal, rare })
}

/** What finds one of these finds something in nearly every text. */
const COMMON = ['', ' ', '0', 'a', 'A', '.', '/']

/** In time linear in the text, made when it is first needed: most are not.   @see RE2 syntax */
function regexOf(source: string, flags: number): Result<() => { test(text: string): boolean }, string> {
  let made: { test(text: string): boolean } | undefined
  const make = () => {
    const compiled = RE2JS.compile(source, flags)
    made = { test: (text) => compiled.test(text) }
    return made
  }
  try {
    make()
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure)
    return err(`not a regular expression that can be run in linear time: ${reason.slice(0, 200)}`)
  }
  made = undefined
  return ok(() => made ?? make())
}

/** Looks for the text that has to be there before anything else. */
function guarded(regex: () => { test(text: string): boolean }, literal: string): Holds {
  return (value) => typeof value === 'string' && value.includes(literal) && regex().test(value)
}

function subset(text: string, operator: 'ISSUBSET' | 'ISSUPERSET'): Result<Compiled, string> {
  const network = networkOf(text)
  if (!network) return err(`\`${text.slice(0, 80)}\` is no address and no network`)
  if (operator === 'ISSUBSET') {
    const isSingle = network.prefix === network.words.length * 32
    const exact = isSingle ? { exact: [formatIp(network.words)] } : {}
    return ok({ test: (value) => isWithin(value, network), ...exact, rare: isRare(network) })
  }
  return ok({
    test: (value) => {
      const own = typeof value === 'string' ? networkOf(value) : undefined
      return own !== undefined && contains(own, network)
    },
    rare: true,
  })
}

function isWithin(value: ShownValue, network: Network): boolean {
  const own = typeof value === 'string' ? networkOf(value) : undefined
  return own !== undefined && contains(network, own)
}

function contains(outer: Network, inner: Network): boolean {
  return outer.words.length === inner.words.length && outer.prefix <= inner.prefix && isInside(inner.words, outer)
}

function networkOf(text: string): Network | undefined {
  const words = parseIp(text)
  return words ? { words, prefix: words.length * 32 } : parseNetwork(text)
}

function isRareValue(value: ShownValue, type: ExactType | undefined): boolean {
  if (value === '' || typeof value === 'boolean') return false
  return type === undefined || refusalOf({ type, value: String(value) }) === undefined
}

function isRare(network: Network): boolean {
  return refusalOf({ type: 'network', value: `${formatIp(network.words)}/${network.prefix}` }) === undefined
}
