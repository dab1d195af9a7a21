import { generateKeyPair, randomBytes, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'oidc-provider'
import type { AccountId, Clock, Sealer } from '../../platform/index.ts'
import type { OidcStore } from './store.ts'

const generate = promisify(generateKeyPair)

const KEY_TTL_MS = 90 * 24 * 3_600_000
/** A key that signs no more is published for as long as anything it signed is good, and a good while longer. */
const PUBLISHED_AFTER_MS = 24 * 3_600_000

export interface OidcKeys {
  /** Private, the one that signs first. */
  readonly jwks: readonly JWK[]
  readonly cookieKeys: readonly string[]
  /** When another key takes over. */
  readonly changesAt: number
}

interface StoredKey {
  readonly jwk: JWK
  readonly cookieKey: string
}

/** The keys of an account's issuer. Two at least: the one that signs and the one that takes over, which relying parties
 * know by then; made when they are missing. */
export async function loadKeys(
  account: AccountId,
  { store, sealer, clock }: { readonly store: OidcStore; readonly sealer: Sealer; readonly clock: Clock },
): Promise<OidcKeys> {
  const now = clock.now()
  const purposeOf = (kid: string) => `iam/oidc-key/${account}/${kid}`
  const makeRow = async (signsFrom: number) => {
    const { privateKey } = await generate('rsa', { modulusLength: 2048 })
    const kid = randomUUID()
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } as JWK
    const stored: StoredKey = { jwk, cookieKey: randomBytes(32).toString('base64url') }
    const sealed = await sealer.seal(Buffer.from(JSON.stringify(stored), 'utf8'), purposeOf(kid))
    return { account, kid, sealed_key: sealed, signs_from: signsFrom, retires_at: signsFrom + KEY_TTL_MS }
  }
  const rows = await store.ensureKeys(account, async (found) => {
    const ends = found.map((row) => row.retires_at).filter((end) => end > now)
    const made = []
    let end = ends.length === 0 ? now : Math.max(...ends)
    for (let count = ends.length; count < 2; count++) {
      const row = await makeRow(end)
      made.push(row)
      end = row.retires_at
    }
    return made
  })
  const signing = rows.find((row) => row.signs_from <= now && row.retires_at > now)
  const published = rows.filter((row) => row.retires_at + PUBLISHED_AFTER_MS > now)
  const ordered = signing ? [signing, ...published.filter((row) => row !== signing)] : published
  const keys = await Promise.all(
    ordered.map(async (row) => {
      const opened = await sealer.open(row.sealed_key, purposeOf(row.kid))
      return JSON.parse(opened.toString('utf8')) as StoredKey
    }),
  )
  return {
    jwks: keys.map(({ jwk }) => jwk),
    cookieKeys: keys.map(({ cookieKey }) => cookieKey),
    changesAt: signing?.retires_at ?? now,
  }
}
