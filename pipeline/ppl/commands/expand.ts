import { QueryProblem } from '../errors.ts'
import type { Column } from '../plan.ts'
import type { ExpandCommand } from '../query.ts'
import { columnValue, fieldValue, newColumn, withChanges } from '../relation.ts'
import { quoteName } from '../tokens.ts'
import { call, whole } from '../typed.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

export const expand: CommandForm<ExpandCommand> = {
  parse: (reader) => {
    const field = parseFieldName(reader)
    const alias = reader.takeWord('as') ? reader.expectName('a name').name : undefined
    let limit = 0
    if (reader.takeWord('limit')) {
      reader.expectSign('=')
      limit = reader.expectWhole('a number of items', 1)
    }
    return { kind: 'expand', field, alias, limit }
  },
  print: ({ field, alias, limit }) =>
    `expand ${quoteName(field.name)}${alias === undefined ? '' : ` as ${quoteName(alias)}`}${limit === 0 ? '' : ` limit=${limit}`}`,
  plan: ({ field, alias, limit }, relation, context) => {
    const list = fieldValue(relation, field.name, field.span, context)
    if (list.type !== 'array' && list.type !== 'null') {
      throw new QueryProblem(
        'pipeline.query.wrongType',
        field.span,
        `\`${field.name}\` is of type ${list.type}, not a list`,
      )
    }
    const name = alias ?? field.name
    const [item, place] = [newColumn(context, 'string'), newColumn(context, 'long')]
    const fields = new Map<string, Column>(
      [...relation.fields].filter(([each]) => each !== field.name && each !== name),
    )
    fields.set(name, item)
    const unnested = { op: 'unnest', input: relation.plan, list, column: item, place } as const
    const plan =
      limit === 0
        ? unnested
        : ({
            op: 'filter',
            input: unnested,
            condition: call('le', [columnValue(place), whole(limit)], 'boolean'),
          } as const)
    return withChanges(relation, {
      plan,
      fields,
      hidden: new Set([...relation.hidden, field.name]),
      order: [...relation.order, { value: columnValue(place), descending: false }],
      perEvent: false,
    })
  },
}
