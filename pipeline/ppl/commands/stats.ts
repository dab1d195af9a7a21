import type { StatsCommand } from '../query.ts'
import { withChanges } from '../relation.ts'
import { all, call } from '../typed.ts'
import {
  checkAggregate,
  checkGroupKey,
  grouped,
  parseAggregateTerm,
  parseGroupKeys,
  printAggregateTerm,
  printGroupKey,
} from './aggregation.ts'
import type { CommandForm } from './command.ts'

export const stats: CommandForm<StatsCommand> = {
  parse: (reader) => {
    let nullable = true
    while (reader.isSign('=', 1)) {
      const option = ['bucket_nullable', 'allnum', 'partitions', 'delim'].find((word) => reader.isWord(word))
      if (option === undefined) reader.fail('`bucket_nullable=` or an aggregate')
      reader.next()
      reader.next()
      if (option === 'bucket_nullable') nullable = reader.expectBoolean('whether rows without a value count')
      else reader.next()
    }
    const terms = [parseAggregateTerm(reader)]
    while (reader.takeSign(',')) terms.push(parseAggregateTerm(reader))
    const keys = reader.takeWord('by') ? parseGroupKeys(reader) : []
    return { kind: 'stats', nullable, terms, keys }
  },
  print: ({ nullable, terms, keys }) =>
    `stats ${nullable ? '' : 'bucket_nullable=false '}${terms.map(printAggregateTerm).join(', ')}${
      keys.length === 0 ? '' : ` by ${keys.map(printGroupKey).join(', ')}`
    }`,
  plan: ({ nullable, terms, keys }, relation, context) => {
    // A span comes first among the keys, wherever it was written.
    const ordered = [...keys.filter((key) => key.width), ...keys.filter((key) => !key.width)]
    const checked = ordered.map((key) => checkGroupKey(key, relation, context))
    const required = checked.filter((key) => key.required || !nullable)
    const present = required.map(({ value }) => call('not', [call('isNull', [value], 'boolean')], 'boolean'))
    const input =
      present.length === 0
        ? relation
        : withChanges(relation, { plan: { op: 'filter', input: relation.plan, condition: all(present) } })
    const named = terms.map((term) => ({
      name: term.alias ?? term.text,
      aggregate: checkAggregate(term, relation, context),
    }))
    return grouped(input, checked, named)
  },
}
