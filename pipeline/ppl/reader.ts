import { QueryProblem, type Span } from './errors.ts'
import type { QueryLimits } from './limits.ts'
import type { Query } from './query.ts'
import type { Token } from './tokens.ts'

/** Reads tokens from left to right. Words are compared without regard to case. */
export class Reader {
  readonly limits: QueryLimits
  readonly #tokens: readonly Token[]
  readonly #text: string
  readonly #readQuery: (reader: Reader) => Query
  #at = 0
  #depth = 0
  #commandCount = 0

  constructor(text: string, tokens: readonly Token[], limits: QueryLimits, readQuery: (reader: Reader) => Query) {
    this.#readQuery = readQuery
    this.#text = text
    this.#tokens = tokens
    this.limits = limits
  }

  /** The token `ahead` of the next one, which stays. */
  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]
    if (!token) throw new Error('a token list ends with `end`')
    return token
  }

  next(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#at++
    return token
  }

  isWord(word: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'word' && token.value.toLowerCase() === word
  }

  isSign(sign: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'sign' && token.value === sign
  }

  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false
    this.#at++
    return true
  }

  takeSign(sign: string): boolean {
    if (!this.isSign(sign)) return false
    this.#at++
    return true
  }

  expectWord(word: string): Token {
    if (!this.isWord(word)) this.fail(`\`${word}\``)
    return this.next()
  }

  expectSign(sign: string): Token {
    if (!this.isSign(sign)) this.fail(`\`${sign}\``)
    return this.next()
  }

  expectString(what: string): Token {
    if (this.peek().kind !== 'string') this.fail(`${what} in quotes`)
    return this.next()
  }

  /** A whole number of at least `least`. */
  expectWhole(what: string, least = 0): number {
    const token = this.peek()
    if (token.kind !== 'number' || !/^\d{1,15}$/.test(token.value) || Number(token.value) < least) {
      this.fail(least > 0 ? `${what}, a whole number from ${least}` : `${what}, a whole number`)
    }
    this.next()
    return Number(token.value)
  }

  expectBoolean(what: string): boolean {
    if (this.takeWord('true')) return true
    if (this.takeWord('false')) return false
    return this.fail(`${what}, \`true\` or \`false\``)
  }

  /** The name of a field or pipe: parts with dots between, each bare or in backticks. */
  expectName(what: string): { readonly name: string; readonly span: Span; readonly quoted: boolean } {
    const first = this.#expectPart(what)
    let last = first
    let name = first.value
    while (this.isSign('.') && this.#isPart(1)) {
      this.next()
      last = this.next()
      name += `.${last.value}`
    }
    return { name, span: this.spanFrom(first), quoted: first === last && first.kind === 'name' }
  }

  isName(ahead = 0): boolean {
    return this.#isPart(ahead)
  }

  /** The span from `first` to the token read last. */
  spanFrom(first: Span): Span {
    const last = this.#tokens[this.#at - 1]
    return { start: first.start, end: Math.max(first.end, last?.end ?? 0) }
  }

  /** The text between two offsets, as written. */
  textOf(span: Span): string {
    return this.#text.slice(span.start, span.end)
  }

  /** Reads something that can stand inside itself.
   * @throws QueryProblem when that goes too deep */
  nested<T>(read: () => T): T {
    this.checkDepth(1)
    this.#depth++
    const result = read()
    this.#depth--
    return result
  }

  checkDepth(further: number): void {
    if (this.#depth + further > this.limits.depthMax) {
      throw new QueryProblem(
        'pipeline.query.tooLarge',
        this.peek(),
        `this is nested more than ${this.limits.depthMax} deep; write it flatter`,
      )
    }
  }

  /** Counts a command, those of queries inside the query too. */
  countCommand(): void {
    if (this.#commandCount++ < this.limits.commandsMax) return
    throw new QueryProblem(
      'pipeline.query.tooLarge',
      this.peek(),
      `the query has more than ${this.limits.commandsMax} commands; shorten it`,
    )
  }

  /** A query in square brackets. */
  expectSubsearch(): Query {
    this.expectSign('[')
    const query = this.nested(() => this.#readQuery(this))
    this.expectSign(']')
    return query
  }

  /** Says what should stand where the next token stands. */
  fail(expected: string): never {
    const token = this.peek()
    const found = token.kind === 'end' ? 'the query ends' : `there is \`${shorten(token.text)}\``
    throw new QueryProblem('pipeline.query.syntax', token, `expected ${expected}, but ${found}`)
  }

  #isPart(ahead: number): boolean {
    const token = this.peek(ahead)
    return token.kind === 'name' || (token.kind === 'word' && !token.value.includes('*')) || token.kind === 'length'
  }

  #expectPart(what: string): Token {
    const token = this.peek()
    if (token.kind === 'word' && token.value.includes('*')) {
      throw new QueryProblem(
        'pipeline.query.syntax',
        token,
        `\`${shorten(token.text)}\` has a wildcard where ${what} is needed; put spaces around \`*\` to multiply, or backticks around a name`,
      )
    }
    if (!this.#isPart(0)) this.fail(what)
    const part = this.next()
    return part.kind === 'length' ? { ...part, value: part.text } : part
  }
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}
