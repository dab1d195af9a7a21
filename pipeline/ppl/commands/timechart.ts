import { QueryProblem } from '../errors.ts'
import type { Length } from '../expression.ts'
import type { Aggregate, Column, Plan, SortKey, Typed } from '../plan.ts'
import type { AggregateTerm, FieldName, TimechartCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import {
  columnValue,
  extended,
  fieldValue,
  newColumn,
  type PlanContext,
  type Relation,
  withChanges,
} from '../relation.ts'
import { timeUnit, unitMicros } from '../span.ts'
import { quoteName, quoteString } from '../tokens.ts'
import { all, call, cast, literal, text, whole } from '../typed.ts'
import { isMoment, isNumber } from '../types.ts'
import {
  bucketOf,
  type CheckedKey,
  checkAggregate,
  grouped,
  parseAggregateTerm,
  parseLength,
  printAggregateTerm,
  timeField,
} from './aggregation.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

const otherText = 'OTHER'
const limitDefault = 10
const minute: Length = { amount: 1, unit: 'minute', text: '1m', span: { start: 0, end: 0 } }
const nullDefault = 'NULL'

export const timechart: CommandForm<TimechartCommand> = {
  parse: (reader) => {
    const first = reader.peek()
    const before = parseOptions(reader)
    const term = parseAggregateTerm(reader)
    const by = reader.takeWord('by') ? parseFieldName(reader) : undefined
    const options = { ...before, ...parseOptions(reader) }
    const limit = options.limit ?? limitDefault
    return {
      kind: 'timechart',
      timeField: options.timeField ?? { name: timeField, span: first },
      width: options.width ?? minute,
      limit,
      useOther: (options.useOther ?? true) && limit > 0,
      useNull: options.useNull ?? true,
      nullText: options.nullText ?? nullDefault,
      term,
      by,
    }
  },
  print: (command) => {
    const parts = ['timechart']
    if (command.timeField.name !== timeField) parts.push(`timefield=${quoteName(command.timeField.name)}`)
    parts.push(`span=${command.width.text}`)
    if (command.limit !== limitDefault) parts.push(`limit=${command.limit}`)
    if (!command.useOther && command.limit > 0) parts.push('useother=false')
    if (!command.useNull) parts.push('usenull=false')
    if (command.nullText !== nullDefault) parts.push(`nullstr=${quoteString(command.nullText)}`)
    parts.push(printAggregateTerm(command.term))
    if (command.by) parts.push(`by ${quoteName(command.by.name)}`)
    return parts.join(' ')
  },
  plan: (command, relation, context) => {
    const { width, by, term } = command
    const time = fieldValue(relation, command.timeField.name, command.timeField.span, context)
    if (!isMoment(time.type) && time.type !== 'string' && time.type !== 'null') {
      throw new QueryProblem(
        'pipeline.query.wrongType',
        command.timeField.span,
        `\`${command.timeField.name}\` is of type ${time.type}, not a time; name another with \`timefield=\``,
      )
    }
    const bucket = bucketOf(time, width, width.span)
    const present = call('not', [call('isNull', [bucket], 'boolean')], 'boolean')
    const timed = withChanges(relation, { plan: { op: 'filter', input: relation.plan, condition: present } })
    const measure = (from: Relation) => checkRate(term, width, from, context)
    const bucketKey = keyOf(command.timeField.name, bucket, context)
    if (!by) return finished(timed, [bucketKey], measure(timed), term, context)
    const value = fieldValue(timed, by.name, by.span, context)
    const named = labelled(timed, value, command, context)
    const label = columnValue(named.column)
    if (command.limit === 0) {
      return finished(
        named.relation,
        [bucketKey, keyOf(by.name, label, context)],
        measure(named.relation),
        term,
        context,
      )
    }
    const ranked = withRanks(named.relation, bucket, label, value, measure(named.relation), context)
    const isNamed = call(
      'or',
      [call('isNull', [value], 'boolean'), call('le', [columnValue(ranked.rank), whole(command.limit)], 'boolean')],
      'boolean',
    )
    const kept = command.useOther
      ? ranked.relation
      : withChanges(ranked.relation, { plan: { op: 'filter', input: ranked.relation.plan, condition: isNamed } })
    const shown = call('when', [isNamed, label, text(otherText)], 'string')
    return finished(kept, [bucketKey, keyOf(by.name, shown, context)], measure(kept), term, context)
  },
}

function parseOptions(reader: Reader) {
  const options: {
    timeField?: FieldName
    width?: Length
    limit?: number
    useOther?: boolean
    useNull?: boolean
    nullText?: string
  } = {}
  while (reader.isSign('=', 1)) {
    const names = ['timefield', 'span', 'limit', 'useother', 'usenull', 'nullstr']
    const option = names.find((word) => reader.isWord(word))
    if (option === undefined) reader.fail(`one of ${names.map((each) => `\`${each}\``).join(', ')}, or an aggregate`)
    reader.next()
    reader.next()
    if (option === 'span') options.width = parseTimeSpan(reader)
    else if (option === 'limit') options.limit = reader.expectWhole('a number of values')
    else if (option === 'useother') options.useOther = reader.expectBoolean('whether to show the others together')
    else if (option === 'usenull') options.useNull = reader.expectBoolean('whether to show rows without a value')
    else if (option === 'nullstr') options.nullText = reader.expectString('a name').value
    else options.timeField = reader.peek().kind === 'string' ? quotedField(reader) : parseFieldName(reader)
  }
  return options
}

function quotedField(reader: Reader): FieldName {
  const token = reader.next()
  return { name: token.value, span: token }
}

function parseTimeSpan(reader: Reader): Length {
  const token = reader.peek()
  const length = parseLength(reader)
  if (length.unit === undefined) {
    throw new QueryProblem('pipeline.query.badValue', token, 'a span of time needs a unit, such as `5m`')
  }
  return length
}

const rates: ReadonlyMap<string, number> = new Map([
  ['per_second', 1],
  ['per_minute', 60],
  ['per_hour', 3600],
  ['per_day', 86_400],
])

interface Measure {
  readonly aggregate: Aggregate
  /** What is shown of the aggregate: itself, or how much of it there is in a stretch. */
  readonly shown: (value: Typed) => Typed
}

function checkRate(term: AggregateTerm, width: Length, relation: Relation, context: PlanContext): Measure {
  const rate = rates.get(term.name)
  if (rate === undefined) return { aggregate: checkAggregate(term, relation, context), shown: (value) => value }
  const seconds = (width.amount * (unitMicros[width.unit ?? timeUnit('m') ?? 'minute'] ?? 0)) / 1e6
  if (seconds === 0) {
    throw new QueryProblem(
      'pipeline.query.wrongType',
      term.span,
      `\`${term.name}\` needs a span that is always as long`,
    )
  }
  return {
    aggregate: checkAggregate({ ...term, name: 'sum' }, relation, context),
    shown: (value) => call('divide', [cast(value, 'double'), literal(seconds / rate, 'double')], 'double'),
  }
}

/** The rows with the text of a value beside it; those without one are named, or left out. */
function labelled(
  relation: Relation,
  value: Typed,
  { useNull, nullText }: TimechartCommand,
  context: PlanContext,
): { readonly relation: Relation; readonly column: Column } {
  const column = newColumn(context, 'string')
  const label = call('coalesce', [cast(value, 'string'), text(nullText)], 'string')
  const present = call('not', [call('isNull', [value], 'boolean')], 'boolean')
  const input: Plan = useNull ? relation.plan : { op: 'filter', input: relation.plan, condition: all([present]) }
  const plan: Plan = { op: 'extend', input, columns: [{ column, value: label }] }
  return { relation: withChanges(relation, { plan, perEvent: false }), column }
}

/** Each row with the rank of its value, 1 for the one whose aggregates add up to most. */
function withRanks(
  relation: Relation,
  bucket: Typed,
  label: Typed,
  value: Typed,
  { aggregate }: Measure,
  context: PlanContext,
): { readonly relation: Relation; readonly rank: Column } {
  const present = call('not', [call('isNull', [value], 'boolean')], 'boolean')
  const rows: Plan = { op: 'filter', input: relation.plan, condition: present }
  const bucketColumn = newColumn(context, 'timestamp')
  const inBucket = newColumn(context, 'string')
  const perBucket: Plan = {
    op: 'aggregate',
    input: rows,
    keys: [
      { column: bucketColumn, value: bucket },
      { column: inBucket, value: label },
    ],
    aggregates: [aggregate],
    order: relation.order,
  }
  // What is no number is ranked by how often it is there.
  const amount = isNumber(aggregate.column.type) ? cast(columnValue(aggregate.column), 'double') : literal(1, 'double')
  const total = newColumn(context, 'double')
  const ranked = newColumn(context, 'string')
  const totals: Plan = {
    op: 'aggregate',
    input: perBucket,
    keys: [{ column: ranked, value: columnValue(inBucket) }],
    aggregates: [{ column: total, name: 'sum', args: [amount], where: undefined }],
    order: [],
  }
  const order: SortKey[] = [
    { value: columnValue(total), descending: true },
    { value: columnValue(ranked), descending: false },
  ]
  const rank = newColumn(context, 'long')
  const right: Plan = { op: 'number', input: totals, ties: false, column: rank, partition: [], order }
  const keys = [{ left: label, right: columnValue(ranked) }]
  const plan: Plan = { op: 'join', kind: 'left', left: relation.plan, right, keys, condition: undefined }
  return { relation: withChanges(relation, { plan }), rank }
}

function keyOf(name: string, value: Typed, context: PlanContext): CheckedKey {
  return { name, column: newColumn(context, value.type), value, required: false }
}

function finished(
  relation: Relation,
  keys: readonly CheckedKey[],
  { aggregate, shown }: Measure,
  term: AggregateTerm,
  context: PlanContext,
): Relation {
  const name = term.alias ?? term.text
  const groups = grouped(relation, keys, [{ name, aggregate }])
  const ordered = new Map(keys.map((key) => [key.name, key.column]))
  const value = shown(columnValue(aggregate.column))
  if (value.kind === 'column') return withChanges(groups, { fields: ordered.set(name, aggregate.column) })
  return extended(withChanges(groups, { fields: ordered }), [{ name, value }], context)
}
