import { matchesStatement } from '../policy/statement.ts'
import type { Evaluator } from './evaluator.ts'

/** The fast path: loops over the candidates. */
export const nativeEvaluator: Evaluator = {
  verdict(list, question, naming) {
    const { denies, allows } = list.candidates(question.action.service)
    for (const statement of denies) if (matchesStatement(statement, question)) return 'deny'
    for (const statement of allows) if (matchesStatement(statement, question, naming)) return 'allow'
    return 'none'
  },
}
