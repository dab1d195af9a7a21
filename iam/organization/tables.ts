/** An organisation belongs to its management account, which is the `account` of every row here but a membership's. */
export interface OrganizationTables {
  iam_organization: { account: string; id: string; created_at: number }
  /** The root and the organisational units. */
  iam_organization_node: {
    account: string
    organization: string
    id: string
    /** Null for the root. */
    parent: string | null
    name: string
    created_at: number
  }
  /** An account is in one organisation at most. */
  iam_organization_member: { account: string; organization: string; node: string; joined_at: number }
  iam_organization_invitation: {
    account: string
    organization: string
    id: string
    invited: string
    created_at: number
    expires_at: number
  }
  iam_guardrail: {
    account: string
    organization: string
    name: string
    kind: GuardrailKind
    description: string
    document: string
    created_at: number
  }
  /** `node` is the root, a unit or a member account. */
  iam_guardrail_attachment: { account: string; organization: string; node: string; guardrail: string }
}

/** What a guardrail bounds: what the principals of accounts may do, or what may be done to the resources of accounts. */
export const guardrailKinds = ['principal', 'resource'] as const
export type GuardrailKind = (typeof guardrailKinds)[number]
