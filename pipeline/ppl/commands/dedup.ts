import type { DedupCommand } from '../query.ts'
import { columnValue, fieldValue, newColumn, withChanges } from '../relation.ts'
import { all, call, whole } from '../typed.ts'
import type { CommandForm } from './command.ts'
import { parseFieldList, printFieldList } from './field-list.ts'

export const dedup: CommandForm<DedupCommand> = {
  parse: (reader) => {
    const count = reader.peek().kind === 'number' ? reader.expectWhole('a number of rows', 1) : 1
    const fields = parseFieldList(reader, ['keepempty', 'consecutive'])
    let keepEmpty = false
    let consecutive = false
    for (;;) {
      if (reader.isWord('keepempty')) {
        reader.next()
        reader.expectSign('=')
        keepEmpty = reader.expectBoolean('whether rows without a value stay')
      } else if (reader.isWord('consecutive')) {
        reader.next()
        reader.expectSign('=')
        consecutive = reader.expectBoolean('whether only neighbours count')
        if (consecutive) reader.fail('`consecutive=false`, for the other is not supported')
      } else break
    }
    return { kind: 'dedup', count, fields, keepEmpty, consecutive }
  },
  print: ({ count, fields, keepEmpty }) =>
    `dedup ${count === 1 ? '' : `${count} `}${printFieldList(fields)}${keepEmpty ? ' keepempty=true' : ''}`,
  plan: ({ count, fields, keepEmpty }, relation, context) => {
    const values = fields.map(({ name, span }) => fieldValue(relation, name, span, context))
    const empty = values.map((value) => call('isNull', [value], 'boolean'))
    const anyEmpty = empty.length === 1 && empty[0] ? empty[0] : call('or', empty, 'boolean')
    const full = call('not', [anyEmpty], 'boolean')
    const input = keepEmpty ? relation.plan : ({ op: 'filter', input: relation.plan, condition: full } as const)
    const number = newColumn(context, 'long')
    const numbered = {
      op: 'number',
      input,
      ties: false,
      column: number,
      partition: values,
      order: relation.order,
    } as const
    const first = call('le', [columnValue(number), whole(count)], 'boolean')
    const condition = keepEmpty ? call('or', [anyEmpty, first], 'boolean') : all([first])
    return withChanges(relation, { plan: { op: 'filter', input: numbered, condition }, perEvent: false })
  },
}
