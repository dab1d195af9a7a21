import { checkExpression } from '../check-expression.ts'
import type { Expression } from '../expression.ts'
import { parseValue } from '../parse-expression.ts'
import type { Typed } from '../plan.ts'
import { printExpression } from '../print-expression.ts'
import type { FieldName, FillnullCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import { columnValue, extended, fieldValue, scopeOf, shownFields } from '../relation.ts'
import { quoteName } from '../tokens.ts'
import { call, cast } from '../typed.ts'
import { commonType, isNumber } from '../types.ts'
import type { CommandForm } from './command.ts'
import { parseFieldList, parseFieldName } from './field-list.ts'

export const fillnull: CommandForm<FillnullCommand> = {
  parse: (reader) => {
    if (reader.takeWord('using')) return { kind: 'fillnull', fills: parseUsing(reader) }
    if (reader.takeWord('with')) {
      const value = parseValue(reader)
      return { kind: 'fillnull', fills: fillsOf(value, reader.takeWord('in') ? parseFieldList(reader) : []) }
    }
    reader.expectWord('value')
    reader.expectSign('=')
    const value = parseValue(reader)
    return { kind: 'fillnull', fills: fillsOf(value, reader.isName() ? parseFieldList(reader) : []) }
  },
  print: ({ fills }) => {
    const [first] = fills
    if (first && !first.field) return `fillnull with ${printExpression(first.value)}`
    return `fillnull using ${fills
      .map(({ field, value }) => `${quoteName(field?.name ?? '')} = ${printExpression(value)}`)
      .join(', ')}`
  },
  plan: ({ fills }, relation, context) => {
    const scope = scopeOf(relation, context)
    const added = fills.flatMap(({ field, value }) => {
      const filling = checkExpression(value, scope)
      if (field)
        return [{ name: field.name, value: filled(fieldValue(relation, field.name, field.span, context), filling) }]
      return [...shownFields(relation, context)]
        .filter(([, { type }]) => type === filling.type || (isNumber(type) && isNumber(filling.type)))
        .map(([name, column]) => ({ name, value: filled(columnValue(column), filling) }))
    })
    return extended(relation, added, context)
  },
}

function parseUsing(reader: Reader) {
  const fills = []
  do {
    const field = parseFieldName(reader)
    reader.expectSign('=')
    fills.push({ field, value: parseValue(reader) })
  } while (reader.takeSign(','))
  return fills
}

function fillsOf(value: Expression, fields: readonly FieldName[]) {
  return fields.length === 0 ? [{ field: undefined, value }] : fields.map((field) => ({ field, value }))
}

function filled(value: Typed, filling: Typed): Typed {
  const type = commonType(value.type, filling.type)
  return call('coalesce', [cast(value, type), cast(filling, type)], type)
}
