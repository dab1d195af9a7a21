import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import { mayAct } from './access/may-act.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import type { Mfa, SecondFactor, SecondFactorProof } from './mfa/mfa.ts'
import { isExpired, type PasswordPolicies, type PasswordPolicy } from './password-policy/password-policies.ts'
import type { Passwords } from './passwords.ts'
import type { SessionStore } from './sessions/store.ts'
import type { SignInMethod } from './sign-in-method.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'
import type { IamStore } from './store.ts'
import type { User } from './types.ts'
import type { WebAuthn } from './webauthn/webauthn.ts'

export interface SignInDeps {
  readonly directory: Directory
  readonly store: IamStore
  readonly sessions: SessionStore
  readonly tokens: AccessTokens
  readonly passwords: Passwords
  readonly passwordPolicies: PasswordPolicies
  readonly mfa: Mfa
  readonly webauthn: WebAuthn
  readonly throttle: SignInThrottle
  readonly clock: Clock
}

/** What a sign-in is audited as. */
export const OPEN_SESSION = 'iam:session:create'

/** A password, with a second factor where the user has one. */
export interface PasswordProof extends SecondFactorProof {
  readonly account: AccountId
  readonly userName: string
  readonly password: string
  readonly sourceIp: string
}

/** A passkey that made sure who holds it, and needs no password. */
export interface PasskeyProof {
  readonly account: AccountId
  readonly securityKey: unknown
  readonly origin: string
}

/** Who proved to be whom, when, and by what. */
export interface ProvenUser {
  readonly user: User
  readonly authenticatedAt: number
  readonly method: SignInMethod
}

/** An access token for who proved itself. */
export async function openSession(
  deps: Pick<SignInDeps, 'sessions' | 'tokens' | 'clock'>,
  { user, authenticatedAt, method }: ProvenUser,
  from: { readonly sourceIp?: string; readonly userAgent?: string },
): Promise<{ readonly accessToken: string; readonly expiresAt: string }> {
  const sessionId = uuidv7(deps.clock)
  const { expiresAtMs, ...token } = await deps.tokens.issue({
    account: user.account,
    userName: user.name,
    userId: user.id,
    sessionId,
    authenticatedAt,
    method,
  })
  await deps.sessions.insert({
    account: user.account,
    id: sessionId,
    user_name: user.name,
    created_at: authenticatedAt,
    expires_at: expiresAtMs,
    method,
    source_ip: from.sourceIp ?? null,
    user_agent: from.userAgent?.slice(0, 512) ?? null,
  })
  return token
}

/** Who signs in. A wrong password, a disabled user and a user that does not exist have the same answer after the same
 * work; only who knows the password hears of a second factor.
 * @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
export async function proveUser(deps: SignInDeps, input: PasswordProof): Promise<ProvenUser> {
  if (deps.store.shared) await deps.directory.catchUp()
  const policy = await deps.passwordPolicies.get(input.account)
  const proven = await proveWithin(deps, input, policy)
  if (isExpired(policy, proven.passwordChangedAt, deps.clock.now())) {
    throw iamError(
      'iam.signIn.passwordExpired',
      `the password is older than ${policy.ageDaysMax} days; set another with POST /v1/iam/tokens/password`,
    )
  }
  return proven
}

/** Who changes a password: also with one that is too old to sign in with.
 * @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
export async function proveForNewPassword(deps: SignInDeps, input: PasswordProof): Promise<User> {
  if (deps.store.shared) await deps.directory.catchUp()
  return (await proveWithin(deps, input, await deps.passwordPolicies.get(input.account))).user
}

function proveWithin(
  deps: SignInDeps,
  input: PasswordProof,
  policy: PasswordPolicy,
): Promise<ProvenUser & { readonly passwordChangedAt: number }> {
  const who = { user: `${input.account}/${input.userName}`, address: input.sourceIp }
  const limits = { failuresMax: policy.failuresMax, lockoutMs: policy.lockoutMinutes * 60_000 }
  return deps.throttle.run(who.user, who.address, () => prove(deps, input), limits)
}

/** Nothing to guess, so nothing to lock out: what a key signs is good once.
 * @throws iam.signIn.failed, iam.webauthn.noName */
export async function provePasskey(deps: SignInDeps, input: PasskeyProof): Promise<ProvenUser> {
  if (deps.store.shared) await deps.directory.catchUp()
  const authenticatedAt = deps.clock.now()
  const { account, securityKey: response, origin } = input
  const id = await deps.webauthn.provePasswordless(account, { response, origin })
  const name = id === undefined ? undefined : await deps.store.userName(account, id)
  const user = name === undefined ? undefined : deps.directory.findUser(account, name)
  if (!user || user.id !== id || !mayEnter(deps, user)) throw failed()
  return { user, authenticatedAt, method: 'webauthn' }
}

async function prove(
  deps: SignInDeps,
  input: PasswordProof,
): Promise<ProvenUser & { readonly passwordChangedAt: number }> {
  const authenticatedAt = deps.clock.now()
  const user = deps.directory.findUser(input.account, input.userName)
  const stored = await deps.store.password(input.account, input.userName)
  const right = await deps.passwords.verify(input.password, stored?.hash)
  if (!right || !stored || !user || !mayEnter(deps, user)) throw failed()
  const second = await deps.mfa.prove(user, input)
  // Looked at after each wait: a user disabled meanwhile does not get in.
  if (!mayEnter(deps, user)) throw failed()
  return { user, authenticatedAt, method: methodOf(second), passwordChangedAt: stored.changedAt }
}

function methodOf(second: SecondFactor | undefined): SignInMethod {
  return second === undefined ? 'password' : `password+${second}`
}

function mayEnter({ directory, clock }: SignInDeps, { account, name, id }: User): boolean {
  const user = directory.findUser(account, name)
  return user?.id === id && mayAct(user, clock.now())
}

function failed() {
  return iamError('iam.signIn.failed', 'user name or password is wrong, or the user may not sign in')
}
