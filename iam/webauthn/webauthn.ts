import { createHash } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  AuthenticatorTransport,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { type AccountId, type Clock, RampartError, type Sealer } from '../../platform/index.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import { WEBAUTHN_CHALLENGE_TTL_MS, WEBAUTHN_CREDENTIALS_MAX } from '../limits.ts'
import type { Log, User } from '../types.ts'
import { type ChallengePurpose, Challenges } from './challenges.ts'
import type { CredentialRow, Spent, WebAuthnStore } from './store.ts'

export type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON }

export interface WebAuthnDeps {
  readonly directory: Directory
  readonly store: WebAuthnStore
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Log
}

export interface SecurityKey {
  readonly id: string
  readonly name: string
  readonly transports: readonly string[]
  /** It is kept on more than one device. */
  readonly backedUp: boolean
  readonly createdAt: number
  readonly lastUsedAt?: number
}

const ISSUER = 'Rampart'
/** EdDSA, ES256 and RS256, by their COSE numbers: what every key can do one of. */
const ALGORITHMS = [-8, -7, -257]

/** Only what is used of it is loaded when it is used: reading certificates of attestation takes a while to load. */
const library = () => import('@simplewebauthn/server')

/** Security keys and passkeys of users: as a second factor after the password, or alone where the key made sure who
 * holds it. Keys are bound to the name under which the service is reached, which no other site has.
 * @see W3C Web Authentication Level 3; docs/decisions/0012-webauthn.md */
export class WebAuthn {
  readonly #deps: WebAuthnDeps
  readonly #challenges: Challenges

  constructor(deps: WebAuthnDeps) {
    this.#deps = deps
    this.#challenges = new Challenges(deps)
  }

  /** @throws iam.thing.absent */
  async list(account: AccountId, userName: string): Promise<SecurityKey[]> {
    return (await this.#deps.store.ofUser(this.#user(account, userName))).map(keyOf)
  }

  /** What a browser's `navigator.credentials.create` is given. @throws iam.thing.absent, iam.webauthn.noName */
  async beginRegistration(
    account: AccountId,
    userName: string,
    origin: string,
  ): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const user = this.#user(account, userName)
    const known = await this.#deps.store.ofUser(user)
    const { generateRegistrationOptions } = await library()
    return generateRegistrationOptions({
      rpName: ISSUER,
      rpID: nameOf(origin),
      userName: `${user.name}@${account}`,
      userDisplayName: user.name,
      userID: new TextEncoder().encode(user.id),
      challenge: await this.#challenges.make({ kind: 'registration', account, user: user.id }),
      timeout: WEBAUTHN_CHALLENGE_TTL_MS,
      attestationType: 'none',
      supportedAlgorithmIDs: ALGORITHMS,
      excludeCredentials: known.map(descriptorOf),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    })
  }

  /** Takes a new key. @throws iam.thing.absent, iam.webauthn.refused, iam.thing.exists, iam.limit.reached */
  async register(
    account: AccountId,
    userName: string,
    given: { readonly name: string; readonly response: unknown; readonly origin: string },
  ): Promise<SecurityKey> {
    const user = this.#user(account, userName)
    const { verifyRegistrationResponse } = await library()
    let spent: Spent | undefined
    const found = await this.#judged(() =>
      verifyRegistrationResponse({
        response: given.response as RegistrationResponseJSON,
        expectedChallenge: async (challenge) => {
          spent = await this.#challenges.read(challenge, { kind: 'registration', account, user: user.id })
          return spent !== undefined
        },
        expectedOrigin: given.origin,
        expectedRPID: nameOf(given.origin),
        requireUserVerification: false,
        supportedAlgorithmIDs: ALGORITHMS,
      }),
    )
    if (!found?.verified || !spent) throw refused()
    const { credential, credentialBackedUp } = found.registrationInfo
    const row: CredentialRow = {
      account,
      user_id: user.id,
      id: credential.id,
      name: given.name,
      public_key: credential.publicKey,
      counter: credential.counter,
      transports: JSON.stringify(credential.transports ?? []),
      backed_up: credentialBackedUp ? 1 : 0,
      created_at: spent.now,
      last_used_at: null,
    }
    switch (await this.#deps.store.insert(row, spent, WEBAUTHN_CREDENTIALS_MAX)) {
      case 'inserted':
        return keyOf(row)
      case 'exists':
        throw iamError('iam.thing.exists', 'this security key is registered already')
      case 'full':
        throw iamError('iam.limit.reached', `a user has at most ${WEBAUTHN_CREDENTIALS_MAX} security keys`)
      case 'spent':
        throw refused()
    }
  }

  /** @throws iam.thing.absent */
  async remove(account: AccountId, userName: string, id: string): Promise<void> {
    const user = this.#user(account, userName)
    const row = (await this.#deps.store.ofUser(user)).find((one) => shortId(one.id) === id)
    if (row && (await this.#deps.store.remove(user, row.id))) return
    throw iamError('iam.thing.absent', 'the user has no such security key')
  }

  async hasKeys(user: User): Promise<boolean> {
    return (await this.#deps.store.ofUser(user)).length > 0
  }

  /** What `navigator.credentials.get` is given: for the keys of one user, or for whichever passkey the person picks.
   * Without a user it says nothing about who exists. @throws iam.webauthn.noName */
  async beginSignIn(account: AccountId, origin: string, user?: User): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const { generateAuthenticationOptions } = await library()
    return generateAuthenticationOptions({
      rpID: nameOf(origin),
      challenge: await this.#challenges.make(purposeOf(account, user)),
      timeout: WEBAUTHN_CHALLENGE_TTL_MS,
      allowCredentials: user ? (await this.#deps.store.ofUser(user)).map(descriptorOf) : [],
      userVerification: user ? 'preferred' : 'required',
    })
  }

  /** Whether a key of `user`, who proved the password, signed the challenge. */
  async proveSecond(user: User, given: { readonly response: unknown; readonly origin: string }): Promise<boolean> {
    const row = await this.#prove(user.account, { ...given, user })
    return row?.user_id === user.id
  }

  /** The id of the user whose passkey signed; undefined where none did. */
  async provePasswordless(
    account: AccountId,
    given: { readonly response: unknown; readonly origin: string },
  ): Promise<string | undefined> {
    const row = await this.#prove(account, given)
    return row?.user_id
  }

  async #prove(
    account: AccountId,
    given: { readonly response: unknown; readonly origin: string; readonly user?: User },
  ): Promise<CredentialRow | undefined> {
    const id = (given.response as { readonly id?: unknown } | null)?.id
    const row = typeof id === 'string' ? await this.#deps.store.find(account, id.slice(0, 2_048)) : undefined
    if (!row || (given.user && row.user_id !== given.user.id)) return undefined
    const { verifyAuthenticationResponse } = await library()
    let spent: Spent | undefined
    const found = await this.#judged(() =>
      verifyAuthenticationResponse({
        response: given.response as AuthenticationResponseJSON,
        expectedChallenge: async (challenge) => {
          spent = await this.#challenges.read(challenge, purposeOf(account, given.user))
          return spent !== undefined
        },
        expectedOrigin: given.origin,
        expectedRPID: nameOf(given.origin),
        // The counter is judged by the store, where no other process comes in between.
        credential: { id: row.id, publicKey: new Uint8Array(row.public_key), counter: 0 },
        requireUserVerification: given.user === undefined,
      }),
    )
    if (!found?.verified || !spent) return undefined
    const outcome = await this.#deps.store.use(account, row.id, {
      counter: found.authenticationInfo.newCounter,
      spent,
    })
    if (outcome === 'behind') {
      this.#deps.log.error(
        { account, userId: row.user_id, credential: row.id },
        'a security key counts less than before: it may have been copied; refused',
      )
    }
    return outcome === 'used' ? row : undefined
  }

  /** What a device sent and cannot be read, or does not fit, is refused; the reason is nobody's business. */
  async #judged<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof RampartError) throw error
      this.#deps.log.warn({ err: error }, 'the answer of a security key was refused')
      return undefined
    }
  }

  #user(account: AccountId, userName: string): User {
    const user = this.#deps.directory.findUser(account, userName)
    if (!user) throw iamError('iam.thing.absent', `there is no user \`${userName}\``)
    return user
  }
}

function purposeOf(account: AccountId, user: User | undefined): ChallengePurpose {
  return user ? { kind: 'secondFactor', account, user: user.id } : { kind: 'passwordless', account }
}

/** Browsers bind keys to a name; addresses have none. @throws iam.webauthn.noName */
function nameOf(origin: string): string {
  const url = URL.parse(origin)
  const isSecure = url?.protocol === 'https:' || url?.hostname === 'localhost'
  if (url && isSecure && !/^[0-9.]+$|^\[/.test(url.hostname)) return url.hostname
  throw iamError(
    'iam.webauthn.noName',
    'security keys work where the service is reached by a name over TLS, or at `http://localhost`; set `http.public_url`',
  )
}

/** Whether browsers would offer security keys at this address. */
export function canHaveKeys(origin: string): boolean {
  try {
    nameOf(origin)
    return true
  } catch {
    return false
  }
}

function refused() {
  return iamError('iam.webauthn.refused', 'the answer of the security key is not right or came too late; begin again')
}

function descriptorOf({ id, transports }: CredentialRow) {
  return { id, transports: JSON.parse(transports) as AuthenticatorTransport[] }
}

/** Authenticators choose ids of up to 1023 bytes, too long for a path. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}

function keyOf(row: CredentialRow): SecurityKey {
  return {
    id: shortId(row.id),
    name: row.name,
    transports: JSON.parse(row.transports) as string[],
    backedUp: row.backed_up === 1,
    createdAt: row.created_at,
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  }
}
