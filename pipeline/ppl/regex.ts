import { RE2JS } from 're2js'
import { QueryProblem, type Span } from './errors.ts'
import type { QueryLimits } from './limits.ts'

/** A regular expression that runs in linear time in every engine. */
export interface Regex {
  /** RE2 syntax, groups without names. */
  readonly source: string
  /** Names of groups with their numbers, in order. */
  readonly groups: readonly { readonly name: string; readonly index: number }[]
  readonly groupCount: number
}

/** A pattern as users write it, Java's named groups included.
 * @throws QueryProblem for what cannot run in linear time (look-around, back-references, possessive quantifiers), and
 * for what is not a pattern   @see RE2 syntax */
export function readRegex(pattern: string, span: Span, limits: QueryLimits): Regex {
  const refuse = (why: string): never => {
    throw new QueryProblem('pipeline.query.badRegex', span, why)
  }
  if (pattern.length > limits.regexCharsMax) {
    refuse(`this pattern has ${pattern.length} characters, at most ${limits.regexCharsMax} are allowed`)
  }
  if (repeatSum(pattern) > limits.regexRepeatMax) {
    refuse(`the repetitions of this pattern add up to more than ${limits.regexRepeatMax}; use fewer`)
  }
  const regex = withoutNames(pattern, refuse)
  try {
    RE2JS.compile(regex.source)
  } catch (error) {
    refuse(`this pattern cannot be used: ${reasonOf(error)}`)
  }
  return regex
}

/** Matches a text anywhere.   @see Java, Matcher.find */
export function compileRegex(source: string): (text: string) => boolean {
  const compiled = RE2JS.compile(source)
  return (text) => compiled.matcher(text).find()
}

function withoutNames(pattern: string, refuse: (why: string) => never): Regex {
  const groups: { name: string; index: number }[] = []
  let source = ''
  let groupCount = 0
  let inClass = false
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ''
    if (char === '\\') {
      const next = pattern[at + 1] ?? ''
      if (/[1-9]/.test(next) && !inClass) refuse('back-references cannot run in linear time; write the text out')
      if (next === 'Q') {
        const close = pattern.indexOf('\\E', at)
        const end = close < 0 ? pattern.length : close + 2
        source += pattern.slice(at, end)
        at = end - 1
        continue
      }
      source += char + next
      at++
      continue
    }
    if (char === '[' && !inClass) {
      inClass = true
      // A bracket that comes first belongs to the class.
      const first = /^\[\^?\]?/.exec(pattern.slice(at))?.[0] ?? char
      source += first
      at += first.length - 1
      continue
    }
    if (char === ']') inClass = false
    if (char !== '(' || inClass) {
      source += char
      continue
    }
    const rest = pattern.slice(at, at + 80)
    const name = /^\(\?P?<([A-Za-z][A-Za-z0-9_]*)>/.exec(rest)
    if (name) {
      groupCount++
      groups.push({ name: name[1] ?? '', index: groupCount })
      source += '('
      at += name[0].length - 1
      continue
    }
    if (/^\(\?<?[=!]/.test(rest)) refuse('look-around cannot run in linear time; match more and cut it away')
    if (/^\(\?P?<|^\(\?P=/.test(rest)) refuse('a group is named by a letter, then letters, digits and `_`')
    if (!rest.startsWith('(?')) groupCount++
    source += char
  }
  return { source, groups, groupCount }
}

function repeatSum(pattern: string): number {
  let sum = 0
  for (const [, low = '0', high] of pattern.matchAll(/\{(\d{1,6})(?:,(\d{0,6}))?\}/g)) {
    sum += Math.max(Number(low), Number(high ?? 0))
  }
  return sum
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/^error parsing regexp:\s*/, '').slice(0, 200)
}
