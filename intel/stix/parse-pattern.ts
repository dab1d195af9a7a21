import { PATTERN_DEPTH_MAX } from '../limits.ts'
import type { ObjectPath, Operator, Pattern, Test } from './pattern.ts'
import { PatternProblem, type Token, tokensOf } from './pattern-tokens.ts'

const COMPARISONS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['=', '='],
  ['==', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
])
const WORD_OPERATORS: readonly Operator[] = ['IN', 'LIKE', 'MATCHES', 'ISSUBSET', 'ISSUPERSET']

/** The tree of a pattern.   @throws PatternProblem that says what is wrong, and where */
export function parsePattern(text: string): Pattern {
  const parser = new Parser(text)
  return parser.whole()
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  whole(): Pattern {
    const pattern = this.#followed()
    if (this.#now.kind !== 'end') throw this.#wrong('a pattern ends here, or goes on with AND, OR, FOLLOWEDBY')
    return pattern
  }

  #followed(): Pattern {
    return this.#chain('FOLLOWEDBY', 'followedBy', () => this.#or())
  }

  #or(): Pattern {
    return this.#chain('OR', 'or', () => this.#and())
  }

  #and(): Pattern {
    return this.#chain('AND', 'and', () => this.#qualified())
  }

  #chain(word: string, kind: 'or' | 'and' | 'followedBy', part: () => Pattern): Pattern {
    const first = part()
    const of = [first]
    while (this.#accept(word)) of.push(part())
    return of.length === 1 ? first : { kind, of }
  }

  #qualified(): Pattern {
    let pattern = this.#observation()
    for (;;) {
      if (this.#accept('WITHIN')) {
        const seconds = this.#number()
        this.#expect('SECONDS')
        pattern = { kind: 'qualified', of: pattern, qualifier: { kind: 'within', seconds } }
      } else if (this.#accept('REPEATS')) {
        const times = this.#number()
        this.#expect('TIMES')
        pattern = { kind: 'qualified', of: pattern, qualifier: { kind: 'repeats', times } }
      } else if (this.#accept('START')) {
        const from = this.#instant()
        this.#expect('STOP')
        const to = this.#instant()
        pattern = { kind: 'qualified', of: pattern, qualifier: { kind: 'startStop', from, to } }
      } else return pattern
    }
  }

  #observation(): Pattern {
    if (this.#accept('(')) return this.#deeper(() => this.#followed(), ')')
    this.#expect('[')
    const of = this.#deeper(() => this.#anyTest(), ']')
    return { kind: 'observation', of }
  }

  #anyTest(): Test {
    return this.#testChain('OR', 'anyOf', () => this.#testChain('AND', 'allOf', () => this.#test()))
  }

  #testChain(word: string, kind: 'anyOf' | 'allOf', part: () => Test): Test {
    const first = part()
    const of = [first]
    while (this.#accept(word)) of.push(part())
    return of.length === 1 ? first : { kind, of }
  }

  #test(): Test {
    if (this.#accept('(')) return this.#deeper(() => this.#anyTest(), ')')
    const not = this.#accept('NOT')
    if (this.#accept('EXISTS')) return { kind: 'exists', path: this.#path(), negated: not }
    if (not) throw this.#wrong('EXISTS follows a NOT that stands first')
    const path = this.#path()
    const negated = this.#accept('NOT')
    const operator = this.#operator()
    const values = operator === 'IN' ? this.#set() : [this.#literal()]
    return { kind: 'comparison', path, operator, negated, values }
  }

  #path(): ObjectPath {
    const object = this.#word('the kind of an object, such as `ipv4-addr`')
    this.#expect(':')
    const steps: (string | number)[] = [this.#step()]
    for (;;) {
      if (this.#accept('.')) steps.push(this.#step())
      else if (this.#accept('[')) {
        if (this.#accept('*')) steps.push('*')
        else steps.push(this.#number())
        this.#expect(']')
      } else return { object, steps }
    }
  }

  #step(): string {
    const { kind, text, value, quoted } = this.#now
    if (kind === 'word') {
      this.#at++
      return text
    }
    if (quoted && typeof value === 'string') {
      this.#at++
      return value
    }
    throw this.#wrong('the name of a property comes here')
  }

  #operator(): Operator {
    const { kind, text } = this.#now
    const operator =
      kind === 'sign'
        ? COMPARISONS.get(text)
        : WORD_OPERATORS.find((word) => kind === 'word' && word === text.toUpperCase())
    if (!operator)
      throw this.#wrong('a comparison comes here: =, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET')
    this.#at++
    return operator
  }

  #set() {
    this.#expect('(')
    const values = [this.#literal()]
    while (this.#accept(',')) values.push(this.#literal())
    this.#expect(')')
    return values
  }

  #literal() {
    const { kind, value } = this.#now
    if (kind !== 'literal' || value === undefined) throw this.#wrong("a value comes here, such as 'text' or 7")
    this.#at++
    return value
  }

  #number(): number {
    const value = this.#literal()
    if (typeof value !== 'number') {
      this.#at--
      throw this.#wrong('a number comes here')
    }
    return value
  }

  /** In quotes of its own, or, as older patterns have it, of a text's. */
  #instant(): number {
    const value = this.#literal()
    const at = typeof value === 'object' ? value.at : typeof value === 'string' ? Date.parse(value) : Number.NaN
    if (!Number.isNaN(at)) return at
    this.#at--
    throw this.#wrong("an instant comes here, such as t'2026-01-31T08:00:00Z'")
  }

  #word(what: string): string {
    const { kind, text } = this.#now
    if (kind !== 'word') throw this.#wrong(`${what} comes here`)
    this.#at++
    return text
  }

  #deeper<T>(part: () => T, end: string): T {
    this.#depth++
    if (this.#depth > PATTERN_DEPTH_MAX) throw this.#wrong(`parentheses are nested at most ${PATTERN_DEPTH_MAX} deep`)
    const inner = part()
    this.#expect(end)
    this.#depth--
    return inner
  }

  #accept(text: string): boolean {
    const { kind, text: now } = this.#now
    const isIt = kind === 'word' ? now.toUpperCase() === text : kind === 'sign' && now === text
    if (isIt) this.#at++
    return isIt
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#wrong(`\`${text}\` comes here`)
  }

  get #now(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: 'the end', at: this.#text.length }
  }

  #wrong(what: string): PatternProblem {
    const { text, at } = this.#now
    return new PatternProblem(`${what}, not \`${text.slice(0, 40)}\``, this.#text, at)
  }
}
