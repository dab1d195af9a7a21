import { randomBytes } from 'node:crypto'
import type { Authenticator, BodyBound, Clock, Principal, RequestHead, Sealer } from '../platform/index.ts'
import { mayAct } from './access/may-act.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import {
  LAST_USED_RESOLUTION_MS,
  SIGNATURE_WINDOW_MS,
  SIGNED_URL_TTL_SEC_MAX,
  SIGNING_KEYS_REMEMBERED_MAX,
} from './limits.ts'
import { Remembered } from './remembered.ts'
import type { RoleSessions } from './role-sessions.ts'
import { isMultiFactor } from './sign-in-method.ts'
import {
  type CredentialScope,
  deriveSigningKey,
  instantOf,
  isSignatureOf,
  isSigned,
  type PresentedSignature,
  readSignature,
  SERVICE_OPTIONS,
  singleHeader,
} from './sigv4/signature.ts'
import type { IamStore } from './store.ts'
import type { AccessKey, Log, User } from './types.ts'

export interface AuthenticatorDeps {
  readonly directory: Directory
  readonly store: IamStore
  readonly tokens: AccessTokens
  readonly sessions: RoleSessions
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Log
}

/** Services whose clients sign for a region of their own. */
const REGIONLESS = new Set(['iam', 'sts'])

/** Who calls: by access token, or by a SigV4 signature, which can be judged once the body is read.
 * INVARIANT (revocation): each call looks at the user as it is now, so disabling or deleting one, changing a password
 * or revoking a session or key counts from the next request on. */
export class IamAuthenticator implements Authenticator {
  readonly #deps: AuthenticatorDeps
  readonly #signingKeys = new Remembered<string, Buffer>(SIGNING_KEYS_REMEMBERED_MAX)
  readonly #pending = new Set<Promise<unknown>>()

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps
  }

  async authenticate(head: RequestHead): Promise<Principal | BodyBound> {
    // Other processes change the database too; what they committed counts here as well.
    if (this.#deps.store.shared) await this.#deps.directory.catchUp()
    if (isSigned(head)) return this.#signed(head)
    const authorization = singleHeader(head.headers, 'authorization')
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) {
      throw iamError(
        'iam.caller.unknown',
        'who calls is not said; send `Authorization: Bearer` with a token of POST /v1/iam/tokens, or sign with an access key',
      )
    }
    return this.#bearer(token)
  }

  /** Resolves when what this writes on the side is written. */
  async close(): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #bearer(token: string): Promise<Principal> {
    const claims = await this.#deps.tokens.verify(token)
    const { directory } = this.#deps
    const user = directory.findUser(claims.account, claims.userName)
    const stands =
      user &&
      mayAct(user, this.#deps.clock.now()) &&
      user.id === claims.userId &&
      claims.authenticatedAt >= user.tokensValidAfter &&
      !directory.isRevoked(claims.sessionId)
    if (!user || !stands) {
      throw iamError('iam.token.invalid', 'the access token is not valid or has ended; sign in again')
    }
    const device = directory.deviceOf(user.account, claims.sessionId)
    return {
      kind: 'user',
      account: user.account,
      arn: user.arn,
      name: user.name,
      ...(device ? { device: { id: device.id, managed: device.managed, posture: device.posture } } : {}),
      auth: 'token',
      authenticatedAt: claims.authenticatedAt,
      authMethod: claims.method,
      mfa: isMultiFactor(claims.method),
    }
  }

  #signed(head: RequestHead): BodyBound {
    const presented = readSignature(head)
    if (typeof presented === 'string') throw iamError('iam.signature.malformed', presented)
    requireScope(presented, head)
    requireInTime(presented, this.#deps.clock.now())
    requireSignedHeaders(presented, head)
    return { kind: 'bodyBound', verify: (sha256Hex) => this.#judge(head, presented, sha256Hex) }
  }

  async #judge(head: RequestHead, presented: PresentedSignature, payloadHash: string): Promise<Principal> {
    if (presented.sessionToken !== undefined) return this.#judgeSession(head, presented, payloadHash)
    const key = this.#deps.directory.findAccessKey(presented.scope.accessKeyId)
    const signingKey = key ? await this.#signingKey(key, presented.scope) : decoySigningKey(presented.scope)
    const right = isSignatureOf(head, presented, { signingKey, payloadHash, options: SERVICE_OPTIONS })
    const user = key && this.#deps.directory.findUser(key.account, key.userName)
    // Whatever is wrong has the same answer: which access keys exist is nobody's business.
    if (!right || !key?.enabled || !user || !mayAct(user, this.#deps.clock.now())) throw wrongSignature()
    this.#noteUse(key)
    return principalOfKey(user, key)
  }

  /** A long-lived key never comes with a session token, so its owner is not looked for here. */
  async #judgeSession(head: RequestHead, presented: PresentedSignature, payloadHash: string): Promise<Principal> {
    const session = await this.#deps.sessions.find(presented.scope.accessKeyId, presented.sessionToken ?? '')
    const signingKey = deriveSigningKey(session?.secret ?? decoySecret, presented.scope)
    const right = isSignatureOf(head, presented, { signingKey, payloadHash, options: SERVICE_OPTIONS })
    if (!right || !session) throw wrongSignature()
    return session.principal()
  }

  async #signingKey(key: AccessKey, scope: CredentialScope): Promise<Buffer> {
    const name = `${key.id}/${scope.date}/${scope.region}/${scope.service}`
    const known = this.#signingKeys.get(name)
    if (known) return known
    const secret = await this.#deps.sealer.open(key.sealedSecret, accessKeyPurpose(key))
    const derived = deriveSigningKey(secret, scope)
    secret.fill(0)
    this.#signingKeys.set(name, derived)
    return derived
  }

  #noteUse(key: AccessKey): void {
    const now = this.#deps.clock.now()
    const last = this.#lastUses.get(key.id) ?? key.lastUsedAt ?? Number.NEGATIVE_INFINITY
    if (now - last < LAST_USED_RESOLUTION_MS) return
    this.#lastUses.set(key.id, now)
    const written = this.#deps.store
      .noteAccessKeyUse(key.account, key.id, now)
      .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'the last use of an access key was not written'))
      .finally(() => this.#pending.delete(written))
    this.#pending.add(written)
  }

  readonly #lastUses = new Remembered<string, number>(SIGNING_KEYS_REMEMBERED_MAX)

  /** When a key was last used, as far as this process saw. */
  lastUseOf(accessKeyId: string): number | undefined {
    return this.#lastUses.get(accessKeyId)
  }
}

function wrongSignature() {
  return iamError(
    'iam.signature.invalid',
    'the signature does not match; check access key, secret, signed headers and that the body was not changed',
  )
}

/** What a secret access key is sealed for. */
export function accessKeyPurpose(key: { readonly account: string; readonly id: string }): string {
  return `iam/access-key/${key.account}/${key.id}`
}

function principalOfKey(user: User, key: AccessKey): Principal {
  return { kind: 'user', account: user.account, arn: user.arn, name: user.name, auth: 'accessKey', accessKeyId: key.id }
}

function requireScope({ scope, amzDate }: PresentedSignature, head: RequestHead): void {
  if (scope.service !== head.service) {
    throw iamError('iam.signature.scope', `signed for the service \`${scope.service}\`; here it is \`${head.service}\``)
  }
  if (scope.region !== 'local' && !(scope.region === 'us-east-1' && REGIONLESS.has(scope.service))) {
    throw iamError('iam.signature.scope', `signed for the region \`${scope.region}\`; here it is \`local\``)
  }
  if (scope.date !== amzDate.slice(0, 8)) {
    throw iamError('iam.signature.scope', 'the date of the credential scope is not that of X-Amz-Date')
  }
}

function requireInTime({ form, amzDate, expiresSec }: PresentedSignature, now: number): void {
  const at = instantOf(amzDate)
  if (Number.isNaN(at)) throw iamError('iam.signature.malformed', 'X-Amz-Date names no instant')
  if (form === 'query') {
    const ttlSec = expiresSec ?? 0
    if (ttlSec < 1 || ttlSec > SIGNED_URL_TTL_SEC_MAX) {
      throw iamError('iam.signature.malformed', `X-Amz-Expires must be 1 to ${SIGNED_URL_TTL_SEC_MAX}`)
    }
    if (now <= at + ttlSec * 1000 && now >= at - SIGNATURE_WINDOW_MS) return
  } else if (Math.abs(now - at) <= SIGNATURE_WINDOW_MS) return
  throw iamError('iam.signature.expired', 'the signature is outside its time; check the clock of the caller')
}

function requireSignedHeaders({ signedHeaders }: PresentedSignature, { headers }: RequestHead): void {
  const signed = new Set(signedHeaders)
  const present = new Set(headers.map(([name]) => name))
  const absent = signedHeaders.find((name) => !present.has(name))
  if (absent !== undefined)
    throw iamError('iam.signature.malformed', `signed header \`${absent}\` is not in the request`)
  if (!signed.has('host')) throw iamError('iam.signature.unsignedHeader', 'the header `host` must be signed')
  if (headers.filter(([name]) => name === 'host').length > 1) {
    throw iamError('iam.signature.malformed', 'more than one Host header')
  }
  for (const name of present) {
    if (name.startsWith('x-amz-') && !signed.has(name)) {
      throw iamError('iam.signature.unsignedHeader', `the header \`${name}\` must be signed`)
    }
  }
}

const decoySecret = randomBytes(40)

function decoySigningKey(scope: CredentialScope): Buffer {
  return deriveSigningKey(decoySecret, scope)
}
