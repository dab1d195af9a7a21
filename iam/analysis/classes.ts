import { parseTemplate, type TemplatePart, type Variable } from '../policy/text-pattern.ts'
import { wildcardParts } from '../policy/wildcard.ts'
import { PATTERN_CLASSES_MAX, PATTERN_STATES_MAX } from './limits.ts'

/** Any run of characters; any one character. In the first five fields of a resource name: but `:`. */
const STAR = -1
const ONE = -2
const FIELD_STAR = -3
const FIELD_ONE = -4
const COLON = 58
/** Fields of a name that a pattern matches one by one; the sixth holds what it likes. */
const FIELDS_ALONE = 5
/** Code points that stand for variables: no text has them, and `?` does not match them. */
const VARIABLE_FROM = 0xf0000
const IN_NO_TEXT = String.fromCodePoint(0x10fffd)

/** A wildcard pattern as a small machine over code points. */
export interface Pattern {
  readonly text: string
  readonly tokens: Int32Array
}

const variables = new Map<string, number>()

/** What variables stand for: a text, anything, or (undefined) themselves. */
export type Resolve = (variable: Variable) => { readonly literal: string } | 'anything' | undefined

const asTheyAre: Resolve = () => undefined

/** A pattern of plain text, such as a condition's value; `*` crosses everything. */
export function plainPattern(text: string, { wildcards = true, resolve = asTheyAre } = {}): Pattern {
  const parts = parseTemplate(text, { wildcards })
  return typeof parts === 'string' ? exactPattern(text) : compile(text, parts, resolve, false)
}

/** A pattern of actions, which has no variables and ignores case. */
export function actionPattern(text: string): Pattern {
  const folded = text.toLowerCase()
  return { text: folded, tokens: tokensOf(wildcardParts(folded), false) }
}

/** Where every character stands for itself. */
export function exactPattern(text: string): Pattern {
  return { text, tokens: tokensOf([{ literal: text }], false) }
}

/** A pattern of resource names, each of whose first five fields is matched alone. */
export function namePattern(text: string, resolve = asTheyAre): Pattern {
  const parts = parseTemplate(text, { wildcards: true })
  if (typeof parts === 'string') return exactPattern(text)
  const [only] = parts
  const isAny = parts.length === 1 && only !== undefined && 'wildcard' in only && only.wildcard === '*'
  return compile(text, parts, resolve, !isAny)
}

function compile(text: string, parts: readonly TemplatePart[], resolve: Resolve, byField: boolean): Pattern {
  let isResolved = false
  let field = 0
  const resolved = parts.flatMap((part): TemplatePart[] => {
    if ('literal' in part) field += part.literal.split(':').length - 1
    const value = 'variable' in part ? resolve(part) : undefined
    if (value === undefined) return [part]
    isResolved = true
    if (value === 'anything') return [{ wildcard: '*' }]
    // What a variable stands for stays in its field, and no field but the last has a `:`.
    const literal = byField && field < FIELDS_ALONE ? value.literal.replaceAll(':', IN_NO_TEXT) : value.literal
    return literal ? [{ literal }] : []
  })
  return { text: isResolved ? spell(resolved) : text, tokens: tokensOf(resolved, byField) }
}

/** As a policy would write it. */
function spell(parts: readonly TemplatePart[]): string {
  return parts
    .map((part) => {
      if ('literal' in part) return part.literal.replace(/\*|\?|\$(?=\{)/g, (c) => `\${${c}}`)
      if ('wildcard' in part) return part.wildcard
      return part.fallback === undefined ? `\${${part.variable}}` : `\${${part.variable}, '${part.fallback}'}`
    })
    .join('')
}

function tokensOf(parts: readonly TemplatePart[], byField: boolean): Int32Array {
  const tokens: number[] = []
  let field = 0
  for (const part of parts) {
    const alone = byField && field < FIELDS_ALONE
    if ('variable' in part) tokens.push(codeOfVariable(part.variable, part.fallback))
    else if ('wildcard' in part) {
      const token = part.wildcard === '*' ? (alone ? FIELD_STAR : STAR) : alone ? FIELD_ONE : ONE
      if (token !== tokens.at(-1) || part.wildcard === '?') tokens.push(token)
    } else {
      for (const character of part.literal) {
        const code = character.codePointAt(0) ?? 0
        if (code === COLON) field++
        tokens.push(code)
      }
    }
  }
  return Int32Array.from(tokens)
}

function codeOfVariable(name: string, fallback: string | undefined): number {
  const key = JSON.stringify([name, fallback ?? null])
  const known = variables.get(key)
  if (known !== undefined) return known
  // Beyond the room of a private plane two variables would look alike, which only ever says too little is included.
  const code = VARIABLE_FROM + (variables.size % 0xfffd)
  variables.set(key, code)
  return code
}

/** A class of texts that the same patterns match, with its shortest member. */
export interface PatternClass {
  /** Places of the patterns that match, ascending. */
  readonly members: readonly number[]
  readonly witness: string
}

interface State {
  /** Of each pattern, where in it one can be; none once it cannot match any more. */
  readonly at: readonly (readonly number[])[]
  readonly live: readonly number[]
  readonly parent: State | undefined
  readonly code: number
}

/** The classes that patterns can tell apart, shortest members first: all patterns are walked at once, and each state
 * that can be reached once. `complete` is false where there are more than are looked at. */
export function classesOf(patterns: readonly Pattern[]): { classes: PatternClass[]; complete: boolean } {
  const found = new Map<string, PatternClass>()
  const complete = walk(patterns, (members, witness) => {
    const key = members.join()
    if (!found.has(key)) found.set(key, { members, witness: witness() })
    return found.size >= PATTERN_CLASSES_MAX
  })
  return { classes: [...found.values()], complete }
}

const inclusions = new Map<string, boolean>()
const INCLUSIONS_REMEMBERED_MAX = 50_000

/** Whether every text that `inner` matches is matched by one of `outer`; false where that cannot be told. */
export function isIncluded(inner: Pattern, outer: readonly Pattern[]): boolean {
  for (const one of outer) {
    if (one.text === inner.text || (one.tokens.length === 1 && one.tokens[0] === STAR)) return true
  }
  if (inner.tokens.every((token) => token >= 0) && outer.every((one) => one.tokens.every((token) => token >= 0))) {
    return false
  }
  const key = JSON.stringify([
    inner.tokens[0] === undefined,
    kindOf(inner),
    inner.text,
    ...outer.map((one) => one.text),
  ])
  const known = inclusions.get(key)
  if (known !== undefined) return known
  let isInside = true
  const complete = walk([inner, ...outer], (members) => {
    if (members[0] === 0 && members.length === 1) isInside = false
    return !isInside
  })
  const result = isInside && complete
  if (inclusions.size >= INCLUSIONS_REMEMBERED_MAX) inclusions.clear()
  inclusions.set(key, result)
  return result
}

/** Names and plain texts of one spelling are not the same pattern. */
function kindOf({ tokens }: Pattern): boolean {
  return tokens.includes(FIELD_STAR) || tokens.includes(FIELD_ONE)
}

/** Whether some text is matched by both; true where that cannot be told. */
export function doIntersect(a: Pattern, b: Pattern): boolean {
  let both = false
  const complete = walk([a, b], (members) => {
    both ||= members.length === 2
    return both
  })
  return both || !complete
}

/** @param visit is given each set of patterns that some text matches; true stops
 * @returns false where not every state was looked at */
function walk(
  patterns: readonly Pattern[],
  visit: (members: readonly number[], witness: () => string) => boolean,
): boolean {
  const other = otherCharacter(patterns)
  const start: State = {
    at: patterns.map(({ tokens }) => closed(tokens, [0])),
    live: patterns.map((_, index) => index),
    parent: undefined,
    code: 0,
  }
  const seen = new Set([keyOf(start)])
  const queue = [start]
  for (let next = 0; next < queue.length; next++) {
    const state = queue[next] as State
    const members = state.live.filter((index) => state.at[index]?.includes(patterns[index]?.tokens.length ?? -1))
    if (visit(members, () => textOf(state))) return true
    for (const code of nextCodes(state, patterns, other)) {
      const reached = step(state, patterns, code)
      const key = keyOf(reached)
      if (seen.has(key)) continue
      if (seen.size >= PATTERN_STATES_MAX) return false
      seen.add(key)
      queue.push(reached)
    }
  }
  return true
}

/** Characters worth trying: those some pattern waits for, and one that none does. */
function nextCodes(state: State, patterns: readonly Pattern[], other: number): Set<number> {
  const codes = new Set<number>()
  let isOpen = false
  for (const index of state.live) {
    const tokens = patterns[index]?.tokens
    for (const at of state.at[index] ?? []) {
      const token = tokens?.[at]
      if (token === undefined) isOpen = true
      else if (token >= 0) codes.add(token)
      else {
        isOpen = true
        if (token === FIELD_STAR || token === FIELD_ONE) codes.add(COLON)
      }
    }
  }
  // Texts that no pattern matches are a class too.
  if (isOpen || codes.size > 0) codes.add(other)
  return codes
}

function step(state: State, patterns: readonly Pattern[], code: number): State {
  const at: (readonly number[])[] = new Array(patterns.length).fill(NOWHERE)
  const live: number[] = []
  for (const index of state.live) {
    const tokens = patterns[index]?.tokens
    if (!tokens) continue
    const moved: number[] = []
    for (const place of state.at[index] ?? NOWHERE) {
      const token = tokens[place]
      if (token === code) moved.push(place + 1)
      else if (token === STAR || (token === FIELD_STAR && code !== COLON)) moved.push(place)
      else if (code < VARIABLE_FROM && (token === ONE || (token === FIELD_ONE && code !== COLON))) moved.push(place + 1)
    }
    if (moved.length === 0) continue
    at[index] = closed(tokens, moved)
    live.push(index)
  }
  return { at, live, parent: state, code }
}

const NOWHERE: readonly number[] = []

/** A star may be passed over. Whatever matches from a place before the last star that was reached also matches from
 * that star, so the places before it need not be kept. */
function closed(tokens: Int32Array, places: readonly number[]): readonly number[] {
  const all = new Set<number>()
  let lastStar = -1
  for (let place of places) {
    all.add(place)
    while (tokens[place] === STAR || tokens[place] === FIELD_STAR) {
      lastStar = Math.max(lastStar, place)
      all.add(++place)
    }
  }
  return [...all].filter((place) => place >= lastStar).sort((a, b) => a - b)
}

function keyOf({ at, live }: State): string {
  let key = ''
  for (const index of live) key += `${index}:${at[index]?.join()};`
  return key
}

function textOf(state: State): string {
  const codes: number[] = []
  for (let at = state; at.parent; at = at.parent) codes.push(at.code)
  return codes
    .reverse()
    .map((code) => String.fromCodePoint(code))
    .join('')
}

/** A character that stands in no pattern. */
function otherCharacter(patterns: readonly Pattern[]): number {
  const used = new Set<number>()
  for (const { tokens } of patterns) for (const token of tokens) used.add(token)
  for (const character of 'xzqjkvwy0123456789abcdefghilmnoprstu_~') {
    const code = character.codePointAt(0) ?? 0
    if (!used.has(code)) return code
  }
  for (let code = 0x4e00; ; code++) if (!used.has(code)) return code
}
