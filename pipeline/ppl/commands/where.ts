import { checkCondition } from '../check-expression.ts'
import { parseExpression } from '../parse-expression.ts'
import { printExpression } from '../print-expression.ts'
import type { WhereCommand } from '../query.ts'
import { scopeOf, withChanges } from '../relation.ts'
import type { CommandForm } from './command.ts'

export const where: CommandForm<WhereCommand> = {
  parse: (reader) => ({ kind: 'where', condition: parseExpression(reader) }),
  print: ({ condition }) => `where ${printExpression(condition)}`,
  plan: ({ condition }, relation, context) =>
    withChanges(relation, {
      plan: { op: 'filter', input: relation.plan, condition: checkCondition(condition, scopeOf(relation, context)) },
    }),
}
