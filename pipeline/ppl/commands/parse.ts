import { checkExpression } from '../check-expression.ts'
import { QueryProblem } from '../errors.ts'
import { parseValue } from '../parse-expression.ts'
import { printExpression } from '../print-expression.ts'
import type { ParseCommand } from '../query.ts'
import { readRegex } from '../regex.ts'
import { extended, scopeOf } from '../relation.ts'
import { quoteString } from '../tokens.ts'
import { call, cast, text, whole } from '../typed.ts'
import type { CommandForm } from './command.ts'

export const parse: CommandForm<ParseCommand> = {
  parse: (reader) => {
    const source = parseValue(reader)
    const pattern = reader.expectString('a pattern with named groups')
    return { kind: 'parse', source, pattern: pattern.value, span: pattern }
  },
  print: ({ source, pattern }) => `parse ${printExpression(source)} ${quoteString(pattern)}`,
  plan: ({ source, pattern, span }, relation, context) => {
    const regex = readRegex(pattern, span, context.limits)
    if (regex.groups.length === 0) {
      throw new QueryProblem('pipeline.query.badRegex', span, 'this pattern has no named group; write (?<name>…)')
    }
    const subject = cast(checkExpression(source, scopeOf(relation, context)), 'string')
    const added = regex.groups.map(({ name, index }) => {
      const found = call('regexExtract', [subject, text(regex.source), whole(index)], 'string')
      return { name, value: call('coalesce', [found, text('')], 'string') }
    })
    return extended(relation, added, context)
  },
}
