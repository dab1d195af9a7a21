import { checkCondition, checkExpression } from '../check-expression.ts'
import { didYouMean, QueryProblem, type Span } from '../errors.ts'
import type { Expression, Length } from '../expression.ts'
import { parseExpression } from '../parse-expression.ts'
import type { Aggregate, AggregateName, Column, SortKey, Typed } from '../plan.ts'
import type { AggregateTerm, GroupKey } from '../query.ts'
import type { Reader } from '../reader.ts'
import { columnValue, fieldValue, newColumn, type PlanContext, type Relation, scopeOf } from '../relation.ts'
import { timeUnit, unitMicros, unitMonths } from '../span.ts'
import { quoteName } from '../tokens.ts'
import { call, cast, literal, nothing, whole } from '../typed.ts'
import { isMoment, isNumber, isWhole, type ValueType } from '../types.ts'
import { parseFieldName } from './field-list.ts'

/** The time of an event: what a span without a field, `earliest` and `latest` look at. */
export const timeField = '@timestamp'

export function parseAggregateTerm(reader: Reader): AggregateTerm {
  const first = reader.peek()
  if (first.kind !== 'word') reader.fail('an aggregate such as `count()`')
  const name = reader.next().value.toLowerCase()
  const args: Expression[] = []
  let where: Expression | undefined
  if (reader.isSign('(')) {
    reader.next()
    if (reader.isWord('eval') && reader.isSign('(', 1)) {
      reader.next()
      reader.next()
      where = parseExpression(reader)
      reader.expectSign(')')
    } else if (!reader.isSign(')')) {
      do args.push(parseExpression(reader))
      while (reader.takeSign(','))
    }
    reader.expectSign(')')
  }
  const span = reader.spanFrom(first)
  const alias = reader.takeWord('as') ? reader.expectName('a name').name : undefined
  return { name, args, where, text: reader.textOf(span), alias, span }
}

/** The text of a term is kept, for it names the column. */
export function printAggregateTerm({ text, alias }: AggregateTerm): string {
  return alias === undefined ? text : `${text} as ${quoteName(alias)}`
}

export function parseGroupKeys(reader: Reader): GroupKey[] {
  const keys = [parseGroupKey(reader)]
  while (reader.takeSign(',') || (reader.isName() && !reader.isSign('=', 1))) keys.push(parseGroupKey(reader))
  return keys
}

function parseGroupKey(reader: Reader): GroupKey {
  const first = reader.peek()
  if (!(reader.isWord('span') && reader.isSign('(', 1))) {
    const { name, span } = parseFieldName(reader)
    return { field: name, width: undefined, alias: undefined, span }
  }
  reader.next()
  reader.next()
  let field = timeField
  if (reader.peek().kind !== 'length' && reader.peek().kind !== 'number') {
    field = parseFieldName(reader).name
    reader.expectSign(',')
  }
  const width = parseLength(reader)
  reader.expectSign(')')
  const span = reader.spanFrom(first)
  const alias = reader.takeWord('as') ? reader.expectName('a name').name : undefined
  return { field, width, alias, span }
}

export function printGroupKey({ field, width, alias }: GroupKey): string {
  if (!width) return quoteName(field)
  return `span(${quoteName(field)}, ${width.text})${alias === undefined ? '' : ` as ${quoteName(alias)}`}`
}

/** Reads `5m`, `10` or `0.5`. */
export function parseLength(reader: Reader): Length {
  const token = reader.peek()
  if (token.kind !== 'length' && token.kind !== 'number') reader.fail('a length such as `5m` or `10`')
  reader.next()
  const unit = token.kind === 'length' ? timeUnit(token.value) : undefined
  const amount = Number(token.kind === 'length' ? token.text.slice(0, -token.value.length) : token.value)
  if (!(amount > 0) || !Number.isFinite(amount)) {
    throw new QueryProblem('pipeline.query.badValue', token, 'a length must be more than zero')
  }
  return { amount, unit, text: token.text, span: token }
}

/** A key with its value and the name of its column. */
export interface CheckedKey {
  readonly name: string
  readonly column: Column
  readonly value: Typed
  /** Rows without a value are left out. */
  readonly required: boolean
}

export function checkGroupKey(key: GroupKey, relation: Relation, context: PlanContext): CheckedKey {
  const value = fieldValue(relation, key.field, key.span, context)
  if (!key.width) return { name: key.field, column: newColumn(context, value.type), value, required: false }
  const bucket = bucketOf(value, key.width, key.span)
  return {
    name: key.alias ?? `span(${key.field},${key.width.text})`,
    column: newColumn(context, bucket.type),
    value: bucket,
    required: isMoment(bucket.type),
  }
}

/** The start of the stretch of that width that a value lies in. Weeks begin on Monday. */
export function bucketOf(value: Typed, width: Length, span: Span): Typed {
  if (value.type === 'null') return nothing
  if (width.unit === undefined) {
    if (!isNumber(value.type)) {
      throw new QueryProblem(
        'pipeline.query.wrongType',
        span,
        `a span of a field of type ${value.type} needs a unit, such as \`${width.text}m\` for minutes`,
      )
    }
    const isWholeSpan = isWhole(value.type) && Number.isInteger(width.amount)
    const size = isWholeSpan ? whole(width.amount) : literal(width.amount, 'double')
    return call('bucket', [value, size], isWholeSpan ? value.type : 'double')
  }
  if (!isMoment(value.type) && value.type !== 'string') {
    throw new QueryProblem(
      'pipeline.query.wrongType',
      span,
      `a field of type ${value.type} has no ${width.unit}s; give the span without a unit`,
    )
  }
  const moment = cast(value, 'timestamp')
  const months = unitMonths[width.unit]
  if (months !== undefined) {
    return call('bucketMonths', [moment, whole(Math.max(1, Math.round(width.amount * months)))], 'timestamp')
  }
  const size = Math.max(1, Math.round(width.amount * (unitMicros[width.unit] ?? 1)))
  return call('bucketMicros', [moment, whole(size), whole(width.unit === 'week' ? firstMonday : 0n)], 'timestamp')
}

const firstMonday = 4n * 86_400_000_000n

const aggregates: ReadonlyMap<string, AggregateName> = new Map<string, AggregateName>([
  ['count', 'count'],
  ['c', 'count'],
  ['distinct_count', 'distinctCount'],
  ['dc', 'distinctCount'],
  ['distinct_count_approx', 'distinctCount'],
  ['sum', 'sum'],
  ['avg', 'avg'],
  ['mean', 'avg'],
  ['min', 'min'],
  ['max', 'max'],
  ['var_samp', 'varSamp'],
  ['var_pop', 'varPop'],
  ['stddev_samp', 'stddevSamp'],
  ['stddev_pop', 'stddevPop'],
  ['percentile', 'percentile'],
  ['percentile_approx', 'percentile'],
  ['median', 'median'],
  ['earliest', 'earliest'],
  ['latest', 'latest'],
  ['first', 'first'],
  ['last', 'last'],
  ['take', 'take'],
  ['list', 'list'],
  ['values', 'values'],
])

/** What `list` keeps at most, and `take` unless told otherwise.   @see PPL reference, aggregations */
const listMax = 100
const takeDefault = 10
const takeMax = 10_000

/** A term with its types.
 * @throws QueryProblem */
export function checkAggregate(term: AggregateTerm, relation: Relation, context: PlanContext): Aggregate {
  const scope = scopeOf(relation, context)
  const shortcut = /^p(?:erc)?(\d+(?:\.\d+)?)$/.exec(term.name)
  const name = shortcut ? 'percentile' : aggregates.get(term.name)
  if (name === undefined) {
    throw new QueryProblem(
      'pipeline.query.unknownFunction',
      term.span,
      `unknown aggregate \`${term.name}\`${didYouMean(term.name, aggregates.keys())}`,
    )
  }
  if (term.where && name !== 'count') {
    throw new QueryProblem('pipeline.query.wrongType', term.span, 'only `count` takes `eval(…)`')
  }
  const where = term.where && checkCondition(term.where, scope)
  const args = term.args.map((arg) => checkExpression(arg, scope))
  if (shortcut) args.push(literal(Number(shortcut[1]), 'double'))
  const { args: fitted, type } = fitAggregate(name, args, term, relation, context)
  return { column: newColumn(context, type), name, args: fitted, where }
}

function fitAggregate(
  name: AggregateName,
  args: readonly Typed[],
  term: AggregateTerm,
  relation: Relation,
  context: PlanContext,
): { readonly args: readonly Typed[]; readonly type: ValueType } {
  const [value = nothing, second] = args
  const needs = (least: number, most: number): void => {
    if (args.length >= least && args.length <= most) return
    const wanted = least === most ? `${least}` : `${least} to ${most}`
    throw new QueryProblem(
      'pipeline.query.wrongType',
      term.span,
      `\`${term.name}\` takes ${wanted} arguments and here has ${args.length}`,
    )
  }
  switch (name) {
    case 'count':
      needs(0, 1)
      return { args, type: 'long' }
    case 'distinctCount':
      needs(1, 1)
      return { args, type: 'long' }
    case 'sum': {
      needs(1, 1)
      const number = numeric(value, term)
      return { args: [number], type: isWhole(number.type) ? 'long' : 'double' }
    }
    case 'avg':
    case 'varSamp':
    case 'varPop':
    case 'stddevSamp':
    case 'stddevPop':
      needs(1, 1)
      return { args: [cast(numeric(value, term), 'double')], type: 'double' }
    case 'min':
    case 'max':
      needs(1, 1)
      return { args, type: value.type }
    case 'median': {
      needs(1, 1)
      const number = numeric(value, term)
      return { args: [number, literal(50, 'double')], type: number.type }
    }
    case 'percentile': {
      needs(2, 3)
      const number = numeric(value, term)
      const percent = literalNumber(second, 'a percentage from 0 to 100', term, 0, 100)
      return { args: [number, literal(percent, 'double')], type: number.type }
    }
    case 'earliest':
    case 'latest': {
      needs(1, 2)
      const time = second ?? fieldValue(relation, timeField, term.span, context)
      return { args: [value, time], type: value.type }
    }
    case 'first':
    case 'last':
      needs(1, 1)
      return { args, type: value.type }
    case 'take': {
      needs(1, 2)
      const count = second ? literalNumber(second, `a number from 1 to ${takeMax}`, term, 1, takeMax) : takeDefault
      return { args: [value, whole(Math.trunc(count))], type: 'array' }
    }
    case 'list':
    case 'values':
      needs(1, 1)
      return { args: [cast(value, 'string'), whole(name === 'list' ? listMax : takeMax)], type: 'array' }
  }
}

function numeric(value: Typed, term: AggregateTerm): Typed {
  if (isNumber(value.type)) return value
  if (value.type === 'string' || value.type === 'null') return cast(value, 'double')
  if (value.type === 'boolean') return cast(value, 'integer')
  throw new QueryProblem(
    'pipeline.query.wrongType',
    term.span,
    `\`${term.name}\` needs a number, and this is of type ${value.type}`,
  )
}

function literalNumber(
  value: Typed | undefined,
  what: string,
  term: AggregateTerm,
  least: number,
  most: number,
): number {
  const number = value?.kind === 'literal' ? Number(value.value) : Number.NaN
  if (number >= least && number <= most) return number
  throw new QueryProblem('pipeline.query.badValue', term.span, `\`${term.name}\` needs ${what}`)
}

/** The rows grouped: aggregates first, then keys, in the order of the keys. */
export function grouped(
  relation: Relation,
  keys: readonly CheckedKey[],
  named: readonly { readonly name: string; readonly aggregate: Aggregate }[],
): Relation {
  const fields = new Map<string, Column>()
  for (const { name, aggregate } of named) fields.set(name, aggregate.column)
  for (const { name, column } of keys) fields.set(name, column)
  return {
    plan: {
      op: 'aggregate',
      input: relation.plan,
      keys: keys.map(({ column, value }) => ({ column, value })),
      aggregates: named.map(({ aggregate }) => aggregate),
      order: relation.order,
    },
    order: keys.map<SortKey>(({ column }) => ({ value: columnValue(column), descending: false })),
    fields,
    source: undefined,
    hidden: new Set(),
    perEvent: false,
  }
}
