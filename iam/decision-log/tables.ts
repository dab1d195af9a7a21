export interface DecisionTables {
  /** When uses of an account began to be counted. */
  iam_use_since: { account: string; at: number }
  iam_statement_use: { account: string; statement: string; count: number; last_at: number }
  iam_principal_use: { account: string; principal: string; auth: string; count: number; last_at: number }
  /** Allowed requests of one day that are alike. */
  iam_request_shape: {
    account: string
    day: number
    /** Of everything that tells it from others. */
    hash: string
    kind: string
    principal: string
    name: string
    auth: string
    mfa: number
    action: string
    resource: string
    context: string
    hours: number
    count: number
    last_at: number
  }
  iam_request_loss: { account: string; day: number; count: number }
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
