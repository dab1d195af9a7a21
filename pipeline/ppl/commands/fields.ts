import type { Column } from '../plan.ts'
import type { FieldPattern, FieldsCommand } from '../query.ts'
import type { Reader } from '../reader.ts'
import {
  closed,
  extended,
  fieldValue,
  findColumn,
  matchesPattern,
  type PlanContext,
  type Relation,
  wildcardNames,
  withChanges,
} from '../relation.ts'
import { quoteName } from '../tokens.ts'
import type { CommandForm } from './command.ts'

export const fields: CommandForm<FieldsCommand> = {
  parse: (reader) => {
    const without = reader.takeSign('-')
    if (!without) reader.takeSign('+')
    const patterns = [parsePattern(reader)]
    while (reader.takeSign(',') || startsPattern(reader)) patterns.push(parsePattern(reader))
    return { kind: 'fields', without, patterns }
  },
  print: ({ without, patterns }) => `fields ${without ? '- ' : ''}${patterns.map(printPattern).join(', ')}`,
  plan: (command, relation, context) =>
    command.without ? leaveOut(command.patterns, relation) : keep(command.patterns, relation, context),
}

/** Reads a field name that may hold wildcards, which backticks do not take away. */
export function parsePattern(reader: Reader): FieldPattern {
  const first = reader.peek()
  if (!startsPattern(reader)) reader.fail('a field')
  let pattern = reader.next().value
  let end = first.end
  for (;;) {
    // `host.*name` is one pattern: parts that touch belong together, with or without a dot.
    const token = reader.peek()
    const touches = token.start === end
    if (token.kind === 'sign' && token.value === '.' && startsPattern(reader, 1)) {
      reader.next()
      const part = reader.next()
      pattern += `.${part.value}`
      end = part.end
    } else if (touches && token.kind === 'sign' && token.value === '*') {
      pattern += '*'
      end = reader.next().end
    } else break
  }
  return { pattern, span: reader.spanFrom(first) }
}

function startsPattern(reader: Reader, ahead = 0): boolean {
  const token = reader.peek(ahead)
  return token.kind === 'word' || token.kind === 'name' || reader.isSign('*', ahead)
}

export function printPattern({ pattern }: FieldPattern): string {
  return quoteName(pattern)
}

function keep(patterns: readonly FieldPattern[], relation: Relation, context: PlanContext): Relation {
  const kept = new Map<string, Column>()
  let before = relation
  for (const { pattern, span } of patterns) {
    if (pattern.includes('*')) {
      for (const name of [...wildcardNames(relation)].filter((each) => matchesPattern(each, pattern)).sort()) {
        const column = findColumn(relation, name, context)
        if (column && !kept.has(name)) kept.set(name, column)
      }
      continue
    }
    const value = fieldValue(relation, pattern, span, context)
    if (value.kind === 'column') kept.set(pattern, value.column)
    else {
      // A field that no event has: a column of nulls.
      before = extended(before, [{ name: pattern, value }], context)
      const column = before.fields.get(pattern)
      if (column) kept.set(pattern, column)
    }
  }
  return closed(before, kept)
}

function leaveOut(patterns: readonly FieldPattern[], relation: Relation): Relation {
  const gone = new Set<string>()
  for (const { pattern } of patterns) {
    for (const name of wildcardNames(relation)) {
      // A struct goes with all that it holds.
      if (matchesPattern(name, pattern) || name.startsWith(`${pattern}.`)) gone.add(name)
    }
    gone.add(pattern)
  }
  return withChanges(relation, {
    fields: new Map([...relation.fields].filter(([name]) => !gone.has(name))),
    hidden: new Set([...relation.hidden, ...gone]),
  })
}
