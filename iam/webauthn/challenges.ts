import { createHash } from 'node:crypto'
import type { Clock, Sealer } from '../../platform/index.ts'
import { WEBAUTHN_CHALLENGE_LENGTH_MAX, WEBAUTHN_CHALLENGE_TTL_MS } from '../limits.ts'
import type { Spent } from './store.ts'

/** What a challenge was made for; an answer counts for nothing else. */
export interface ChallengePurpose {
  readonly kind: 'registration' | 'secondFactor' | 'passwordless'
  readonly account: string
  /** The user's id; none where the key itself says who signs in. */
  readonly user?: string
}

const SEALED_FOR = 'iam/webauthn-challenge'

/** Challenges that say themselves what they are for and until when: sealed, so that nobody makes one, and nothing has to
 * be kept for those who never answer. Answered ones are spent in the store. */
export class Challenges {
  readonly #sealer: Sealer
  readonly #clock: Clock

  constructor(deps: { readonly sealer: Sealer; readonly clock: Clock }) {
    this.#sealer = deps.sealer
    this.#clock = deps.clock
  }

  async make(purpose: ChallengePurpose): Promise<Uint8Array<ArrayBuffer>> {
    const text = JSON.stringify({ ...purpose, expiresAt: this.#clock.now() + WEBAUTHN_CHALLENGE_TTL_MS })
    return new Uint8Array(await this.#sealer.seal(Buffer.from(text, 'utf8'), SEALED_FOR))
  }

  /** How an answered challenge is spent; undefined where it is none of ours, for something else, or over. */
  async read(challenge: string, wanted: ChallengePurpose): Promise<Spent | undefined> {
    if (challenge.length > WEBAUTHN_CHALLENGE_LENGTH_MAX) return undefined
    const sealed = Buffer.from(challenge, 'base64url')
    let opened: ChallengePurpose & { readonly expiresAt: number }
    try {
      opened = JSON.parse((await this.#sealer.open(sealed, SEALED_FOR)).toString('utf8')) as typeof opened
    } catch {
      return undefined
    }
    const now = this.#clock.now()
    const { kind, account, user, expiresAt } = opened
    if (kind !== wanted.kind || account !== wanted.account || user !== wanted.user || expiresAt <= now) return undefined
    return { hash: createHash('sha256').update(sealed).digest('base64url'), expiresAt, now }
  }
}
