import { didYouMean, QueryProblem, type Span } from './errors.ts'
import type { BinaryOperator, Expression } from './expression.ts'
import { functions } from './functions.ts'
import type { Typed } from './plan.ts'
import type { Scope } from './scope.ts'
import { call, cast, literal, nothing } from './typed.ts'
import { fieldTypeNames, parseFieldType } from './types.ts'

/** An expression with the type of each part, every function and conversion resolved.
 * @throws QueryProblem for unknown names and types that do not fit */
export function checkExpression(expression: Expression, scope: Scope): Typed {
  const check = (inner: Expression): Typed => checkExpression(inner, scope)
  switch (expression.kind) {
    case 'literal':
      return checkLiteral(expression.value)
    case 'moment':
      return checkMoment(expression.type, expression.text, expression.span)
    case 'interval':
      return misplaced('an interval', 'can only be added to a time or taken away from it', expression.span)
    case 'field':
      return scope.field(expression.name, expression.span)
    case 'call':
      return checkCall(expression.name, expression.args, expression.span, scope)
    case 'not':
      return call('not', [checkCondition(expression.operand, scope)], 'boolean')
    case 'negative':
      return checkCall('negative', [expression.operand], expression.span, scope)
    case 'binary':
      return checkCall(
        operatorFunctions[expression.operator],
        [expression.left, expression.right],
        expression.span,
        scope,
      )
    case 'logical': {
      const operands = expression.operands.map((operand) => checkCondition(operand, scope))
      if (expression.operator !== 'xor') return call(expression.operator, operands, 'boolean')
      return operands.reduce((left, right) => call('ne', [left, right], 'boolean'))
    }
    case 'in': {
      const found = checkCall('in', [expression.operand, ...expression.values], expression.span, scope)
      return expression.negated ? call('not', [found], 'boolean') : found
    }
    case 'between': {
      const bounds = [
        checkCall('>=', [expression.operand, expression.low], expression.span, scope),
        checkCall('<=', [expression.operand, expression.high], expression.span, scope),
      ]
      const inside = call('and', bounds, 'boolean')
      return expression.negated ? call('not', [inside], 'boolean') : inside
    }
    case 'isNull': {
      const isNull = call('isNull', [check(expression.operand)], 'boolean')
      return expression.negated ? call('not', [isNull], 'boolean') : isNull
    }
    case 'case': {
      const parts = expression.branches.flatMap(({ when, value }) => [when, value])
      const args = expression.otherwise ? [...parts, expression.otherwise] : parts
      return checkCall('case', args, expression.span, scope)
    }
    case 'cast': {
      const type = parseFieldType(expression.type)
      if (type === undefined || type === 'struct' || type === 'array') {
        throw new QueryProblem(
          'pipeline.query.wrongType',
          expression.span,
          `\`${expression.type}\` is not a type to cast to${didYouMean(expression.type, fieldTypeNames)}`,
        )
      }
      return cast(check(expression.operand), type)
    }
    case 'lambda':
      return misplaced('a lambda', 'can only be the argument of a function on lists', expression.span)
    case 'list':
      return misplaced('a list in brackets', 'can only be the argument of a text search', expression.span)
  }
}

/** An expression that is true, false or null. */
export function checkCondition(expression: Expression, scope: Scope): Typed {
  const checked = checkExpression(expression, scope)
  if (checked.type === 'boolean') return checked
  if (checked.type === 'null' || checked.type === 'any') return cast(checked, 'boolean')
  throw new QueryProblem(
    'pipeline.query.wrongType',
    expression.span,
    `this is a value of type ${checked.type} where a condition is needed; compare it with something`,
  )
}

const operatorFunctions: Readonly<Record<BinaryOperator, string>> = {
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
  '%': '%',
  '=': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  like: 'like',
  ilike: 'ilike',
  contains: 'contains',
  regexp: 'regexp',
}

function checkCall(name: string, args: readonly Expression[], span: Span, scope: Scope): Typed {
  const form = functions.get(name)
  if (!form) {
    throw new QueryProblem(
      'pipeline.query.unknownFunction',
      span,
      `unknown function \`${name}\`${didYouMean(name, functions.keys())}`,
    )
  }
  if (args.length < form.least || args.length > form.most) {
    const wanted = form.most === form.least ? `${form.least}` : `${form.least} to ${form.most}`
    const counted = form.most === Number.POSITIVE_INFINITY ? `at least ${form.least}` : wanted
    throw new QueryProblem(
      'pipeline.query.wrongType',
      span,
      `\`${name}\` takes ${counted} arguments and here has ${args.length}`,
    )
  }
  return form.resolve(
    args.map((arg) => checkArgument(arg, form.takesIntervals === true, scope)),
    { name, span, spans: args.map((arg) => arg.span), scope },
  )
}

function checkArgument(arg: Expression, takesIntervals: boolean, scope: Scope): Typed {
  if (arg.kind !== 'interval' || !takesIntervals) return checkExpression(arg, scope)
  return { kind: 'interval', amount: checkExpression(arg.amount, scope), unit: arg.unit, type: 'interval' }
}

function misplaced(what: string, where: string, span: Span): never {
  throw new QueryProblem('pipeline.query.wrongType', span, `${what} ${where}`)
}

function checkLiteral(value: string | number | bigint | boolean | null): Typed {
  if (value === null) return nothing
  switch (typeof value) {
    case 'string':
      return literal(value, 'string')
    case 'boolean':
      return literal(value, 'boolean')
    case 'bigint':
      return literal(value, value >= -(2n ** 31n) && value < 2n ** 31n ? 'integer' : 'long')
    default:
      return literal(value, 'double')
  }
}

function checkMoment(type: 'date' | 'time' | 'timestamp', written: string, span: Span): Typed {
  const moment = cast(literal(written, 'string'), type)
  if (moment.kind === 'literal' && moment.value !== null) return moment
  throw new QueryProblem('pipeline.query.badValue', span, `this is no ${type}; write it as ${momentForms[type]}`)
}

/** How a literal of each type is written. */
const momentForms = {
  date: "'2024-02-29'",
  time: "'23:59:59'",
  timestamp: "'2024-02-29 23:59:59'",
} as const
