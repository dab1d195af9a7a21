import type { Expression } from './expression.ts'
import { quoteName, quoteString } from './tokens.ts'

/** An expression as text that reads back as the same expression, with no more brackets than that needs. */
export function printExpression(expression: Expression): string {
  return printAt(expression, 0)
}

// How tightly each form binds; an operand that binds looser than its place needs brackets.
const levels = { or: 1, xor: 2, and: 3, not: 4, comparison: 5, sum: 6, product: 7, sign: 8, primary: 9 } as const

function levelOf(expression: Expression): number {
  switch (expression.kind) {
    case 'logical':
      return levels[expression.operator]
    case 'not':
      return levels.not
    case 'in':
    case 'between':
    case 'isNull':
      return levels.comparison
    case 'binary':
      if (expression.operator === '+' || expression.operator === '-') return levels.sum
      if (expression.operator === '*' || expression.operator === '/' || expression.operator === '%') {
        return levels.product
      }
      return levels.comparison
    case 'negative':
      return levels.sign
    case 'literal':
      return isNegative(expression.value) ? levels.sign : levels.primary
    case 'lambda':
      return 0
    default:
      return levels.primary
  }
}

function printAt(expression: Expression, level: number): string {
  const text = print(expression)
  return levelOf(expression) < level ? `(${text})` : text
}

function print(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return printLiteral(expression.value)
    case 'moment':
      return `${expression.type} ${quoteString(expression.text)}`
    case 'interval':
      return `interval (${printExpression(expression.amount)}) ${expression.unit}`
    case 'field':
      return quoteName(expression.name)
    case 'lambda': {
      const names = expression.parameters.map(quoteName)
      return `${names.length === 1 ? names[0] : `(${names.join(', ')})`} -> ${printAt(expression.body, 0)}`
    }
    case 'list':
      return `[${expression.items.map(printExpression).join(', ')}]`
    case 'call':
      return printCall(expression)
    case 'not':
      return `not ${printAt(expression.operand, levels.not)}`
    case 'negative':
      return `-${printAt(expression.operand, levels.primary)}`
    case 'logical': {
      const level = levels[expression.operator] + 1
      return expression.operands.map((operand) => printAt(operand, level)).join(` ${expression.operator} `)
    }
    case 'binary': {
      const level = levelOf(expression)
      const left = printAt(expression.left, level)
      return `${left} ${expression.operator} ${printAt(expression.right, level + 1)}`
    }
    case 'in': {
      const values = expression.values.map((value) => printAt(value, levels.sum)).join(', ')
      return `${printAt(expression.operand, levels.comparison)}${expression.negated ? ' not' : ''} in (${values})`
    }
    case 'between': {
      const operand = printAt(expression.operand, levels.comparison)
      const bounds = [expression.low, expression.high].map((bound) => printAt(bound, levels.sum)).join(' and ')
      return `${operand}${expression.negated ? ' not' : ''} between ${bounds}`
    }
    case 'isNull':
      return `${printAt(expression.operand, levels.comparison)} is${expression.negated ? ' not' : ''} null`
    case 'case': {
      const branches = expression.branches.map(
        ({ when, value }) => `${printExpression(when)}, ${printAt(value, levels.sum)}`,
      )
      const otherwise = expression.otherwise ? ` else ${printAt(expression.otherwise, levels.sum)}` : ''
      return `case(${branches.join(', ')}${otherwise})`
    }
    case 'cast':
      return `cast(${printExpression(expression.operand)} as ${expression.type})`
  }
}

function printCall(call: Extract<Expression, { kind: 'call' }>): string {
  const [first, second] = call.args
  if (call.name === 'extract' && first?.kind === 'literal' && second) {
    return `extract(${first.value} from ${printExpression(second)})`
  }
  if (call.name === 'position' && first && second) {
    return `position(${printAt(first, levels.sum)} in ${printExpression(second)})`
  }
  const options = call.options.map(({ name, value }) => `${name}=${printAt(value, levels.sum)}`)
  return `${call.name}(${[...call.args.map(printExpression), ...options].join(', ')})`
}

function printLiteral(value: string | number | bigint | boolean | null): string {
  if (typeof value === 'string') return quoteString(value)
  if (typeof value !== 'number') return String(value)
  const text = String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function isNegative(value: unknown): boolean {
  return (typeof value === 'number' && (value < 0 || Object.is(value, -0))) || (typeof value === 'bigint' && value < 0n)
}
