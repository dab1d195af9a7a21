import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import type { Passwords } from './passwords.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'
import type { IamStore } from './store.ts'

export interface SignInDeps {
  readonly directory: Directory
  readonly store: IamStore
  readonly tokens: AccessTokens
  readonly passwords: Passwords
  readonly throttle: SignInThrottle
  readonly clock: Clock
}

export interface SignInInput {
  readonly account: AccountId
  readonly userName: string
  readonly password: string
  readonly sourceIp: string
}

/** An access token for a user's password. A wrong password, a disabled user and a user that does not exist have the
 * same answer after the same work.
 * @throws iam.signIn.failed, iam.signIn.lockedOut, iam.signIn.busy */
export async function signIn(
  deps: SignInDeps,
  input: SignInInput,
): Promise<{ readonly accessToken: string; readonly expiresAt: string }> {
  if (deps.store.shared) await deps.directory.catchUp()
  const who = `${input.account}/${input.userName}`
  return deps.throttle.run(who, input.sourceIp, () => provePassword(deps, input))
}

async function provePassword(
  deps: SignInDeps,
  input: SignInInput,
): Promise<{ readonly accessToken: string; readonly expiresAt: string }> {
  const authenticatedAt = deps.clock.now()
  const user = deps.directory.findUser(input.account, input.userName)
  const stored = await deps.store.passwordHash(input.account, input.userName)
  const right = await deps.passwords.verify(input.password, stored)
  // Looked at after the wait: a user disabled meanwhile does not get in.
  if (!right || !user || !deps.directory.findUser(input.account, input.userName)?.enabled) {
    throw iamError('iam.signIn.failed', 'user name or password is wrong, or the user may not sign in')
  }
  const sessionId = uuidv7(deps.clock)
  const { expiresAtMs, ...token } = await deps.tokens.issue({
    account: user.account,
    userName: user.name,
    userId: user.id,
    sessionId,
    authenticatedAt,
    mfa: false,
  })
  await deps.store.insertSession(user.account, {
    id: sessionId,
    user_name: user.name,
    created_at: authenticatedAt,
    expires_at: expiresAtMs,
  })
  return token
}
