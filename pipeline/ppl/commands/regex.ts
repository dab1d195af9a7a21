import type { RegexCommand } from '../query.ts'
import { readRegex } from '../regex.ts'
import { fieldValue, withChanges } from '../relation.ts'
import { quoteName, quoteString } from '../tokens.ts'
import { call, cast, text } from '../typed.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

export const regex: CommandForm<RegexCommand> = {
  parse: (reader) => {
    const field = parseFieldName(reader)
    const negated = reader.takeSign('!=')
    if (!negated) reader.expectSign('=')
    const pattern = reader.expectString('a pattern')
    return { kind: 'regex', field, negated, pattern: pattern.value, patternSpan: pattern }
  },
  print: ({ field, negated, pattern }) =>
    `regex ${quoteName(field.name)}${negated ? '!=' : '='}${quoteString(pattern)}`,
  plan: ({ field, negated, pattern, patternSpan }, relation, context) => {
    const subject = cast(fieldValue(relation, field.name, field.span, context), 'string')
    const { source } = readRegex(pattern, patternSpan, context.limits)
    const matches = call('regexMatch', [subject, text(source)], 'boolean')
    const condition = negated ? call('not', [matches], 'boolean') : matches
    return withChanges(relation, { plan: { op: 'filter', input: relation.plan, condition } })
  },
}
