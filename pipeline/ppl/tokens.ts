import { QueryProblem } from './errors.ts'
import type { QueryLimits } from './limits.ts'
import { isSpanUnit } from './span.ts'

/** A piece of a query. PPL has no reserved words: what a word means depends on where it stands. */
export interface Token {
  /** `word`: a bare name or keyword, wildcards included; `name`: one in backticks; `length`: a number with a unit of
   * time, `5m`. */
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'length' | 'sign' | 'end'
  /** As written. */
  readonly text: string
  /** Of a name or string: what the quotes hold. Of a length: its unit. Else the text. */
  readonly value: string
  readonly start: number
  readonly end: number
}

const wordForm = /(?:[@*A-Za-z_])(?:[*A-Za-z_0-9]|-(?!>))*/y
const numberForm = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![A-Za-z_0-9]))?/y
const suffixForm = /[A-Za-z_][*A-Za-z_0-9]*/y
const spaceForm = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y
const signs = [
  '->',
  '==',
  '!=',
  '<=',
  '>=',
  '|',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '.',
  ';',
]

/** The tokens of a query, the last one of kind `end`.
 * @throws QueryProblem for what is no token, and above the limits */
export function tokenize(text: string, limits: QueryLimits): Token[] {
  if (text.length > limits.queryCharsMax) {
    const start = limits.queryCharsMax
    throw new QueryProblem(
      'pipeline.query.tooLarge',
      { start, end: start },
      `the query has ${text.length} characters, at most ${limits.queryCharsMax} are allowed; shorten it`,
    )
  }
  const tokens: Token[] = []
  let at = skipSpace(text, 0)
  while (at < text.length) {
    const token = readToken(text, at)
    tokens.push(token)
    if (tokens.length > limits.tokensMax) {
      throw new QueryProblem(
        'pipeline.query.tooLarge',
        token,
        `the query has more than ${limits.tokensMax} words and signs; shorten it`,
      )
    }
    at = skipSpace(text, token.end)
  }
  tokens.push({ kind: 'end', text: '', value: '', start: text.length, end: text.length })
  return tokens
}

/** A text as a PPL string that reads back as the same text. */
export function quoteString(text: string): string {
  return `'${text.replace(/[\\']/g, (char) => (char === '\\' ? '\\\\' : "''"))}'`
}

/** A name as it may stand in a query: bare where that is safe, else in backticks. */
export function quoteName(name: string): string {
  return /^[A-Za-z@][A-Za-z_0-9]*(?:\.[A-Za-z@][A-Za-z_0-9]*)*$/.test(name) && !isTaken(name)
    ? name
    : `\`${name.replaceAll('`', '``')}\``
}

// Words that would be read as something else where a name is meant.
const taken =
  /^(?:not|and|or|xor|in|is|null|like|between|true|false|as|by|asc|desc|case|cast|interval|span|else|exists|regexp|contains|p\d+|perc\d+)$/i

function isTaken(name: string): boolean {
  return taken.test(name)
}

function readToken(text: string, start: number): Token {
  const char = text[start] ?? ''
  if (char === "'" || char === '"') return readString(text, start, char)
  if (char === '`') return readName(text, start)
  const number = matchAt(numberForm, text, start)
  if (number !== undefined) return readNumber(text, start, number)
  const word = matchAt(wordForm, text, start)
  if (word === '*') return tokenOf('sign', text, start, start + 1)
  if (word !== undefined) return readWord(text, start, word)
  // What skipping left standing has no end; reading on would look for one again and again.
  if (text.startsWith('/*', start)) {
    throw new QueryProblem('pipeline.query.syntax', { start, end: start + 2 }, 'this comment has no closing */')
  }
  const sign = signs.find((each) => text.startsWith(each, start))
  if (sign !== undefined) return tokenOf('sign', text, start, start + sign.length)
  const found = String.fromCodePoint(text.codePointAt(start) ?? 0)
  const end = start + found.length
  throw new QueryProblem(
    'pipeline.query.syntax',
    { start, end },
    `\`${found}\` means nothing here; put names in backticks and texts in quotes`,
  )
}

function readString(text: string, start: number, quote: string): Token {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] ?? ''
    const next = text[at + 1]
    if (char === '\\' && (next === '\\' || next === "'" || next === '"')) {
      value += next
      at++
    } else if (char === quote && next === quote) {
      value += quote
      at++
    } else if (char === quote) return { ...tokenOf('string', text, start, at + 1), value }
    else value += char
  }
  throw new QueryProblem('pipeline.query.syntax', { start, end: start + 1 }, `this text has no closing ${quote}`)
}

function readName(text: string, start: number): Token {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char !== '`') value += char
    else if (text[at + 1] === '`') {
      value += '`'
      at++
    } else return { ...tokenOf('name', text, start, at + 1), value }
  }
  throw new QueryProblem('pipeline.query.syntax', { start, end: start + 1 }, 'this name has no closing backtick')
}

function readNumber(text: string, start: number, number: string): Token {
  const suffix = matchAt(suffixForm, text, start + number.length)
  if (suffix === undefined) return tokenOf('number', text, start, start + number.length)
  const end = start + number.length + suffix.length
  if (isSpanUnit(suffix)) return { ...tokenOf('length', text, start, end), value: suffix }
  return tokenOf('word', text, start, end)
}

function readWord(text: string, start: number, word: string): Token {
  // `perc99.5(x)` is one name, although a dot elsewhere parts names.
  const fraction = /^(?:p|perc)\d+$/i.test(word) ? matchAt(/\.\d+(?=\s*\()/y, text, start + word.length) : undefined
  return tokenOf('word', text, start, start + word.length + (fraction?.length ?? 0))
}

function tokenOf(kind: Token['kind'], text: string, start: number, end: number): Token {
  const written = text.slice(start, end)
  return { kind, text: written, value: written, start, end }
}

function skipSpace(text: string, at: number): number {
  return at + (matchAt(spaceForm, text, at)?.length ?? 0)
}

function matchAt(form: RegExp, text: string, at: number): string | undefined {
  form.lastIndex = at
  return form.exec(text)?.[0]
}
