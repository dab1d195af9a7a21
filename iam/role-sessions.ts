import { createHash, randomBytes } from 'node:crypto'
import { type AccountId, type Clock, formatArn, type Principal, type Sealer, Secret } from '../platform/index.ts'
import { mayAct } from './access/may-act.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { SESSION_TOKEN_LENGTH_MAX, TOKENS_REMEMBERED_MAX } from './limits.ts'
import { Remembered } from './remembered.ts'
import type { Tags } from './types.ts'

export interface RoleSessionsDeps {
  readonly directory: Directory
  readonly sealer: Sealer
  readonly clock: Clock
}

/** What a session token carries, sealed: nobody can read or change it, and no row is kept for it. */
interface SessionClaims {
  readonly accessKeyId: string
  readonly secret: string
  readonly account: AccountId
  readonly kind: 'role' | 'user'
  readonly name: string
  /** Of the role or user: one made again under the name is another. */
  readonly holderId: string
  readonly sessionName: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly mfa: boolean
  /** How the session began; absent in tokens of an earlier version. */
  readonly authMethod?: string
  readonly policies: readonly unknown[]
  readonly tags?: Tags
  readonly transitiveTagKeys?: readonly string[]
  readonly sourceIdentity?: string
}

export interface SessionInput {
  readonly account: AccountId
  readonly kind: 'role' | 'user'
  readonly name: string
  readonly holderId: string
  readonly sessionName: string
  readonly ttlSec: number
  readonly mfa: boolean
  readonly authMethod: string
  /** Each narrows the session. */
  readonly policies: readonly unknown[]
  readonly tags?: Tags
  /** Of `tags`, those that roles assumed from here get too. */
  readonly transitiveTagKeys?: readonly string[]
  readonly sourceIdentity?: string
}

export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: string
  readonly expiresAt: number
}

const PURPOSE = 'iam/session-token'
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Temporary credentials of roles and users.   @see AWS STS API Reference, AssumeRole, GetSessionToken */
export class RoleSessions {
  readonly #deps: RoleSessionsDeps
  readonly #opened = new Remembered<string, SessionClaims>(TOKENS_REMEMBERED_MAX)

  constructor(deps: RoleSessionsDeps) {
    this.#deps = deps
  }

  async issue({ ttlSec, ...input }: SessionInput): Promise<SessionCredentials> {
    const now = this.#deps.clock.now()
    const secret = randomBytes(30).toString('base64')
    const claims: SessionClaims = {
      ...input,
      accessKeyId: `ASIA${[...randomBytes(16)].map((byte) => BASE32[byte & 31]).join('')}`,
      secret,
      issuedAt: now,
      expiresAt: now + ttlSec * 1000,
    }
    const sealed = await this.#deps.sealer.seal(Buffer.from(JSON.stringify(claims), 'utf8'), PURPOSE)
    return {
      accessKeyId: claims.accessKeyId,
      secretAccessKey: new Secret(secret),
      sessionToken: Buffer.from(sealed).toString('base64'),
      expiresAt: claims.expiresAt,
    }
  }

  /** The secret a session signs with, and who it is once the signature is found right.
   * @returns undefined where the token is none of ours or belongs to another access key */
  async find(
    accessKeyId: string,
    sessionToken: string,
  ): Promise<{ readonly secret: string; principal(): Principal } | undefined> {
    const claims = await this.#open(sessionToken)
    if (claims?.accessKeyId !== accessKeyId) return undefined
    return { secret: claims.secret, principal: () => this.#principal(claims) }
  }

  /** @throws iam.session.expired also where role or user are gone, disabled or signed out everywhere */
  #principal(claims: SessionClaims): Principal {
    const { account, kind, name } = claims
    const holder =
      kind === 'role' ? this.#deps.directory.findRole(account, name) : this.#deps.directory.findUser(account, name)
    const isEnded =
      holder?.id !== claims.holderId ||
      claims.expiresAt <= this.#deps.clock.now() ||
      ('enabled' in holder
        ? !mayAct(holder, this.#deps.clock.now()) || claims.issuedAt < holder.tokensValidAfter
        : claims.issuedAt < holder.sessionsValidAfter)
    if (isEnded) throw iamError('iam.session.expired', 'the session has ended; ask for new credentials')
    return {
      kind,
      account,
      arn: kind === 'user' ? holder.arn : sessionArn(account, name, claims.sessionName),
      name,
      auth: 'token',
      authMethod: claims.authMethod ?? 'token',
      authenticatedAt: claims.issuedAt,
      accessKeyId: claims.accessKeyId,
      mfa: claims.mfa,
      ...(claims.policies.length > 0 ? { sessionPolicies: claims.policies } : {}),
      ...(claims.tags ? { sessionTags: claims.tags, transitiveTagKeys: claims.transitiveTagKeys ?? [] } : {}),
      ...(claims.sourceIdentity === undefined ? {} : { sourceIdentity: claims.sourceIdentity }),
    }
  }

  async #open(sessionToken: string): Promise<SessionClaims | undefined> {
    if (sessionToken.length > SESSION_TOKEN_LENGTH_MAX) return undefined
    const hash = createHash('sha256').update(sessionToken).digest('base64')
    const known = this.#opened.get(hash)
    if (known) return known
    try {
      const opened = await this.#deps.sealer.open(Buffer.from(sessionToken, 'base64'), PURPOSE)
      const claims = JSON.parse(opened.toString('utf8')) as SessionClaims
      this.#opened.set(hash, claims)
      return claims
    } catch {
      // A token we did not seal is a wrong credential, whatever is wrong with it.
      return undefined
    }
  }
}

export function sessionArn(account: AccountId, role: string, sessionName: string) {
  return formatArn({ service: 'sts', region: '', account, resource: `assumed-role/${role}/${sessionName}` })
}
