import { PATTERN_CHARS_MAX, PATTERN_TOKENS_MAX } from '../limits.ts'
import type { Literal } from './pattern.ts'

export interface Token {
  readonly kind: 'word' | 'literal' | 'sign' | 'end'
  /** A word or sign as it is written. */
  readonly text: string
  readonly value?: Literal
  /** Quoted text, which can be a step of a path too. */
  readonly quoted?: true
  readonly at: number
}

/** What is wrong with a pattern, and where. */
export class PatternProblem extends Error {
  constructor(message: string, pattern: string, at: number) {
    const before = pattern.slice(0, at).split('\n')
    super(`${message} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1})`)
  }
}

const SPACE = /(?:\/\*[\s\S]*?\*\/|\/\/[^\r\n]*|[\s\u00a0])*/y
const SIGN = /!=|<>|==|<=|>=|[[\]().:,=<>*]/y
const WORD = /[A-Za-z_][A-Za-z0-9_-]*/y
const NUMBER = /[+-]?(?:[0-9]+\.[0-9]*|[0-9]*\.[0-9]+|[0-9]+)/y
const TEXT = /([tbh])?'((?:[^'\\]|\\['\\])*)'/y
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/

/** The words of a pattern, comments left out.   @throws PatternProblem */
export function tokensOf(pattern: string): Token[] {
  if (pattern.length > PATTERN_CHARS_MAX) {
    throw new PatternProblem(`the pattern is longer than ${PATTERN_CHARS_MAX} characters`, '', 0)
  }
  const tokens: Token[] = []
  let at = 0
  const take = (form: RegExp): RegExpExecArray | undefined => {
    form.lastIndex = at
    return form.exec(pattern) ?? undefined
  }
  for (;;) {
    at += take(SPACE)?.[0].length ?? 0
    if (at >= pattern.length) break
    const token = next(take, pattern, at)
    tokens.push(token.token)
    at += token.length
    if (tokens.length > PATTERN_TOKENS_MAX) throw new PatternProblem('the pattern has too many parts', pattern, at)
  }
  tokens.push({ kind: 'end', text: 'the end', at })
  return tokens
}

function next(
  take: (form: RegExp) => RegExpExecArray | undefined,
  pattern: string,
  at: number,
): { readonly token: Token; readonly length: number } {
  const text = take(TEXT)
  if (text) {
    const [whole, prefix, quoted = ''] = text
    const value = literalOf(prefix, quoted.replace(/\\(['\\])/g, '$1'))
    if (value === undefined) throw new PatternProblem(`\`${whole.slice(0, 40)}\` is no value of its kind`, pattern, at)
    const isText = prefix === undefined
    return {
      token: { kind: 'literal', text: whole, value, ...(isText ? { quoted: true } : {}), at },
      length: whole.length,
    }
  }
  const number = take(NUMBER)
  if (number) {
    return { token: { kind: 'literal', text: number[0], value: Number(number[0]), at }, length: number[0].length }
  }
  const word = take(WORD)
  if (word) {
    const [name] = word
    const truth = name.toLowerCase()
    if (truth === 'true' || truth === 'false') {
      return { token: { kind: 'literal', text: name, value: truth === 'true', at }, length: name.length }
    }
    return { token: { kind: 'word', text: name, at }, length: name.length }
  }
  const sign = take(SIGN)
  if (sign) return { token: { kind: 'sign', text: sign[0], at }, length: sign[0].length }
  const rest =
    pattern[at] === "'" ? 'text without an end, or with a lone backslash' : `\`${pattern[at]}\` means nothing here`
  throw new PatternProblem(rest, pattern, at)
}

/** @see STIX 2.1, 9.4 (constants) */
function literalOf(prefix: string | undefined, text: string): Literal | undefined {
  switch (prefix) {
    case 't': {
      const at = INSTANT.test(text) ? Date.parse(text) : Number.NaN
      return Number.isNaN(at) ? undefined : { at }
    }
    case 'b':
      return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
        ? Buffer.from(text, 'base64').toString('latin1')
        : undefined
    case 'h':
      return /^(?:[0-9a-fA-F]{2})*$/.test(text) ? Buffer.from(text, 'hex').toString('latin1') : undefined
    default:
      return text
  }
}
