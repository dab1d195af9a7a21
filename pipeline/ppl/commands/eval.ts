import { checkExpression } from '../check-expression.ts'
import { parseExpression } from '../parse-expression.ts'
import { printExpression } from '../print-expression.ts'
import type { EvalCommand } from '../query.ts'
import { extended, scopeOf } from '../relation.ts'
import { quoteName } from '../tokens.ts'
import type { CommandForm } from './command.ts'

export const evaluate: CommandForm<EvalCommand> = {
  parse: (reader) => {
    const assignments = []
    do {
      const { name } = reader.expectName('a field')
      reader.expectSign('=')
      assignments.push({ name, value: parseExpression(reader) })
    } while (reader.takeSign(','))
    return { kind: 'eval', assignments }
  },
  print: ({ assignments }) =>
    `eval ${assignments.map(({ name, value }) => `${quoteName(name)} = ${printExpression(value)}`).join(', ')}`,
  plan: ({ assignments }, relation, context) =>
    assignments.reduce((before, { name, value }) => {
      const checked = checkExpression(value, scopeOf(before, context))
      return extended(before, [{ name, value: checked }], context)
    }, relation),
}
