import { ActionSet, passingAction } from '../policy/action-set.ts'

/** Actions by which somebody can get more than he has: change what is allowed, become somebody else, or remove what
 * holds him back. */
const escalationActions: readonly string[] = [
  ...['user', 'group', 'role'].flatMap((kind) => [`iam:${kind}:attachpolicy`, `iam:${kind}:putinlinepolicy`]),
  ...['user', 'role'].flatMap((kind) => [`iam:${kind}:putboundary`, `iam:${kind}:deleteboundary`]),
  'iam:policy:createversion',
  'iam:policy:setdefaultversion',
  'iam:group:adduser',
  'iam:role:updatetrust',
  'iam:role:update',
  'iam:role:pass',
  'iam:role:create',
  'sts:role:assume',
  'iam:user:update',
  'iam:user:create',
  'iam:access-key:create',
  'iam:mfa-device:deactivate',
  'iam:app-registration:create',
  'iam:app-registration:rotatesecret',
  'iam:account:putsettings',
  'iam:pdp:assertcontext',
  'iam:break-glass:put',
  'iam:break-glass:open',
  'iam:access-request:approve',
  'iam:organization:putguardrail',
  'iam:organization:attachguardrail',
  'iam:organization:detachguardrail',
  'iam:organization:deleteguardrail',
  'iam:organization:moveaccount',
  'iam:organization:removeaccount',
  'iam:organization:leave',
  'eps:project:grant',
  'eps:resource:migrate',
]

const escalations = escalationActions.map(passingAction)

/** The escalation actions that a pattern has, but those it excepts; named as they are known. */
export function escalationsIn(given: {
  readonly action: string
  readonly exceptActions: readonly string[]
}): readonly string[] {
  const inside = new ActionSet([given.action], false)
  const outside = new ActionSet(given.exceptActions, false)
  return escalations.filter((action) => inside.has(action) && !outside.has(action)).map(({ name }) => name)
}
