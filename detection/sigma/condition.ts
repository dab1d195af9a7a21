import { nearest } from '../../platform/base/index.ts'
import { CONDITION_CHARS_MAX, CONDITION_DEPTH_MAX, EXPRESSION_NODES_MAX } from '../limits.ts'
import { and, type Expression, FALSE, not, or } from '../match/expression.ts'
import type { Reporter } from './problem.ts'

/** A condition, read but not yet joined with what its names stand for. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'some' | 'every'; readonly pattern: string; readonly at: number }

interface Token {
  readonly text: string
  readonly at: number
}

/** Reads a condition; undefined when it cannot be, and the reporter knows why. Weakest first: `or`, `and`, `not`,
 * `1 of`, parentheses.   @see Sigma specification 2.0, Condition */
export function parseCondition(source: { text: string; at: number }, reporter: Reporter): Condition | undefined {
  const { text, at } = source
  if (text.length > CONDITION_CHARS_MAX) {
    reporter.error(at, `the condition has ${text.length} characters; ${CONDITION_CHARS_MAX} are allowed`)
    return undefined
  }
  const tokens: Token[] = []
  for (const found of text.matchAll(/\s+|[()|]|[\w*?.-]+|./gsu)) {
    if (!/^\s/.test(found[0])) tokens.push({ text: found[0], at: at + found.index })
  }
  try {
    const parser = new ConditionParser(tokens, at + text.length)
    return parser.parse()
  } catch (failure) {
    if (!(failure instanceof ConditionFailure)) throw failure
    reporter.error(failure.at, failure.message)
    return undefined
  }
}

class ConditionFailure extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const isWord = (token: Token | undefined, word: string): boolean => token?.text.toLowerCase() === word
const reserved = new Set(['and', 'or', 'not', 'of', '(', ')'])

class ConditionParser {
  readonly #tokens: readonly Token[]
  readonly #end: number
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens
    this.#end = end
  }

  parse(): Condition {
    const condition = this.#disjunction()
    const rest = this.#peek()
    if (rest?.text === ')') throw new ConditionFailure(rest.at, 'this `)` closes nothing; remove it')
    if (rest?.text === '|') {
      throw new ConditionFailure(rest.at, '`|` and aggregations are no longer Sigma; write a correlation')
    }
    if (rest) throw new ConditionFailure(rest.at, `\`${rest.text}\` was not expected; join it with \`and\` or \`or\``)
    return condition
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next]
  }

  #disjunction(): Condition {
    const of = [this.#conjunction()]
    while (isWord(this.#peek(), 'or')) {
      this.#next++
      of.push(this.#conjunction())
    }
    return of.length === 1 ? (of[0] as Condition) : { kind: 'or', of }
  }

  #conjunction(): Condition {
    const of = [this.#negation()]
    while (isWord(this.#peek(), 'and')) {
      this.#next++
      of.push(this.#negation())
    }
    return of.length === 1 ? (of[0] as Condition) : { kind: 'and', of }
  }

  #negation(): Condition {
    const token = this.#peek()
    if (!isWord(token, 'not')) return this.#operand()
    this.#next++
    this.#enter(token?.at ?? this.#end)
    const of = this.#negation()
    this.#depth--
    return { kind: 'not', of }
  }

  #enter(at: number): void {
    this.#depth++
    if (this.#depth > CONDITION_DEPTH_MAX) {
      throw new ConditionFailure(at, `the condition is nested more than ${CONDITION_DEPTH_MAX} levels deep`)
    }
  }

  #operand(): Condition {
    const token = this.#peek()
    if (!token) throw new ConditionFailure(this.#end, 'the condition ends where a search identifier was expected')
    this.#next++
    if (token.text === '(') {
      this.#enter(token.at)
      const inner = this.#disjunction()
      const close = this.#peek()
      if (close?.text !== ')') throw new ConditionFailure(token.at, 'this `(` is never closed; add a `)`')
      this.#next++
      this.#depth--
      return inner
    }
    if (isWord(this.#peek(), 'of')) return this.#quantified(token)
    if (token.text === '|') {
      throw new ConditionFailure(token.at, '`|` and aggregations are no longer Sigma; write a correlation')
    }
    if (reserved.has(token.text.toLowerCase()) || !/^[\w.-]+$/.test(token.text)) {
      throw new ConditionFailure(token.at, `\`${token.text}\` stands where a search identifier was expected`)
    }
    return { kind: 'name', name: token.text, at: token.at }
  }

  #quantified(quantifier: Token): Condition {
    this.#next++
    const pattern = this.#peek()
    if (!pattern || !/^[\w*.-]+$/.test(pattern.text)) {
      throw new ConditionFailure(pattern?.at ?? this.#end, '`of` needs `them` or a pattern such as `selection_*`')
    }
    this.#next++
    const word = quantifier.text.toLowerCase()
    if (word === 'all') return { kind: 'every', pattern: pattern.text, at: pattern.at }
    if (word === '1' || word === 'any') return { kind: 'some', pattern: pattern.text, at: pattern.at }
    throw new ConditionFailure(
      quantifier.at,
      `\`${quantifier.text} of\` is no Sigma; only \`1 of\`, \`any of\` and \`all of\` are`,
    )
  }
}

export interface ConditionScope {
  /** Undefined where pipelines left nothing of one: its terms are left out. */
  readonly identifiers: ReadonlyMap<string, Expression | undefined>
  /** Counts down by the size of each identifier put in. */
  readonly budget: { nodes: number }
  readonly at: number
}

/** Joins a condition with what its search identifiers ask. A pattern that matches no identifier is a warning, and its
 * term is left out.   @see Sigma specification 2.0, 1/all of search-identifier-pattern */
export function resolveCondition(condition: Condition, scope: ConditionScope, reporter: Reporter): Expression {
  const expression = resolve(condition, scope, reporter)
  if (scope.budget.nodes < 0) {
    reporter.error(scope.at, `the condition comes to more than ${EXPRESSION_NODES_MAX} comparisons; split the rule`)
    return FALSE
  }
  if (!expression) reporter.error(scope.at, 'nothing is left of the condition; name search identifiers that exist')
  return expression ?? FALSE
}

function resolve(condition: Condition, scope: ConditionScope, reporter: Reporter): Expression | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const of = condition.of
        .map((part) => resolve(part, scope, reporter))
        .filter((part): part is Expression => part !== undefined)
      if (of.length === 0) return undefined
      return condition.kind === 'and' ? and(of) : or(of)
    }
    case 'not': {
      const of = resolve(condition.of, scope, reporter)
      return of && not(of)
    }
    case 'name': {
      if (scope.identifiers.has(condition.name)) return putIn(condition.name, scope)
      const meant = nearest(condition.name, scope.identifiers.keys())
      reporter.error(
        condition.at,
        `the condition names \`${condition.name}\`, which is no search identifier here${meant ? `; did you mean \`${meant}\`?` : ''}`,
      )
      return FALSE
    }
    case 'some':
    case 'every': {
      const names = namesMatching(condition.pattern, scope.identifiers.keys())
      if (names.length === 0) {
        reporter.warn(
          condition.at,
          `no search identifier matches \`${condition.pattern}\`; this part of the condition is left out`,
        )
        return undefined
      }
      const of = names.flatMap((name) => putIn(name, scope) ?? [])
      if (of.length === 0) return undefined
      return condition.kind === 'some' ? or(of) : and(of)
    }
  }
}

function putIn(name: string, scope: ConditionScope): Expression | undefined {
  const expression = scope.identifiers.get(name)
  if (!expression) return undefined
  scope.budget.nodes -= sizeOf(expression)
  return scope.budget.nodes < 0 ? FALSE : expression
}

const sizes = new WeakMap<Expression, number>()

function sizeOf(expression: Expression): number {
  if (expression.kind === 'not') return sizeOf(expression.of)
  if (expression.kind !== 'and' && expression.kind !== 'or') return 1
  const known = sizes.get(expression)
  if (known !== undefined) return known
  const size = expression.of.reduce((sum, part) => sum + sizeOf(part), 1)
  sizes.set(expression, size)
  return size
}

/** Identifiers that a pattern of `1 of` names. Those beginning with `_` are meant only by a pattern that does, too. */
function namesMatching(pattern: string, names: Iterable<string>): string[] {
  const wanted = pattern.toLowerCase() === 'them' ? '*' : pattern
  return [...names].filter((name) => (!name.startsWith('_') || wanted.startsWith('_')) && starMatches(wanted, name))
}

function starMatches(pattern: string, name: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return pattern === name
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= name.length - last.length
}
