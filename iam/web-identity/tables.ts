export interface WebIdentityTables {
  /** OpenID Connect providers whose users and workloads may take on roles here. */
  iam_identity_provider: {
    account: string
    name: string
    issuer: string
    /** JSON texts of lists. */
    audiences: string
    algorithms: string
    /** JSON text of a JWK set; null where the issuer publishes it. */
    jwks: string | null
    created_at: number
  }
}
