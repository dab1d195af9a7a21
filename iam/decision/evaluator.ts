import type { Naming } from '../policy/principal-match.ts'
import type { Question } from '../policy/statement.ts'
import type { StatementList } from './statement-list.ts'

/** What one layer says: some Deny matches, else some Allow, else nothing. */
export type Verdict = 'deny' | 'allow' | 'none'

/** Decides one layer. Two implementations, which a property test compares: casbin over a slice, and plain loops. */
export interface Evaluator {
  /** @param naming counts only Allow statements whose Principal names the caller this way; a Deny counts however */
  verdict(list: StatementList, question: Question, naming?: Naming): Verdict
}
