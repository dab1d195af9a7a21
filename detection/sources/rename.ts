import type { Expression } from '../match/expression.ts'

/** The same expression over other names of the fields. */
export function renameFields(expression: Expression, names: Readonly<Record<string, string>>): Expression {
  const rename = (field: string): string => (Object.hasOwn(names, field) ? (names[field] ?? field) : field)
  switch (expression.kind) {
    case 'and':
    case 'or':
      return { kind: expression.kind, of: expression.of.map((part) => renameFields(part, names)) }
    case 'not':
      return { kind: 'not', of: renameFields(expression.of, names) }
    case 'constant':
      return expression
    case 'fieldRef':
      return { ...expression, field: rename(expression.field), other: rename(expression.other) }
    default:
      return { ...expression, field: rename(expression.field) }
  }
}
