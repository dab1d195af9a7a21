import type { Column } from '../plan.ts'
import type { FieldPattern, RenameCommand } from '../query.ts'
import {
  extended,
  fieldValue,
  matchesPattern,
  type PlanContext,
  type Relation,
  wildcardNames,
  withChanges,
} from '../relation.ts'
import type { CommandForm } from './command.ts'
import { parsePattern, printPattern } from './fields.ts'

export const rename: CommandForm<RenameCommand> = {
  parse: (reader) => {
    const pairs = []
    do {
      const from = parsePattern(reader)
      reader.expectWord('as')
      const to = parsePattern(reader)
      if (from.pattern.split('*').length !== to.pattern.split('*').length) {
        reader.fail('as many `*` in the new name as in the old one')
      }
      pairs.push({ from, to })
    } while (reader.takeSign(',') || (reader.peek().kind !== 'end' && reader.isWord('as', 1)))
    return { kind: 'rename', pairs }
  },
  print: ({ pairs }) =>
    `rename ${pairs.map(({ from, to }) => `${printPattern(from)} as ${printPattern(to)}`).join(', ')}`,
  plan: ({ pairs }, relation, context) =>
    pairs.reduce((before, { from, to }) => {
      if (!from.pattern.includes('*')) return renameOne(before, from, to.pattern, context)
      return [...wildcardNames(before)]
        .filter((name) => matchesPattern(name, from.pattern))
        .reduce(
          (each, name) => renameOne(each, { ...from, pattern: name }, carried(name, from.pattern, to.pattern), context),
          before,
        )
    }, relation),
}

function renameOne(relation: Relation, from: FieldPattern, to: string, context: PlanContext): Relation {
  const value = fieldValue(relation, from.pattern, from.span, context)
  const before = value.kind === 'column' ? relation : extended(relation, [{ name: to, value }], context)
  const column = value.kind === 'column' ? value.column : before.fields.get(to)
  const fields = new Map<string, Column>()
  for (const [name, each] of before.fields) if (name !== from.pattern && name !== to) fields.set(name, each)
  if (column) fields.set(to, column)
  return withChanges(before, { fields, hidden: new Set([...before.hidden, from.pattern]) })
}

/** The new name with what each `*` of the old one stood for. */
function carried(name: string, from: string, to: string): string {
  const parts = from.split('*')
  const values: string[] = []
  let at = (parts[0] ?? '').length
  parts.slice(1).forEach((part, i) => {
    const isLast = i === parts.length - 2
    const end = isLast ? name.length - part.length : name.indexOf(part, at)
    values.push(name.slice(at, end))
    at = end + part.length
  })
  return to.split('*').reduce((whole, part, i) => whole + (values[i - 1] ?? '') + part)
}
