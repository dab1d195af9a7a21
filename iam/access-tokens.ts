import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto'
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { type AccountId, type Clock, formatInstant, parseAccountId, type Sealer } from '../platform/index.ts'
import { iamError } from './errors.ts'
import { ACCESS_TOKEN_TTL_SEC, TOKEN_LENGTH_MAX, TOKENS_REMEMBERED_MAX } from './limits.ts'
import { Remembered } from './remembered.ts'
import { type SignInMethod, signInMethods } from './sign-in-method.ts'
import type { IamStore } from './store.ts'

const ISSUER = 'rampart:iam'
const AUDIENCE = 'rampart'
/** Keeps these apart from every other token that might be signed one day. @see RFC 8725 3.11 */
const TYPE = 'rampart-access+jwt'
const KEY_TTL_MS = 90 * 24 * 3_600_000
/** Keys belong to the installation, not to an account. */
const PLATFORM = 'rampart'

/** What a token says, once its signature, issuer, audience and time were found right. */
export interface AccessClaims {
  readonly account: AccountId
  readonly userName: string
  readonly userId: string
  readonly sessionId: string
  /** When the password was proved, ms. */
  readonly authenticatedAt: number
  readonly method: SignInMethod
  readonly expiresAt: number
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly retiresAt: number
}

export interface AccessTokensDeps {
  readonly store: IamStore
  readonly sealer: Sealer
  readonly clock: Clock
}

/** Makes and checks access tokens: JWTs signed with Ed25519. Keys are kept sealed; a key signs for 90 days and checks
 * for as long as a token it signed can live. */
export class AccessTokens {
  readonly #deps: AccessTokensDeps
  #keys: readonly SigningKey[] = []
  /** Found right before, by the token's hash. */
  readonly #verified = new Remembered<string, AccessClaims>(TOKENS_REMEMBERED_MAX)

  constructor(deps: AccessTokensDeps) {
    this.#deps = deps
  }

  async load(): Promise<void> {
    await this.#readKeys()
    if (!this.#current()) await this.#makeKey()
  }

  async issue(
    claims: Omit<AccessClaims, 'expiresAt'>,
  ): Promise<{ readonly accessToken: string; readonly expiresAt: string; readonly expiresAtMs: number }> {
    const key = this.#current() ?? (await this.#makeKey())
    const nowSec = Math.floor(this.#deps.clock.now() / 1000)
    const expiresSec = nowSec + ACCESS_TOKEN_TTL_SEC
    const accessToken = await new SignJWT({
      sid: claims.sessionId,
      uid: claims.userId,
      acct: claims.account,
      auth_time: claims.authenticatedAt / 1000,
      method: claims.method,
    })
      .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, typ: TYPE })
      .setSubject(claims.userName)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(nowSec)
      .setExpirationTime(expiresSec)
      .sign(key.privateKey)
    return { accessToken, expiresAt: formatInstant(expiresSec * 1000), expiresAtMs: expiresSec * 1000 }
  }

  /** @throws iam.token.invalid, of one message whatever is wrong */
  async verify(token: string): Promise<AccessClaims> {
    if (token.length > TOKEN_LENGTH_MAX) throw invalid()
    const hash = createHash('sha256').update(token).digest('base64')
    const known = this.#verified.get(hash)
    if (known) {
      if (known.expiresAt <= this.#deps.clock.now()) throw invalid()
      return known
    }
    const claims = await this.#check(token)
    this.#verified.set(hash, claims)
    return claims
  }

  async #check(token: string): Promise<AccessClaims> {
    const now = this.#deps.clock.now()
    try {
      const key = await this.#keyOf(token, now)
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['EdDSA'],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(now),
        requiredClaims: ['sub', 'sid', 'uid', 'acct', 'auth_time', 'exp'],
      })
      return {
        account: parseAccountId(String(payload.acct)),
        userName: String(payload.sub),
        userId: String(payload.uid),
        sessionId: String(payload.sid),
        authenticatedAt: Math.round(Number(payload.auth_time) * 1000),
        method: signInMethods.find((method) => method === payload.method) ?? 'password',
        expiresAt: Number(payload.exp) * 1000,
      }
    } catch (error) {
      throw invalid(error)
    }
  }

  async #keyOf(token: string, now: number): Promise<KeyObject> {
    const { kid } = decodeProtectedHeader(token)
    const find = () => this.#keys.find((key) => key.kid === kid && key.retiresAt + ACCESS_TOKEN_TTL_SEC * 1000 > now)
    let key = find()
    if (!key && this.#deps.store.shared && typeof kid === 'string') {
      // Another process may have made a key since.
      await this.#readKeys()
      key = find()
    }
    if (!key) throw new Error('no such signing key')
    return key.publicKey
  }

  #current(): SigningKey | undefined {
    const now = this.#deps.clock.now()
    return this.#keys.findLast((key) => key.retiresAt > now)
  }

  async #readKeys(): Promise<void> {
    const rows = await this.#deps.store.signingKeys()
    this.#keys = await Promise.all(
      rows.map(async (row) => ({
        kid: row.kid,
        publicKey: createPublicKey({ key: JSON.parse(row.public_jwk), format: 'jwk' }),
        privateKey: createPrivateKey({
          key: JSON.parse((await this.#deps.sealer.open(row.sealed_private_jwk, purposeOf(row.kid))).toString('utf8')),
          format: 'jwk',
        }),
        retiresAt: row.retires_at,
      })),
    )
  }

  async #makeKey(): Promise<SigningKey> {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const kid = randomUUID()
    const now = this.#deps.clock.now()
    const sealed = await this.#deps.sealer.seal(
      Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' })), 'utf8'),
      purposeOf(kid),
    )
    const row = {
      account: PLATFORM,
      kid,
      public_jwk: JSON.stringify(publicKey.export({ format: 'jwk' })),
      sealed_private_jwk: sealed,
      created_at: now,
      retires_at: now + KEY_TTL_MS,
    }
    await this.#deps.store.insertSigningKey(row)
    const key = { kid, publicKey, privateKey, retiresAt: row.retires_at }
    this.#keys = [...this.#keys, key]
    return key
  }
}

function purposeOf(kid: string): string {
  return `iam/signing-key/${kid}`
}

function invalid(cause?: unknown) {
  return iamError('iam.token.invalid', 'the access token is not valid or has ended; sign in again', { cause })
}
