import type { Span } from './errors.ts'
import type { QueryLimits } from './limits.ts'
import type { Typed } from './plan.ts'

/** Where names in an expression mean something. */
export interface Scope {
  readonly limits: QueryLimits
  readonly now: number
  /** @throws QueryProblem for a name that means nothing */
  field(name: string, span: Span): Typed
}
