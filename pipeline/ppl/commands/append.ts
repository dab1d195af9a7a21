import type { Column, Plan, SortKey, Typed } from '../plan.ts'
import type { AppendCommand } from '../query.ts'
import { columnValue, newColumn, type PlanContext, type Relation, shownFields } from '../relation.ts'
import { whole } from '../typed.ts'
import { commonType, type ValueType } from '../types.ts'
import type { CommandForm } from './command.ts'

export const append: CommandForm<AppendCommand> = {
  parse: (reader) => ({ kind: 'append', query: reader.expectSubsearch() }),
  print: ({ query }, printQuery) => `append [ ${printQuery(query)} ]`,
  plan: ({ query }, relation, context) => together([relation, context.planQuery(query)], context),
}

/** The rows of several relations, one after the other, each in its own order. */
function together(relations: readonly Relation[], context: PlanContext): Relation {
  const parts = relations.map((relation) => ({ relation, shown: shownFields(relation, context) }))
  const types = new Map<string, ValueType>()
  for (const { shown } of parts) {
    for (const [name, { type }] of shown) types.set(name, commonType(types.get(name) ?? 'null', type))
  }
  const fields = new Map<string, Column>([...types].map(([name, type]) => [name, newColumn(context, type)]))
  const [part, place] = [newColumn(context, 'long'), newColumn(context, 'long')]
  const inputs = parts.map(({ relation, shown }, i) => {
    const numbered = newColumn(context, 'long')
    const { order } = relation
    const plan: Plan = { op: 'number', input: relation.plan, ties: false, column: numbered, partition: [], order }
    const values = [...fields.keys()].map((name): Typed | undefined => {
      const column = shown.get(name)
      return column && columnValue(column)
    })
    return { plan, columns: [whole(i), columnValue(numbered), ...values] }
  })
  return {
    plan: { op: 'union', columns: [part, place, ...fields.values()], inputs },
    order: [part, place].map<SortKey>((column) => ({ value: columnValue(column), descending: false })),
    fields,
    source: undefined,
    hidden: new Set(),
    perEvent: false,
  }
}
