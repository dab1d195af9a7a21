export interface DecisionTables {
  /** Refusals, by the id the caller was told. */
  iam_decision: {
    account: string
    id: string
    at: number
    principal: string
    action: string
    resource: string
    reason: string
    /** JSON text of an Explanation; null where the principal was gone or the explanation too long. */
    explanation: string | null
  }
}
