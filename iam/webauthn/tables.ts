export interface WebAuthnTables {
  iam_webauthn_credential: {
    account: string
    user_id: string
    /** As the authenticator calls it, base64url. */
    id: string
    name: string
    public_key: Uint8Array
    counter: number
    /** JSON text of a list. */
    transports: string
    /** Whether the key may be copied to other devices, and was. */
    backed_up: number
    created_at: number
    last_used_at: number | null
  }
  /** Challenges that were answered; the rest are not kept anywhere. */
  iam_webauthn_spent: { account: string; hash: string; expires_at: number }
}
