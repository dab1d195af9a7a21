export interface SessionTables {
  iam_session: {
    account: string
    id: string
    user_name: string
    created_at: number
    expires_at: number
    revoked_at: number | null
    /** How it began; null for sessions of an earlier version, like what follows. */
    method: string | null
    source_ip: string | null
    user_agent: string | null
    /** Id of the device it is on, as who watches over devices says. */
    device: string | null
  }
  iam_device: {
    account: string
    id: string
    name: string
    /** The only user whose sessions may be on it; null for any. */
    user_id: string | null
    managed: number
    posture: string
    created_at: number
    updated_at: number
  }
}
