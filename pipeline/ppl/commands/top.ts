import type { Column, SortKey } from '../plan.ts'
import type { TopCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import { columnValue, newColumn, withChanges } from '../relation.ts'
import { quoteString } from '../tokens.ts'
import { all, call, whole } from '../typed.ts'
import { checkGroupKey, grouped } from './aggregation.ts'
import type { CommandForm } from './command.ts'
import { parseFieldList, printFieldList } from './field-list.ts'

const countDefault = 10
const countFieldDefault = 'count'

export const top: CommandForm<TopCommand> = {
  parse: (reader, word) => {
    if (reader.isWord('limit') && reader.isSign('=', 1)) {
      reader.next()
      reader.next()
    }
    const count = reader.peek().kind === 'number' ? reader.expectWhole('a number of rows', 1) : countDefault
    const options = parseOptions(reader)
    const fields = parseFieldList(reader, ['by'])
    const by = reader.takeWord('by') ? parseFieldList(reader) : []
    return { kind: 'top', word: word === 'rare' ? 'rare' : 'top', count, ...options, fields, by }
  },
  print: (command) => {
    const parts = [command.word, String(command.count)]
    if (!command.showCount) parts.push('showcount=false')
    if (command.countField !== countFieldDefault) parts.push(`countfield=${quoteString(command.countField)}`)
    if (!command.useNull) parts.push('usenull=false')
    parts.push(printFieldList(command.fields))
    if (command.by.length > 0) parts.push(`by ${printFieldList(command.by)}`)
    return parts.join(' ')
  },
  plan: (command, relation, context) => {
    const keys = [...command.by, ...command.fields].map(({ name, span }) =>
      checkGroupKey({ field: name, width: undefined, alias: undefined, span }, relation, context),
    )
    const present = keys.map(({ value }) => call('not', [call('isNull', [value], 'boolean')], 'boolean'))
    const input = command.useNull
      ? relation
      : withChanges(relation, { plan: { op: 'filter', input: relation.plan, condition: all(present) } })
    const counted = newColumn(context, 'long')
    const aggregate = { column: counted, name: 'count', args: [], where: undefined } as const
    const groups = grouped(input, keys, [{ name: command.countField, aggregate }])
    const partition = keys.slice(0, command.by.length).map(({ column }) => columnValue(column))
    const ranked: SortKey[] = [
      { value: columnValue(counted), descending: command.word === 'top' },
      ...keys.slice(command.by.length).map(({ column }) => ({ value: columnValue(column), descending: false })),
    ]
    const rank = newColumn(context, 'long')
    const shown = new Map<string, Column>(keys.map(({ name, column }) => [name, column]))
    if (command.showCount) shown.set(command.countField, counted)
    return withChanges(groups, {
      plan: {
        op: 'filter',
        input: { op: 'number', input: groups.plan, ties: false, column: rank, partition, order: ranked },
        condition: call('le', [columnValue(rank), whole(command.count)], 'boolean'),
      },
      fields: shown,
      order: [...partition.map((value) => ({ value, descending: false })), ...ranked],
    })
  },
}

function parseOptions(reader: Reader) {
  let showCount = true
  let countField = countFieldDefault
  let useNull = true
  while (reader.isSign('=', 1)) {
    const option = ['showcount', 'countfield', 'usenull'].find((word) => reader.isWord(word))
    if (option === undefined) reader.fail('`showcount`, `countfield`, `usenull` or a field')
    reader.next()
    reader.next()
    if (option === 'countfield') countField = reader.expectString('a name').value
    else if (option === 'showcount') showCount = reader.expectBoolean('whether to show the count')
    else useNull = reader.expectBoolean('whether to count rows without a value')
  }
  return { showCount, countField, useNull }
}
