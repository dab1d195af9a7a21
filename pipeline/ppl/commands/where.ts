import type { Expression } from '../ast.ts'
import { checkCondition } from '../check-expression.ts'
import { parseExpression } from '../parse-expression.ts'
import { printExpression } from '../print-expression.ts'
import { scopeOf, withChanges } from '../relation.ts'
import type { CommandForm } from './command.ts'

/** `where <condition>`: the rows for which the condition is true; neither false nor null is. */
export interface WhereCommand {
  readonly kind: 'where'
  readonly condition: Expression
}

export const where: CommandForm<WhereCommand> = {
  parse: (reader) => ({ kind: 'where', condition: parseExpression(reader) }),
  print: ({ condition }) => `where ${printExpression(condition)}`,
  plan: ({ condition }, relation, context) =>
    withChanges(relation, {
      plan: { op: 'filter', input: relation.plan, condition: checkCondition(condition, scopeOf(relation, context)) },
    }),
}
