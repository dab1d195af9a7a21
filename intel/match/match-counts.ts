import type { PatternCounts } from '../patterns/pattern-index.ts'

/** What whoever matches events did since it was last asked, and what it holds. */
export interface MatchCounts {
  /** Values of events that were looked up. */
  readonly lookups: number
  /** Events that met an indicator, by its type. */
  readonly matches: Readonly<Record<string, number>>
  readonly patterns: PatternCounts
}
