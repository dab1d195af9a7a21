import { QueryProblem } from '../errors.ts'
import type { Column } from '../plan.ts'
import type { StreamstatsCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import { columnValue, extended, withChanges } from '../relation.ts'
import { all, call, cast, nothing } from '../typed.ts'
import {
  checkAggregate,
  checkGroupKey,
  parseAggregateTerm,
  parseGroupKeys,
  printAggregateTerm,
  printGroupKey,
} from './aggregation.ts'
import type { CommandForm } from './command.ts'

/** What a window can be at most. */
const windowMax = 10_000

export const streamstats: CommandForm<StreamstatsCommand> = {
  parse: (reader) => {
    const first = reader.peek()
    const options = parseOptions(reader)
    const terms = [parseAggregateTerm(reader)]
    while (reader.takeSign(',')) terms.push(parseAggregateTerm(reader))
    const keys = reader.takeWord('by') ? parseGroupKeys(reader) : []
    return { kind: 'streamstats', ...options, terms, keys, span: reader.spanFrom(first) }
  },
  print: ({ current, window, global, nullable, terms, keys }) => {
    const parts = ['streamstats']
    if (!current) parts.push('current=false')
    if (window !== 0) parts.push(`window=${window}`)
    if (!global) parts.push('global=false')
    if (!nullable) parts.push('bucket_nullable=false')
    parts.push(terms.map(printAggregateTerm).join(', '))
    if (keys.length > 0) parts.push(`by ${keys.map(printGroupKey).join(', ')}`)
    return parts.join(' ')
  },
  plan: (command, relation, context) => {
    const { current, window, nullable, terms, keys } = command
    if (window > 0 && command.global && keys.length > 0) {
      throw new QueryProblem(
        'pipeline.query.badValue',
        command.span,
        'a window over the rows of all groups is not supported; add `global=false` for one in each group',
      )
    }
    const partition = keys.map((key) => checkGroupKey(key, relation, context).value)
    const named = terms.map((term) => ({
      name: term.alias ?? term.text,
      aggregate: checkAggregate(term, relation, context),
    }))
    const fields = new Map<string, Column>(relation.fields)
    for (const { name, aggregate } of named) {
      fields.delete(name)
      fields.set(name, aggregate.column)
    }
    const aggregates = named.map(({ aggregate }) => aggregate)
    const { order } = relation
    const plan = { op: 'slide', input: relation.plan, aggregates, partition, order, rows: window, current } as const
    const slid = withChanges(relation, { plan, fields, perEvent: false })
    if (nullable || partition.length === 0) return slid
    const present = all(partition.map((key) => call('not', [call('isNull', [key], 'boolean')], 'boolean')))
    const shown = named.map(({ name, aggregate: { column } }) => ({
      name,
      value: call('when', [present, columnValue(column), cast(nothing, column.type)], column.type),
    }))
    return extended(slid, shown, context)
  },
}

function parseOptions(reader: Reader) {
  const options = { current: true, window: 0, global: true, nullable: true }
  while (reader.isSign('=', 1)) {
    const option = ['current', 'window', 'global', 'bucket_nullable'].find((word) => reader.isWord(word))
    if (option === undefined) reader.fail('`current`, `window`, `global`, `bucket_nullable` or an aggregate')
    reader.next()
    const value = reader.next()
    if (option === 'window') {
      options.window = reader.expectWhole('a number of rows')
      if (options.window > windowMax) {
        throw new QueryProblem('pipeline.query.badValue', value, `a window has at most ${windowMax} rows`)
      }
    } else if (option === 'current') options.current = reader.expectBoolean('whether the row itself counts')
    else if (option === 'global') options.global = reader.expectBoolean('whether groups share a window')
    else options.nullable = reader.expectBoolean('whether rows without a value count')
  }
  return options
}
