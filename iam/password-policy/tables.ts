export interface PasswordPolicyTables {
  /** Accounts that chose other rules than the standing ones. */
  iam_password_policy: {
    account: string
    length_min: number
    history_count: number
    /** 0: passwords do not age. */
    age_days_max: number
    failures_max: number
    lockout_minutes: number
  }
  /** Hashes of passwords that a user had, the present one among them. */
  iam_password_history: { account: string; user_id: string; hash: string; created_at: number }
}
