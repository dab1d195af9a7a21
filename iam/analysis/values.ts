import type { ContextValue } from '../../platform/index.ts'
import { type Condition, parseOperatorName } from '../policy/condition.ts'
import { findContextKey } from '../policy/context-keys.ts'
import { parseInstant } from '../policy/instant.ts'
import { type Address, type Cidr, parseCidr } from '../policy/ip.ts'
import { parseWindow } from '../policy/operators.ts'
import { parseTemplate, type Variable } from '../policy/text-pattern.ts'
import { classesOf, namePattern, type Pattern, plainPattern, type Resolve } from './classes.ts'
import { VALUES_PER_KEY_MAX } from './limits.ts'

/** Values of one key, or its absence. */
export type Values = readonly (ContextValue | undefined)[]

const DAY_MS = 86_400_000
/** Texts that nothing in particular is known of: two, so that equal and different can both be had. */
const ANY_TEXTS = ['x-1', 'x-2']
/** Each set of so many texts is tried as a list; of more, only pairs. */
const SUBSETS_OF_MAX = 4

/** Values of a key that conditions can tell apart, its absence first; of the time of day those of `g:CurrentTime`.
 * `complete` is false where some were left out.
 * @param valuesOf those of the keys that the conditions' values hold as variables */
export function tellingValues(
  canonicalKey: string,
  conditions: readonly Condition[],
  valuesOf: (key: string) => readonly string[],
): { values: Values; complete: boolean } {
  const found = new Set<string | number | boolean>()
  const patterns: Pattern[] = []
  let isList = findContextKey(canonicalKey)?.type === 'strings'
  const isDeclaredSingle = findContextKey(canonicalKey) !== undefined && !isList
  for (const { operator, values } of conditions) {
    const { quantifier, base } = parseOperatorName(operator)
    if (quantifier !== undefined && !isDeclaredSingle) isList = true
    const family = familyOf(base)
    if (family === undefined) found.add('').add('x')
    else if (family.kind === 'pattern') patterns.push(...values.flatMap((value) => family.patterns(value, valuesOf)))
    else for (const value of family.values(values)) found.add(value)
  }
  for (const value of timesOnOtherDays(conditions)) found.add(value)
  const { classes, complete } = classesOf(patterns)
  const texts = patterns.length > 0 ? classes.map(({ witness }) => witness) : []
  for (const text of texts) found.add(text)
  const single = [...found]
  const lists = isList || (!isDeclaredSingle && texts.length > 0) ? listsOf(texts) : []
  const values: Values = [undefined, ...single, ...lists]
  return { values: values.slice(0, VALUES_PER_KEY_MAX), complete: complete && values.length <= VALUES_PER_KEY_MAX }
}

/** Texts for a key that no condition looks at, only variables. */
export const anyTexts: Values = [undefined, ...ANY_TEXTS]

type Family =
  | { readonly kind: 'pattern'; patterns(value: string, valuesOf: (key: string) => readonly string[]): Pattern[] }
  | { readonly kind: 'value'; values(wanted: readonly string[]): Iterable<string | number | boolean> }

const text = (options: { wildcards?: boolean; fold?: boolean; before?: string; after?: string } = {}): Family => ({
  kind: 'pattern',
  patterns(value, valuesOf) {
    const { wildcards = false, fold = false, before = '', after = '' } = options
    return resolutions(value, valuesOf).flatMap((resolve) => {
      const made = plainPattern(value, { wildcards, resolve })
      const open = before || after ? surrounded(made, before !== '', after !== '') : made
      return fold ? [folded(open, 'toLowerCase'), folded(open, 'toUpperCase')] : [open]
    })
  },
})

const STAR = -1

function surrounded({ text, tokens }: Pattern, before: boolean, after: boolean): Pattern {
  return { text, tokens: Int32Array.from([...(before ? [STAR] : []), ...tokens, ...(after ? [STAR] : [])]) }
}

function folded({ text, tokens }: Pattern, way: 'toLowerCase' | 'toUpperCase'): Pattern {
  const fold = (code: number) => (code < 0 ? code : (String.fromCodePoint(code)[way]().codePointAt(0) ?? code))
  return { text: text[way](), tokens: tokens.map(fold) }
}

const name: Family = {
  kind: 'pattern',
  patterns: (value, valuesOf) => [
    ...resolutions(value, valuesOf).map((resolve) => namePattern(value, resolve)),
    // What is no name at all counts as absent.
    namePattern('*:*:*:*:*:*'),
  ],
}

function familyOf(base: string): Family | undefined {
  if (/^String(Not)?Equals$/.test(base)) return text()
  if (/^String(Not)?EqualsIgnoreCase$/.test(base)) return text({ fold: true })
  if (/^String(Not)?(Like|Match)$/.test(base)) return text({ wildcards: true })
  if (/^String(Not)?StartWith$/.test(base)) return text({ after: '*' })
  if (/^String(Not)?EndWith$/.test(base)) return text({ before: '*' })
  if (/^String(Not)?Contain$/.test(base)) return text({ before: '*', after: '*' })
  if (base.startsWith('Arn')) return name
  if (base.startsWith('Num')) return { kind: 'value', values: numbers }
  if (base.startsWith('Date')) return { kind: 'value', values: dates }
  if (base.startsWith('Time')) return { kind: 'value', values: times }
  if (base === 'Bool') return { kind: 'value', values: () => ['true', 'false', 'x'] }
  if (base.endsWith('IpAddress')) return { kind: 'value', values: addresses }
  if (base === 'BinaryEquals') return { kind: 'value', values: (wanted) => [...wanted, 'AA==', '?'] }
  return undefined
}

/** Ways to fill in the variables of a text; one where it has none. */
function resolutions(value: string, valuesOf: (key: string) => readonly string[]): Resolve[] {
  const parts = parseTemplate(value, { wildcards: true })
  const variables = typeof parts === 'string' ? [] : parts.filter((part): part is Variable => 'variable' in part)
  const [first] = variables
  if (!first) return [() => undefined]
  const texts = [...valuesOf(first.variable), ...(first.fallback === undefined ? [] : [first.fallback])]
  return texts.map(
    (literal): Resolve =>
      (variable) => {
        if (variable.variable === first.variable) return { literal }
        return { literal: valuesOf(variable.variable)[0] ?? variable.fallback ?? '' }
      },
  )
}

/** Each boundary, and both sides of it. */
function around(boundaries: readonly number[], step: number): number[] {
  const sorted = [...new Set(boundaries)].sort((a, b) => a - b)
  const values = sorted.flatMap((value) => [value - step, value, value + step])
  for (const [index, value] of sorted.entries()) {
    const next = sorted[index + 1]
    if (next !== undefined) values.push((value + next) / 2)
  }
  return values
}

function* numbers(wanted: readonly string[]): Generator<string | number> {
  yield* around(wanted.map(Number), 1)
  yield 'x'
}

const dateText = (ms: number) => String(ms / 1000)

function* dates(wanted: readonly string[]): Generator<string> {
  for (const ms of around(
    wanted.map((value) => parseInstant(value) ?? 0),
    1000,
  )) {
    yield dateText(Math.round(ms))
  }
  yield 'x'
}

function* times(wanted: readonly string[]): Generator<string> {
  const boundaries = wanted.flatMap((value) => {
    const window = parseWindow(value)
    if (typeof window === 'string') return []
    const offset = window.zone.timeOfDay(0)
    return [window.fromMs, window.toMs].map((at) => (((at - offset) % DAY_MS) + DAY_MS) % DAY_MS)
  })
  for (const at of around(boundaries, 1000)) yield dateText(((at % DAY_MS) + DAY_MS) % DAY_MS)
}

/** Windows of time hold on every day, so they are tried also on the days after each date that matters. */
function* timesOnOtherDays(conditions: readonly Condition[]): Generator<string> {
  const wanted = (prefix: string) =>
    conditions.flatMap(({ operator, values }) => (parseOperatorName(operator).base.startsWith(prefix) ? values : []))
  const windows = wanted('Time')
  if (windows.length === 0) return
  for (const date of wanted('Date')) {
    const day = Math.floor((parseInstant(date) ?? 0) / DAY_MS) * DAY_MS
    for (const time of times(windows)) {
      yield dateText(day + Number(time) * 1000 + DAY_MS)
      yield dateText(day + Number(time) * 1000 - DAY_MS)
    }
  }
}

function* addresses(wanted: readonly string[]): Generator<string> {
  yield '203.0.113.77'
  yield '2001:db8:ffff::77'
  yield 'x'
  for (const value of wanted) {
    const cidr = parseCidr(value)
    if (!cidr) continue
    const [first, last] = [numberOf(cidr.address), numberOf(lastOf(cidr))]
    for (const one of [first - 1n, first, last, last + 1n]) {
      if (one >= 0n && one < 1n << 128n) yield addressText(one)
    }
  }
}

function lastOf({ address, prefix }: Cidr): Address {
  return address.map((group, index) => {
    const left = Math.min(16, Math.max(0, prefix - index * 16))
    return group | (0xffff >> left)
  })
}

function numberOf(address: Address): bigint {
  return address.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
}

function addressText(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(16 * (7 - index))) & 0xffffn))
  const isV4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!isV4) return groups.map((group) => group.toString(16)).join(':')
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function listsOf(texts: readonly string[]): (readonly string[])[] {
  const lists: (readonly string[])[] = [[]]
  if (texts.length <= SUBSETS_OF_MAX) {
    for (let set = 1; set < 1 << texts.length; set++) lists.push(texts.filter((_, index) => set & (1 << index)))
    return lists
  }
  for (const [index, one] of texts.entries()) {
    lists.push([one])
    for (const other of texts.slice(index + 1)) lists.push([one, other])
  }
  return lists
}

/** Every way to give each key one of its values; at most `countMax`. */
export function* combinations(
  keys: readonly (readonly [string, Values])[],
  countMax: number,
): Generator<ReadonlyMap<string, ContextValue | undefined>> {
  const places = keys.map(() => 0)
  for (let count = 0; count < countMax; count++) {
    yield new Map(keys.map(([key, values], index) => [key, values[places[index] ?? 0]]))
    let at = 0
    for (; at < keys.length; at++) {
      const next = (places[at] ?? 0) + 1
      if (next < (keys[at]?.[1].length ?? 0)) {
        places[at] = next
        break
      }
      places[at] = 0
    }
    if (at === keys.length) return
  }
}
