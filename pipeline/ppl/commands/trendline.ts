import { QueryProblem } from '../errors.ts'
import type { Aggregate, Plan, SortKey, Typed } from '../plan.ts'
import type { Trendline, TrendlineCommand } from '../query.ts'
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
import { quoteName } from '../tokens.ts'
import { call, cast, literal, nothing, whole } from '../typed.ts'
import { isNumber } from '../types.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

/** A weighted line takes a step for each value. */
const countMax = { sma: 1_000, wma: 50 } as const

export const trendline: CommandForm<TrendlineCommand> = {
  parse: (reader) => {
    let sort: TrendlineCommand['sort']
    if (reader.takeWord('sort')) {
      const descending = reader.takeSign('-')
      if (!descending) reader.takeSign('+')
      sort = { ...parseFieldName(reader), descending }
    }
    const lines = [parseLine(reader)]
    while (reader.isWord('sma') || reader.isWord('wma')) lines.push(parseLine(reader))
    return { kind: 'trendline', sort, lines }
  },
  print: ({ sort, lines }) => {
    const sorted = sort ? `sort ${sort.descending ? '- ' : ''}${quoteName(sort.name)} ` : ''
    const printed = lines.map(
      ({ form, count, field, alias }) => `${form}(${count}, ${quoteName(field.name)}) as ${quoteName(alias)}`,
    )
    return `trendline ${sorted}${printed.join(' ')}`
  },
  plan: ({ sort, lines }, relation, context) => {
    const key: SortKey[] = sort
      ? [{ value: fieldValue(relation, sort.name, sort.span, context), descending: sort.descending }]
      : []
    const sorted = withChanges(relation, { order: [...key, ...relation.order], perEvent: false })
    return lines.reduce((before, line) => addLine(before, line, context), sorted)
  },
}

function parseLine(reader: Reader): Trendline {
  const first = reader.peek()
  const form = reader.takeWord('sma') ? 'sma' : reader.takeWord('wma') ? 'wma' : reader.fail('`sma(…)` or `wma(…)`')
  reader.expectSign('(')
  const count = reader.expectWhole('a number of values', 1)
  reader.expectSign(',')
  const field = parseFieldName(reader)
  reader.expectSign(')')
  const span = reader.spanFrom(first)
  const alias = reader.takeWord('as') ? reader.expectName('a name').name : `${field.name}_trendline`
  if (count > countMax[form]) {
    throw new QueryProblem('pipeline.query.badValue', span, `\`${form}\` is over at most ${countMax[form]} values`)
  }
  return { form, count, field, alias, span }
}

/** Rows without a value do not count among the `n`. */
function addLine(relation: Relation, { form, count, field, alias, span }: Trendline, context: PlanContext): Relation {
  const value = fieldValue(relation, field.name, field.span, context)
  if (!isNumber(value.type) && value.type !== 'string' && value.type !== 'null') {
    throw new QueryProblem('pipeline.query.wrongType', span, `a trendline needs a number, not a ${value.type}`)
  }
  const number = cast(value, 'double')
  const present = call('not', [call('isNull', [number], 'boolean')], 'boolean')
  const input: Plan = { op: 'filter', input: relation.plan, condition: present }
  const over = (name: Aggregate['name'], rows: number): Aggregate & { readonly rows: number } => ({
    column: newColumn(context, 'double'),
    name,
    args: [number],
    where: undefined,
    rows,
  })
  // A weighted mean is the sum of the sums of the last 1, 2, … n values.
  const sums = form === 'sma' ? [over('sum', count)] : Array.from({ length: count }, (_, i) => over('sum', i + 1))
  const counted: Aggregate = { column: newColumn(context, 'long'), name: 'count', args: [], where: undefined }
  const slide = (from: Plan, aggregate: Aggregate, rows: number): Plan => ({
    op: 'slide',
    input: from,
    aggregates: [aggregate],
    partition: [],
    order: relation.order,
    rows,
    current: true,
  })
  const plan = sums.reduce((from, sum) => slide(from, sum, sum.rows), slide(input, counted, count))
  const total = sums
    .map(({ column }) => columnValue(column))
    .reduce<Typed>((sum, each) => (sum === nothing ? each : call('add', [sum, each], 'double')), nothing)
  const weight = form === 'sma' ? count : (count * (count + 1)) / 2
  const mean = call('divide', [total, literal(weight, 'double')], 'double')
  const enough = call('ge', [columnValue(counted.column), whole(count)], 'boolean')
  const shown = call('when', [enough, mean, cast(nothing, 'double')], 'double')
  return extended(withChanges(relation, { plan }), [{ name: alias, value: shown }], context)
}
