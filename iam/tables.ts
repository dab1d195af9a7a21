import type { AccessTables } from './access/tables.ts'
import type { DecisionTables } from './decision-log/tables.ts'
import type { OrganizationTables } from './organization/tables.ts'
import type { PasswordPolicyTables } from './password-policy/tables.ts'
import type { ProjectTables } from './projects/tables.ts'
import type { SessionTables } from './sessions/tables.ts'
import type { HolderKind } from './types.ts'
import type { WebIdentityTables } from './web-identity/tables.ts'
import type { WebAuthnTables } from './webauthn/tables.ts'

/** The tables of this folder, as Kysely sees them. */
export interface IamTables
  extends OrganizationTables,
    ProjectTables,
    DecisionTables,
    AccessTables,
    WebAuthnTables,
    WebIdentityTables,
    PasswordPolicyTables,
    SessionTables,
    PasswordPolicyTables {
  iam_revision: { id: number; number: number }
  iam_change: { number: number; account: string; noun: ChangedNoun; name: string }
  iam_account: { account: string; name: string; created_at: number }
  iam_account_setting: { account: string; refuse_new_access: number }
  iam_user: {
    account: string
    name: string
    id: string
    password_hash: string | null
    /** Null: from when the user was made, or older. */
    password_changed_at: number | null
    enabled: number
    tokens_valid_after: number
    boundary: string | null
    tags: string
    created_at: number
  }
  iam_access_key: {
    account: string
    id: string
    user_name: string
    sealed_secret: Uint8Array
    enabled: number
    created_at: number
    last_used_at: number | null
  }
  iam_group: { account: string; name: string; id: string; created_at: number }
  iam_membership: { account: string; group_name: string; user_name: string }
  iam_role: {
    account: string
    name: string
    id: string
    description: string
    trust: string
    session_sec_max: number
    /** Sessions from before are refused. */
    sessions_valid_after: number
    boundary: string | null
    tags: string
    /** Made by the platform and not to be changed. */
    builtin: number
    created_at: number
  }
  iam_policy: {
    account: string
    name: string
    id: string
    description: string
    default_version: number
    /** Of the version made last; numbers are not used twice. */
    latest_version: number
    created_at: number
  }
  iam_policy_version: { account: string; policy: string; version: number; document: string; created_at: number }
  iam_attachment: { account: string; holder_kind: HolderKind; holder: string; policy_arn: string }
  iam_inline_policy: { account: string; holder_kind: HolderKind; holder: string; name: string; document: string }
  iam_totp: {
    account: string
    user_id: string
    sealed_secret: Uint8Array
    confirmed: number
    /** Time step of the code used last; no code of it or before counts again. */
    last_step: number
    created_at: number
  }
  iam_recovery_code: { account: string; user_id: string; hash: string }
  iam_app_registration: { account: string; id: string; name: string; sealed_metadata: Uint8Array; created_at: number }
  /** What the OpenID Connect provider keeps: sessions, grants, codes, tokens. Ids are hashes. */
  iam_oidc_entry: {
    account: string
    kind: string
    id: string
    grant_id: string | null
    uid: string | null
    user_code: string | null
    consumed_at: number | null
    expires_at: number
    sealed_payload: Uint8Array
  }
  iam_oidc_key: { account: string; kid: string; sealed_key: Uint8Array; signs_from: number; retires_at: number }
  iam_application: { account: string; name: string; document: string }
  iam_signing_key: {
    account: string
    kid: string
    public_jwk: string
    sealed_private_jwk: Uint8Array
    created_at: number
    retires_at: number
  }
}

/** What a change touched, so that it alone is read again. */
export type ChangedNoun =
  | 'account'
  | 'user'
  | 'group'
  | 'role'
  | 'policy'
  | 'accessKey'
  | 'session'
  | 'device'
  | 'application'
  | 'organization'
  | 'project'
