import { QueryProblem, type Span } from './errors.ts'
import type { BinaryOperator, Expression, LogicalOperator } from './expression.ts'
import type { Reader } from './reader.ts'
import { type TimeUnit, timeUnit } from './span.ts'
import type { Token } from './tokens.ts'

/** Reads an expression: `or` binds loosest, then `xor`, `and`, `not`, comparisons, `+ -`, `* / %`, sign.
 * @see PPL grammar, logicalExpression, expression, valueExpression */
export function parseExpression(reader: Reader): Expression {
  return reader.nested(() => parseLogical(reader, 0))
}

/** Reads an expression without comparisons: what can stand beside a keyword such as `in` or `from`. */
export function parseValue(reader: Reader): Expression {
  return reader.nested(() => parseSum(reader))
}

const logicalOperators: readonly LogicalOperator[] = ['or', 'xor', 'and']

function parseLogical(reader: Reader, level: number): Expression {
  const operator = logicalOperators[level]
  if (operator === undefined) return parseNot(reader)
  const first = reader.peek()
  const operands = [parseLogical(reader, level + 1)]
  while (reader.takeWord(operator)) operands.push(parseLogical(reader, level + 1))
  const [only] = operands
  return operands.length === 1 && only ? only : { kind: 'logical', operator, operands, span: reader.spanFrom(first) }
}

function parseNot(reader: Reader): Expression {
  const first = reader.peek()
  if (!reader.isWord('not') || !startsOperand(reader, 1)) return parseComparison(reader)
  reader.next()
  const operand = reader.nested(() => parseNot(reader))
  return { kind: 'not', operand, span: reader.spanFrom(first) }
}

function parseComparison(reader: Reader): Expression {
  const first = reader.peek()
  let left = parseSum(reader)
  for (let length = 0; ; length++) {
    reader.checkDepth(length)
    const next = parseComparisonTail(reader, left, first)
    if (!next) return left
    left = next
  }
}

const comparisonSigns: Readonly<Record<string, BinaryOperator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
const comparisonWords = ['like', 'ilike', 'contains', 'regexp'] as const

function parseComparisonTail(reader: Reader, left: Expression, first: Span): Expression | undefined {
  const token = reader.peek()
  const operator =
    token.kind === 'sign' ? comparisonSigns[token.value] : comparisonWords.find((word) => reader.isWord(word))
  if (operator !== undefined) {
    reader.next()
    const right = parseSum(reader)
    return { kind: 'binary', operator, left, right, span: reader.spanFrom(first) }
  }
  if (reader.isWord('is')) {
    reader.next()
    const negated = reader.takeWord('not')
    reader.expectWord('null')
    return { kind: 'isNull', operand: left, negated, span: reader.spanFrom(first) }
  }
  const negated = reader.isWord('not') && (reader.isWord('in', 1) || reader.isWord('between', 1))
  const ahead = negated ? 1 : 0
  if (reader.isWord('in', ahead) && reader.isSign('(', ahead + 1)) {
    if (negated) reader.next()
    reader.next()
    return { kind: 'in', operand: left, values: parseValueList(reader), negated, span: reader.spanFrom(first) }
  }
  if (reader.isWord('between', ahead)) {
    if (negated) reader.next()
    reader.next()
    const low = parseSum(reader)
    reader.expectWord('and')
    const high = parseSum(reader)
    return { kind: 'between', operand: left, low, high, negated, span: reader.spanFrom(first) }
  }
  return undefined
}

function parseValueList(reader: Reader): Expression[] {
  const open = reader.expectSign('(')
  const values = parseSequence(reader, ')', () => parseValue(reader))
  reader.expectSign(')')
  if (values.length === 0)
    throw new QueryProblem('pipeline.query.syntax', open, 'this list is empty; `in` needs a value')
  if (values.length > reader.limits.listMax) {
    throw new QueryProblem(
      'pipeline.query.tooLarge',
      open,
      `this list has ${values.length} values, at most ${reader.limits.listMax} are allowed; use a lookup`,
    )
  }
  return values
}

function parseSequence<T>(reader: Reader, close: string, read: () => T): T[] {
  const items: T[] = []
  if (reader.isSign(close)) return items
  do items.push(read())
  while (reader.takeSign(','))
  return items
}

function parseSum(reader: Reader): Expression {
  return parseChain(reader, ['+', '-'], () => parseChain(reader, ['*', '/', '%'], () => parseSigned(reader)))
}

function parseChain(reader: Reader, operators: readonly BinaryOperator[], read: () => Expression): Expression {
  const first = reader.peek()
  let left = read()
  for (let length = 0; ; length++) {
    const operator = operators.find((sign) => reader.isSign(sign))
    if (operator === undefined) return left
    reader.checkDepth(length)
    reader.next()
    left = { kind: 'binary', operator, left, right: read(), span: reader.spanFrom(first) }
  }
}

function parseSigned(reader: Reader): Expression {
  const first = reader.peek()
  if (reader.takeSign('+')) return reader.nested(() => parseSigned(reader))
  if (!reader.takeSign('-')) return parsePrimary(reader)
  const operand = reader.nested(() => parseSigned(reader))
  const span = reader.spanFrom(first)
  if (operand.kind === 'literal' && (typeof operand.value === 'number' || typeof operand.value === 'bigint')) {
    return { kind: 'literal', value: -operand.value, span }
  }
  return { kind: 'negative', operand, span }
}

function parsePrimary(reader: Reader): Expression {
  const token = reader.peek()
  switch (token.kind) {
    case 'number':
      reader.next()
      return { kind: 'literal', value: numberOf(token), span: token }
    case 'length':
      // `1.5d` and `2.0f` are numbers in every place that takes no length.
      if (/^[\d.]+[dDfF]$/.test(token.text) && token.text.includes('.')) {
        reader.next()
        return { kind: 'literal', value: Number(token.text.slice(0, -1)), span: token }
      }
      break
    case 'string':
      reader.next()
      return { kind: 'literal', value: token.value, span: token }
    case 'sign':
      if (token.value === '(') return parseParenthesis(reader)
      if (token.value === '[') return parseList(reader)
      break
    case 'word':
      return parseWord(reader)
  }
  if (reader.isName()) {
    const { name, span } = reader.expectName('a field')
    return { kind: 'field', name, span }
  }
  return reader.fail('a field, a value or a function')
}

function parseParenthesis(reader: Reader): Expression {
  const lambda = tryLambda(reader)
  if (lambda) return lambda
  reader.expectSign('(')
  const inner = parseExpression(reader)
  reader.expectSign(')')
  return inner
}

function parseList(reader: Reader): Expression {
  const open = reader.expectSign('[')
  const items = parseSequence(reader, ']', () => parseExpression(reader))
  reader.expectSign(']')
  return { kind: 'list', items, span: reader.spanFrom(open) }
}

function tryLambda(reader: Reader): Expression | undefined {
  const first = reader.peek()
  if (reader.isName() && reader.isSign('->', 1)) {
    const { name } = reader.expectName('a parameter')
    reader.expectSign('->')
    return { kind: 'lambda', parameters: [name], body: parseExpression(reader), span: reader.spanFrom(first) }
  }
  if (!reader.isSign('(') || !reader.isName(1) || !reader.isSign(',', 2)) return undefined
  let ahead = 3
  while (reader.isName(ahead) && reader.isSign(',', ahead + 1)) ahead += 2
  if (!reader.isName(ahead) || !reader.isSign(')', ahead + 1) || !reader.isSign('->', ahead + 2)) return undefined
  reader.expectSign('(')
  const parameters = parseSequence(reader, ')', () => reader.next().value)
  reader.expectSign(')')
  reader.expectSign('->')
  return { kind: 'lambda', parameters, body: parseExpression(reader), span: reader.spanFrom(first) }
}

function parseWord(reader: Reader): Expression {
  const token = reader.peek()
  const word = token.value.toLowerCase()
  if (reader.isSign('(', 1)) return parseCall(reader, word)
  const next = reader.peek(1)
  if (next.kind === 'string' && (word === 'date' || word === 'time' || word === 'timestamp')) {
    reader.next()
    reader.next()
    return { kind: 'moment', type: word, text: next.value, span: reader.spanFrom(token) }
  }
  if (word === 'interval' && next.kind !== 'sign' && reader.peek(2).kind === 'word' && timeUnit(reader.peek(2).value)) {
    return parseInterval(reader)
  }
  if (word === 'true' || word === 'false' || word === 'null') {
    reader.next()
    return { kind: 'literal', value: word === 'null' ? null : word === 'true', span: token }
  }
  const lambda = tryLambda(reader)
  if (lambda) return lambda
  const { name, span } = reader.expectName('a field')
  return { kind: 'field', name, span }
}

function parseInterval(reader: Reader): Expression {
  const first = reader.expectWord('interval')
  const amount = parsePrimary(reader)
  return { kind: 'interval', amount, unit: expectUnit(reader), span: reader.spanFrom(first) }
}

function expectUnit(reader: Reader): TimeUnit {
  const word = reader.peek()
  const unit = word.kind === 'word' ? timeUnit(word.value) : undefined
  if (unit === undefined) return reader.fail('a unit of time such as `minute`')
  reader.next()
  return unit
}

function parseCall(reader: Reader, name: string): Expression {
  const first = reader.next()
  reader.expectSign('(')
  const call = reader.nested(() => parseCallBody(reader, name, first))
  return { ...call, span: reader.spanFrom(first) }
}

function parseCallBody(reader: Reader, name: string, first: Span): Expression {
  switch (name) {
    case 'case':
      return parseCase(reader, first)
    case 'cast': {
      const operand = parseExpression(reader)
      reader.expectWord('as')
      const type = reader.expectName('a type').name.toLowerCase()
      reader.expectSign(')')
      return { kind: 'cast', operand, type, span: first }
    }
    case 'interval': {
      const amount = parseExpression(reader)
      reader.expectSign(')')
      return { kind: 'interval', amount, unit: expectUnit(reader), span: first }
    }
  }
  const { args, options } = parseArguments(reader, name)
  reader.expectSign(')')
  return { kind: 'call', name, args, options, span: first }
}

// Functions whose first argument is a word: a unit of time, or a type.
const wordFirst: ReadonlySet<string> = new Set(['timestampadd', 'timestampdiff', 'get_format'])

function parseArguments(reader: Reader, name: string) {
  const args: Expression[] = []
  const options: { name: string; value: Expression }[] = []
  if (name === 'position') {
    args.push(parseValue(reader))
    if (!reader.takeWord('in')) reader.expectSign(',')
    args.push(parseExpression(reader))
    return { args, options }
  }
  const word = reader.peek()
  if (name === 'extract' && word.kind === 'word') {
    args.push({ kind: 'literal', value: reader.next().value.toLowerCase(), span: word })
    reader.expectWord('from')
    args.push(parseExpression(reader))
    return { args, options }
  }
  if (wordFirst.has(name) && word.kind === 'word') {
    args.push({ kind: 'literal', value: reader.next().value.toLowerCase(), span: word })
    if (!reader.takeSign(',')) return { args, options }
  }
  parseSequence(reader, ')', () => {
    if (args.length > 0 && takesOptions.has(name) && reader.peek().kind === 'word' && reader.isSign('=', 1)) {
      const option = reader.next().value.toLowerCase()
      reader.next()
      options.push({ name: option, value: parseValue(reader) })
    } else args.push(parseExpression(reader))
  })
  return { args, options }
}

// Text searches take `operator='AND'` after their arguments; elsewhere that is a comparison.
const takesOptions: ReadonlySet<string> = new Set([
  'match',
  'match_phrase',
  'match_phrase_prefix',
  'match_bool_prefix',
  'multi_match',
  'simple_query_string',
  'query_string',
])

function parseCase(reader: Reader, first: Span): Expression {
  const branches: { when: Expression; value: Expression }[] = []
  do {
    const when = parseExpression(reader)
    reader.expectSign(',')
    branches.push({ when, value: parseValue(reader) })
  } while (reader.takeSign(','))
  const otherwise = reader.takeWord('else') ? parseValue(reader) : undefined
  reader.expectSign(')')
  return { kind: 'case', branches, otherwise, span: first }
}

/** A number as written: whole ones exactly. */
function numberOf(token: Token): number | bigint {
  const value = /^\d{1,30}$/.test(token.value) ? BigInt(token.value) : Number(token.value)
  if (value >= 2n ** 63n && typeof value === 'bigint') return Number(value)
  if (Number.isFinite(Number(value))) return value
  throw new QueryProblem('pipeline.query.badValue', token, 'this number is too large')
}

// After `not` stands what is negated; else `not` is a field of that name.
function startsOperand(reader: Reader, ahead: number): boolean {
  const token = reader.peek(ahead)
  if (token.kind === 'end') return false
  if (token.kind === 'sign')
    return token.value === '(' || token.value === '-' || token.value === '+' || token.value === '['
  return !(token.kind === 'word' && ['and', 'or', 'xor', 'is', 'in', 'between'].includes(token.value.toLowerCase()))
}
