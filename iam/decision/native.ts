import { isMet } from '../policy/statement.ts'
import type { Evaluator } from './evaluator.ts'

/** The fast path: loops over the candidates. */
export const nativeEvaluator: Evaluator = {
  verdict(list, question, naming) {
    const { denies, allows } = list.candidates(question.action)
    for (const statement of denies) if (isMet(statement, question)) return 'deny'
    for (const statement of allows) if (isMet(statement, question, naming)) return 'allow'
    return 'none'
  },
}
