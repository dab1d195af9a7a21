import { createHash } from 'node:crypto'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { AccountId, Clock, Sealer } from '../../platform/index.ts'
import type { AppRegistrations } from './app-registrations.ts'
import type { EntryKey, OidcStore } from './store.ts'

/** Of what the provider gives no life of its own. */
const TTL_SEC_DEFAULT = 24 * 3600

export interface AdapterDeps {
  readonly account: AccountId
  readonly store: OidcStore
  readonly apps: AppRegistrations
  readonly sealer: Sealer
  readonly clock: Clock
}

/** Where oidc-provider keeps what it makes, one kind of thing of one account. Payloads are sealed, ids hashed.
 * INVARIANT (once): what is consumed twice, even at the same instant, takes its whole grant with it. */
export class OidcAdapter implements Adapter {
  readonly #kind: string
  readonly #deps: AdapterDeps

  constructor(kind: string, deps: AdapterDeps) {
    this.#kind = kind
    this.#deps = deps
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { account, store, sealer, clock } = this.#deps
    const now = clock.now()
    const hash = hashOf(id)
    const grantId = this.#kind === 'Grant' ? id : payload.grantId
    const row = {
      account,
      kind: this.#kind,
      id: hash,
      grant_id: hashOrNull(grantId),
      uid: this.#kind === 'Session' ? hashOrNull(payload.uid) : null,
      user_code: hashOrNull(payload.userCode),
      expires_at: now + (expiresIn ?? TTL_SEC_DEFAULT) * 1000,
      sealed_payload: await sealer.seal(Buffer.from(JSON.stringify(payload), 'utf8'), this.#purpose(hash)),
    }
    if (this.#kind === 'ReplayDetection') {
      // Two requests with one assertion: the provider looks before it writes, so here is where the second is stopped.
      if (!(await store.insertEntry(row))) throw new errors.InvalidClientAuth('assertion was used already')
    } else {
      await store.putEntry(row)
    }
    await store.pruneNowAndThen(now)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (this.#kind === 'Client') return this.#deps.apps.clientMetadata(this.#deps.account, id)
    return this.#open({ column: 'id', hash: hashOf(id) })
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#open({ column: 'uid', hash: hashOf(uid) })
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#open({ column: 'user_code', hash: hashOf(userCode) })
  }

  async consume(id: string): Promise<void> {
    const { account, store, clock } = this.#deps
    const hash = hashOf(id)
    if (await store.consumeEntry(account, this.#kind, hash, clock.now())) return
    const entry = await store.findEntry(account, this.#kind, { column: 'id', hash })
    if (entry?.grant_id) await store.deleteOfGrant(account, entry.grant_id)
    throw new errors.InvalidGrant('it was used already')
  }

  async destroy(id: string): Promise<void> {
    await this.#deps.store.deleteEntry(this.#deps.account, this.#kind, hashOf(id))
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#deps.store.deleteOfGrant(this.#deps.account, hashOf(grantId), this.#kind)
  }

  async #open(key: EntryKey): Promise<AdapterPayload | undefined> {
    const { account, store, sealer } = this.#deps
    const row = await store.findEntry(account, this.#kind, key)
    if (!row) return undefined
    const opened = await sealer.open(row.sealed_payload, this.#purpose(row.id))
    const payload = JSON.parse(opened.toString('utf8')) as AdapterPayload
    return row.consumed_at === null ? payload : { ...payload, consumed: Math.floor(row.consumed_at / 1000) }
  }

  #purpose(hash: string): string {
    return `iam/oidc/${this.#deps.account}/${this.#kind}/${hash}`
  }
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}

function hashOrNull(id: unknown): string | null {
  return typeof id === 'string' ? hashOf(id) : null
}
