import type { SortKey, Typed } from '../plan.ts'
import { type SortCommand, type SortField, type SortKind, sortKinds } from '../query.ts'
import type { Reader } from '../reader.ts'
import { fieldValue, withChanges } from '../relation.ts'
import { quoteName } from '../tokens.ts'
import { cast } from '../typed.ts'
import type { CommandForm } from './command.ts'

export const sort: CommandForm<SortCommand> = {
  parse: (reader) => {
    const count = reader.peek().kind === 'number' ? reader.expectWhole('a number of rows') : 0
    const fields = [parseSortField(reader)]
    while (reader.takeSign(',')) fields.push(parseSortField(reader))
    return { kind: 'sort', count, fields }
  },
  print: ({ count, fields }) => `sort ${count === 0 ? '' : `${count} `}${fields.map(printSortField).join(', ')}`,
  plan: ({ count, fields }, relation, context) => {
    const keys = fields.map<SortKey>(({ name, as, descending, span }) => ({
      value: comparedAs(fieldValue(relation, name, span, context), as),
      descending,
    }))
    const order = [...keys.filter(({ value }) => value.kind !== 'literal'), ...relation.order]
    const sorted = withChanges(relation, { order, perEvent: false })
    return count === 0
      ? sorted
      : withChanges(sorted, { plan: { op: 'limit', input: sorted.plan, order, count, skip: 0 } })
  },
}

function parseSortField(reader: Reader): SortField {
  const first = reader.peek()
  const sign = reader.takeSign('-') ? '-' : reader.takeSign('+') ? '+' : undefined
  const as = sortKinds.find((kind) => reader.isWord(kind) && reader.isSign('(', 1))
  if (as !== undefined) {
    reader.next()
    reader.next()
  }
  const { name } = reader.expectName('a field')
  if (as !== undefined) reader.expectSign(')')
  const span = reader.spanFrom(first)
  const isDescending = reader.isWord('desc') || reader.isWord('d')
  if (isDescending || reader.isWord('asc') || reader.isWord('a')) {
    if (sign !== undefined) reader.fail('`,` or the next command, for the direction is given by the sign')
    reader.next()
  }
  return { name, as: as ?? 'auto', descending: sign === '-' || isDescending, span }
}

function printSortField({ name, as, descending }: SortField): string {
  const field = as === 'auto' ? quoteName(name) : `${as}(${quoteName(name)})`
  return `${descending ? '- ' : ''}${field}`
}

function comparedAs(value: Typed, as: SortKind): Typed {
  if (as === 'str') return cast(value, 'string')
  return as === 'num' ? cast(value, 'double') : value
}
