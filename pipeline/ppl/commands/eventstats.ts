import type { Column } from '../plan.ts'
import type { EventstatsCommand } from '../query.ts'
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

export const eventstats: CommandForm<EventstatsCommand> = {
  parse: (reader) => {
    let nullable = true
    if (reader.isWord('bucket_nullable') && reader.isSign('=', 1)) {
      reader.next()
      reader.next()
      nullable = reader.expectBoolean('whether rows without a value count')
    }
    const terms = [parseAggregateTerm(reader)]
    while (reader.takeSign(',')) terms.push(parseAggregateTerm(reader))
    const keys = reader.takeWord('by') ? parseGroupKeys(reader) : []
    return { kind: 'eventstats', nullable, terms, keys }
  },
  print: ({ nullable, terms, keys }) =>
    `eventstats ${nullable ? '' : 'bucket_nullable=false '}${terms.map(printAggregateTerm).join(', ')}${
      keys.length === 0 ? '' : ` by ${keys.map(printGroupKey).join(', ')}`
    }`,
  plan: ({ nullable, terms, keys }, relation, context) => {
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
    const plan = { op: 'window', input: relation.plan, aggregates, partition, order: relation.order } as const
    // A page cannot begin in the middle: the aggregates are those of all rows.
    const whole = withChanges(relation, { plan, fields, perEvent: false })
    if (nullable || partition.length === 0) return whole
    const present = all(partition.map((key) => call('not', [call('isNull', [key], 'boolean')], 'boolean')))
    const shown = named.map(({ name, aggregate: { column } }) => ({
      name,
      value: call('when', [present, columnValue(column), cast(nothing, column.type)], column.type),
    }))
    return extended(whole, shown, context)
  },
}
