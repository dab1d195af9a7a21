import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import { mayAct } from './access/may-act.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import type { Mfa } from './mfa/mfa.ts'
import type { Passwords } from './passwords.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'
import type { IamStore } from './store.ts'
import type { User } from './types.ts'

export interface SignInDeps {
  readonly directory: Directory
  readonly store: IamStore
  readonly tokens: AccessTokens
  readonly passwords: Passwords
  readonly mfa: Mfa
  readonly throttle: SignInThrottle
  readonly clock: Clock
}

export interface SignInInput {
  readonly account: AccountId
  readonly userName: string
  readonly password: string
  readonly mfaCode?: string
  readonly sourceIp: string
}

/** Who proved to be whom, when, and with how much. */
export interface ProvenUser {
  readonly user: User
  readonly authenticatedAt: number
  readonly mfa: boolean
}

/** An access token for a user's password, and code where the user has a second factor.
 * @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
export async function signIn(
  deps: SignInDeps,
  input: SignInInput,
): Promise<{ readonly accessToken: string; readonly expiresAt: string }> {
  const { user, authenticatedAt, mfa } = await proveUser(deps, input)
  const sessionId = uuidv7(deps.clock)
  const { expiresAtMs, ...token } = await deps.tokens.issue({
    account: user.account,
    userName: user.name,
    userId: user.id,
    sessionId,
    authenticatedAt,
    mfa,
  })
  await deps.store.insertSession(user.account, {
    id: sessionId,
    user_name: user.name,
    created_at: authenticatedAt,
    expires_at: expiresAtMs,
  })
  return token
}

/** Who signs in. A wrong password, a disabled user and a user that does not exist have the same answer after the same
 * work; only who knows the password hears of a second factor.
 * @throws iam.signIn.failed, iam.signIn.mfaRequired, iam.signIn.lockedOut, iam.signIn.busy */
export async function proveUser(deps: SignInDeps, input: SignInInput): Promise<ProvenUser> {
  if (deps.store.shared) await deps.directory.catchUp()
  const who = `${input.account}/${input.userName}`
  return deps.throttle.run(who, input.sourceIp, () => prove(deps, input))
}

async function prove(deps: SignInDeps, input: SignInInput): Promise<ProvenUser> {
  const authenticatedAt = deps.clock.now()
  const user = deps.directory.findUser(input.account, input.userName)
  const stored = await deps.store.passwordHash(input.account, input.userName)
  const right = await deps.passwords.verify(input.password, stored)
  if (!right || !user || !mayEnter(deps, user)) throw failed()
  const mfa = await deps.mfa.prove(user, input.mfaCode)
  // Looked at after each wait: a user disabled meanwhile does not get in.
  if (!mayEnter(deps, user)) throw failed()
  return { user, authenticatedAt, mfa }
}

function mayEnter({ directory, clock }: SignInDeps, { account, name, id }: User): boolean {
  const user = directory.findUser(account, name)
  return user?.id === id && mayAct(user, clock.now())
}

function failed() {
  return iamError('iam.signIn.failed', 'user name or password is wrong, or the user may not sign in')
}
