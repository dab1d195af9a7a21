import type { Query } from './ast.ts'
import type { Span } from './errors.ts'
import type { QueryLimits } from './limits.ts'
import type { ScanPlan, SourceCatalogue, Typed } from './plan.ts'
import type { Relation } from './relation.ts'

/** What a query is checked against. */
export interface PlanContext {
  readonly catalogue: SourceCatalogue
  readonly limits: QueryLimits
  /** The instant that the query takes for now, ms. */
  readonly now: number
  /** The query's text, for names of columns. */
  readonly text: string
  /** An id for a new column. */
  readonly nextId: () => number
  /** Every scan of the query so far. */
  readonly scans: ScanPlan[]
  /** A query inside the query. */
  readonly planQuery: (query: Query) => Relation
}

/** Where names in an expression mean something. */
export interface Scope {
  readonly limits: QueryLimits
  readonly now: number
  /** @throws QueryProblem for a name that means nothing */
  field(name: string, span: Span): Typed
}
