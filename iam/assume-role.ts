import type { AccountId, ContextValue, Principal } from '../platform/index.ts'
import type { IamAuthorizer } from './authorizer.ts'
import type { Evaluator } from './decision/evaluator.ts'
import { StatementList } from './decision/statement-list.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import { type RoleSessions, type SessionCredentials, sessionArn } from './role-sessions.ts'
import type { Role } from './types.ts'

export interface AssumeRoleDeps {
  readonly directory: Directory
  readonly authorizer: IamAuthorizer
  readonly evaluator: Evaluator
  readonly sessions: RoleSessions
}

export interface AssumeRoleInput {
  readonly arn: string
  readonly sessionName: string
  readonly ttlSec: number
  /** Of the request, `sts:ExternalId` among it. */
  readonly context: ReadonlyMap<string, ContextValue>
  /** A session policy, as JSON text. */
  readonly policy?: string
}

/** A session of a role that comes from a session of a role ends within the hour. */
const CHAINED_SEC_MAX = 3_600

/** Credentials of a role, where its trust policy names the caller, or names the caller's account and the caller's own
 * policies allow it. A role nobody has is refused like one that does not trust.
 * @throws iam.role.notTrusted, iam.policy.malformed */
export async function assumeRole(
  deps: AssumeRoleDeps,
  principal: Principal,
  input: AssumeRoleInput,
): Promise<{ readonly credentials: SessionCredentials; readonly roleId: string; readonly arn: string }> {
  if (deps.directory.findUser(principal.account, principal.name)?.breakGlass && principal.kind === 'user') {
    // A session of a role would be good beyond the time of the opening, and outside its alerts.
    throw iamError('iam.role.notTrusted', 'a break-glass user acts itself and assumes no role')
  }
  const role = findRole(deps.directory, input.arn)
  const decision = deps.authorizer.decide(
    { principal, action: 'sts:role:assume', resource: input.arn, context: input.context },
    deps.evaluator,
    { onResource: { list: new StatementList(role?.compiledTrust ? [role.compiledTrust] : []), required: true } },
  )
  if (!role || !decision.allowed) {
    throw iamError('iam.role.notTrusted', `${principal.arn} may not assume ${input.arn.slice(0, 200)}`, {
      extra: { decisionId: decision.id },
    })
  }
  const sec = Math.min(input.ttlSec, role.sessionSecMax, principal.kind === 'role' ? CHAINED_SEC_MAX : input.ttlSec)
  if (input.policy !== undefined) compilePolicy('session', parsePolicy(input.policy, 'session'))
  const credentials = await deps.sessions.issue({
    account: role.account,
    kind: 'role',
    name: role.name,
    holderId: role.id,
    sessionName: input.sessionName,
    ttlSec: sec,
    mfa: false,
    policies: input.policy === undefined ? [] : [JSON.parse(input.policy) as unknown],
  })
  return { credentials, roleId: role.id, arn: sessionArn(role.account, role.name, input.sessionName) }
}

function findRole(directory: Directory, arn: string): Role | undefined {
  const found = /^arn:rampart:iam::([0-9]{12}):role\/([A-Za-z0-9_+=.@-]{1,64})$/.exec(arn)
  return found ? directory.findRole(found[1] as AccountId, found[2] ?? '') : undefined
}
