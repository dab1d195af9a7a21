import { unreachable } from '../../platform/index.ts'

const STAR = -1
const ONE = -2

/** A pattern in which `*` is any run of characters and `?` exactly one; everything else stands for itself. Compiled to
 * the cheapest form that decides it, and never to a RegExp: the pattern `a*a*a*a*a*a*b` takes a backtracking engine
 * seconds on 120 characters. */
export type Wildcard =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'suffix'; readonly text: string }
  | { readonly kind: 'general'; readonly tokens: Int32Array }

/** A part of a pattern: text that stands for itself, or a wildcard character. */
export type WildcardPart = { readonly literal: string } | { readonly wildcard: '*' | '?' }

export function parseWildcard(pattern: string): Wildcard {
  return compileWildcard(wildcardParts(pattern))
}

/** `pattern` split at its wildcard characters; a run of `*` is one. */
export function wildcardParts(pattern: string): WildcardPart[] {
  const parts: WildcardPart[] = []
  let literal = ''
  for (const c of pattern) {
    if (c !== '*' && c !== '?') {
      literal += c
      continue
    }
    if (literal) parts.push({ literal })
    literal = ''
    const last = parts.at(-1)
    if (c === '*' && last && 'wildcard' in last && last.wildcard === '*') continue
    parts.push({ wildcard: c })
  }
  if (literal) parts.push({ literal })
  return parts
}

export function compileWildcard(parts: readonly WildcardPart[]): Wildcard {
  const isStar = (part: WildcardPart | undefined) => part !== undefined && 'wildcard' in part && part.wildcard === '*'
  if (parts.every((part) => 'literal' in part)) {
    return { kind: 'exact', text: parts.map((part) => part.literal).join('') }
  }
  const [first, second] = parts
  if (parts.length === 1 && isStar(first)) return { kind: 'any' }
  if (parts.length === 2 && first && 'literal' in first && isStar(second))
    return { kind: 'prefix', text: first.literal }
  if (parts.length === 2 && second && 'literal' in second && isStar(first)) {
    return { kind: 'suffix', text: second.literal }
  }
  const tokens: number[] = []
  for (const part of parts) {
    if ('literal' in part) for (let i = 0; i < part.literal.length; i++) tokens.push(part.literal.charCodeAt(i))
    else if (part.wildcard === '?') tokens.push(ONE)
    else if (tokens.at(-1) !== STAR) tokens.push(STAR)
  }
  return { kind: 'general', tokens: Int32Array.from(tokens) }
}

export function matchesWildcard(wildcard: Wildcard, text: string): boolean {
  switch (wildcard.kind) {
    case 'any':
      return true
    case 'exact':
      return text === wildcard.text
    case 'prefix':
      return text.startsWith(wildcard.text)
    case 'suffix':
      return text.endsWith(wildcard.text)
    case 'general':
      return matchTokens(wildcard.tokens, text, undefined)
    default:
      return unreachable(wildcard)
  }
}

/** Whether the part of `text` between two offsets matches, without cutting it out. */
export function matchesWildcardIn(wildcard: Wildcard, text: string, from: number, to: number): boolean {
  switch (wildcard.kind) {
    case 'any':
      return true
    case 'exact':
      return to - from === wildcard.text.length && text.startsWith(wildcard.text, from)
    case 'prefix':
      return to - from >= wildcard.text.length && text.startsWith(wildcard.text, from)
    case 'suffix':
      return to - from >= wildcard.text.length && text.startsWith(wildcard.text, to - wildcard.text.length)
    case 'general':
      return matchTokens(wildcard.tokens, text.slice(from, to), undefined)
    default:
      return unreachable(wildcard)
  }
}

/** Counts the steps of a match, for the test that bounds them. */
export interface StepCount {
  steps: number
}

/** Two pointers and one point to come back to: the last star seen. A mismatch lets that star take one character more,
 * so no more than tokens times characters steps are taken. */
export function matchTokens(tokens: Int32Array, text: string, count: StepCount | undefined): boolean {
  let t = 0
  let i = 0
  let starToken = -1
  let starText = 0
  while (i < text.length) {
    if (count) count.steps++
    const token = tokens[t]
    if (token === STAR) {
      starToken = t++
      starText = i
    } else if (token === ONE) {
      t++
      i = nextCharacter(text, i)
    } else if (token !== undefined && token === text.charCodeAt(i)) {
      t++
      i++
    } else if (starToken >= 0) {
      starText = nextCharacter(text, starText)
      t = starToken + 1
      i = starText
    } else return false
  }
  while (tokens[t] === STAR) t++
  return t === tokens.length
}

/** `?` and a growing `*` step over whole code points, so that neither takes half of one. */
function nextCharacter(text: string, at: number): number {
  const high = text.charCodeAt(at)
  if (high < 0xd800 || high > 0xdbff) return at + 1
  const low = text.charCodeAt(at + 1)
  return low >= 0xdc00 && low <= 0xdfff ? at + 2 : at + 1
}
