/** How bad a match is, weakest first.   @see Sigma specification 2.0, Level */
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** What is known of a rule beside its detection. */
export interface RuleHead {
  readonly id: string
  /** A second name that correlations may use. */
  readonly name?: string
  readonly title: string
  readonly severity: Severity
  readonly description?: string
  readonly falsePositives?: readonly string[]
  /** What to do first when it is found: `response`, a key of ours that Sigma leaves free. */
  readonly response?: string
  /** Whether it makes alerts by itself, and how sure it is, 0.25 to 1. */
  readonly risk?: { readonly only?: boolean; readonly confidence?: number }
  /** ATT&CK techniques, `T1110.001`. */
  readonly techniques: readonly string[]
  /** ATT&CK tactics, `credential-access`. */
  readonly tactics: readonly string[]
}
