export const accessKinds = ['policy', 'group', 'breakGlass'] as const
/** What is asked for: a managed policy, to be in a group, or that a break-glass user may act. */
export type AccessKind = (typeof accessKinds)[number]

export const accessStates = ['pending', 'approved', 'rejected', 'cancelled', 'revoked'] as const
/** As stored. That time is over is nobody's to write: it follows from the clock. */
export type StoredAccessState = (typeof accessStates)[number]

export interface AccessTables {
  iam_access_request: {
    account: string
    id: string
    kind: AccessKind
    /** ARN of the policy, name of the group or of the break-glass user. */
    target: string
    /** Of what had the name when it was asked for: one made again under it is another. */
    target_id: string
    /** Name and id of who asks, and for `policy` and `group` gets. */
    requester: string
    requester_id: string
    reason: string
    duration_sec: number
    state: StoredAccessState
    created_at: number
    /** Not approved until here, it cannot be approved any more. */
    lapses_at: number
    starts_at: number | null
    expires_at: number | null
    ended_at: number | null
    ended_by: string | null
  }
  /** An approver has one voice a request. */
  iam_access_voice: {
    account: string
    request: string
    approver_id: string
    approver: string
    approved: number
    comment: string
    at: number
  }
  /** Users who act only while two of their custodians let them. */
  iam_break_glass: { account: string; user_id: string; user_name: string }
  iam_custodian: { account: string; user_id: string; custodian_id: string }
}
