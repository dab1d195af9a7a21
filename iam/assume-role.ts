import type { AccountId, Arn, ContextValue, Principal } from '../platform/index.ts'
import type { IamAuthorizer } from './authorizer.ts'
import type { Evaluator } from './decision/evaluator.ts'
import { StatementList } from './decision/statement-list.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { POLICY_SIZES_MAX, SESSION_PACKED_CHARS_MAX, SESSION_TAGS_MAX } from './limits.ts'
import { parsePolicy } from './policy/document.ts'
import { significantLength } from './policy/json.ts'
import { compilePolicy } from './policy/statement.ts'
import { type RoleSessions, type SessionCredentials, sessionArn } from './role-sessions.ts'
import { tagContext } from './tagging.ts'
import type { Role, Tags } from './types.ts'

export interface AssumeRoleDeps {
  readonly directory: Directory
  readonly authorizer: IamAuthorizer
  readonly evaluator: Evaluator
  readonly sessions: RoleSessions
}

/** What whoever takes on a role says of the session. */
export interface SessionWish {
  readonly arn: string
  readonly sessionName: string
  /** Default: an hour. */
  readonly ttlSec?: number
  /** A session policy, as JSON text. */
  readonly policy?: string
  readonly tags?: Tags
}

export interface AssumeRoleInput extends SessionWish {
  /** Of the request, `sts:ExternalId` among it. */
  readonly context: ReadonlyMap<string, ContextValue>
  /** Tags that go on to roles that are assumed from this session. */
  readonly transitiveTagKeys?: readonly string[]
  /** Who is behind it; stays the same however many roles are assumed one from another. */
  readonly sourceIdentity?: string
}

export interface AssumedRole {
  readonly credentials: SessionCredentials
  readonly roleId: string
  readonly arn: Arn
  /** How much of the room for policy and tags is taken. */
  readonly packedPercent: number
}

const TTL_SEC_DEFAULT = 3_600
/** A session of a role that comes from a session of a role ends within the hour. */
const CHAINED_SEC_MAX = 3_600

/** Credentials of a role, where its trust policy names the caller, or names the caller's account and the caller's own
 * policies allow it. Tags and a source identity take an action of their own, on the same role. A role nobody has is
 * refused like one that does not trust.
 * @throws iam.role.notTrusted, iam.policy.malformed, iam.session.tooLarge, iam.session.tooLong, iam.session.tag */
export async function assumeRole(
  deps: AssumeRoleDeps,
  principal: Principal,
  input: AssumeRoleInput,
): Promise<AssumedRole> {
  if (principal.kind === 'user' && deps.directory.findUser(principal.account, principal.name)?.breakGlass) {
    // A session of a role would be good beyond the time of the opening, and outside its alerts.
    throw iamError('iam.role.notTrusted', 'a break-glass user acts itself and assumes no role')
  }
  const role = findRole(deps.directory, input.arn)
  const inherited = pick(principal.sessionTags ?? {}, principal.transitiveTagKeys ?? [])
  const sourceIdentity = principal.sourceIdentity ?? input.sourceIdentity
  const context = new Map([
    ...input.context,
    ...tagContext(input.tags ?? {}),
    ...(sourceIdentity === undefined ? [] : [['sts:SourceIdentity', sourceIdentity] as const]),
  ])
  const actions = ['sts:role:assume']
  if (Object.keys(input.tags ?? {}).length > 0) actions.push('sts:session:tag')
  if (input.sourceIdentity !== undefined) actions.push('sts:session:setSourceIdentity')
  const trust = { list: new StatementList(role?.compiledTrust ? [role.compiledTrust] : []), required: true }
  for (const action of actions) {
    const request = { principal, action, resource: input.arn, context }
    const decision = deps.authorizer.decide(request, deps.evaluator, { onResource: trust })
    if (role && decision.allowed) continue
    throw iamError('iam.role.notTrusted', `${principal.arn} may not ${action} on ${input.arn.slice(0, 200)}`, {
      extra: { decisionId: decision.id },
    })
  }
  if (!role) throw iamError('iam.role.notTrusted', `no role ${input.arn.slice(0, 200)}`)
  if (input.sourceIdentity !== undefined && input.sourceIdentity !== sourceIdentity) {
    throw iamError('iam.session.tag', 'the source identity was set by an earlier session and stays as it is')
  }
  const again = Object.keys(input.tags ?? {}).find((key) => Object.hasOwn(inherited, key))
  if (again !== undefined)
    throw iamError('iam.session.tag', `the tag \`${again}\` comes with the session and stays as it is`)
  const tags = { ...inherited, ...input.tags }
  const transitiveTagKeys = [...Object.keys(inherited), ...(input.transitiveTagKeys ?? [])]
  const strange = transitiveTagKeys.find((key) => !Object.hasOwn(tags, key))
  if (strange !== undefined) throw iamError('iam.session.tag', `\`${strange.slice(0, 128)}\` is transitive and no tag`)
  return openRoleSession(deps.sessions, role, {
    ...input,
    tags,
    transitiveTagKeys,
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    ttlSecMax: principal.kind === 'role' ? Math.min(CHAINED_SEC_MAX, role.sessionSecMax) : role.sessionSecMax,
    mfa: principal.mfa ?? false,
    authMethod: 'assumedRole',
  })
}

/** A session of a role for somebody who was found to be trusted.
 * @throws iam.policy.malformed, iam.session.tooLarge, iam.session.tooLong, iam.session.tag */
export async function openRoleSession(
  sessions: RoleSessions,
  role: Role,
  wish: SessionWish & {
    readonly ttlSecMax: number
    readonly mfa: boolean
    readonly authMethod: string
    readonly transitiveTagKeys?: readonly string[]
    readonly sourceIdentity?: string
  },
): Promise<AssumedRole> {
  const { sessionName, policy, tags = {} } = wish
  const ttlSec = wish.ttlSec ?? Math.min(TTL_SEC_DEFAULT, wish.ttlSecMax)
  if (ttlSec > wish.ttlSecMax) {
    throw iamError('iam.session.tooLong', `this session may last ${wish.ttlSecMax} seconds at most`)
  }
  const packedPercent = requireRoom(policy, tags)
  if (policy !== undefined) compilePolicy('session', parsePolicy(policy, 'session'))
  const credentials = await sessions.issue({
    account: role.account,
    kind: 'role',
    name: role.name,
    holderId: role.id,
    sessionName,
    ttlSec,
    mfa: wish.mfa,
    authMethod: wish.authMethod,
    policies: policy === undefined ? [] : [JSON.parse(policy) as unknown],
    ...(Object.keys(tags).length === 0 ? {} : { tags, transitiveTagKeys: wish.transitiveTagKeys ?? [] }),
    ...(wish.sourceIdentity === undefined ? {} : { sourceIdentity: wish.sourceIdentity }),
  })
  return { credentials, roleId: role.id, arn: sessionArn(role.account, role.name, sessionName), packedPercent }
}

/** What a session carries is in its token, which travels with every request.
 * @returns percent of the room taken @throws iam.session.tooLarge, iam.session.tag */
function requireRoom(policy: string | undefined, tags: Tags): number {
  const entries = Object.entries(tags)
  if (entries.length > SESSION_TAGS_MAX) {
    throw iamError('iam.session.tag', `a session has at most ${SESSION_TAGS_MAX} tags`)
  }
  const ofPolicy = significantLength(policy ?? '')
  const packed = ofPolicy + entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  if (ofPolicy > POLICY_SIZES_MAX.session || packed > SESSION_PACKED_CHARS_MAX) {
    throw iamError(
      'iam.session.tooLarge',
      `a session policy has at most ${POLICY_SIZES_MAX.session} characters without white space, and with the tags ${SESSION_PACKED_CHARS_MAX}; here they are ${ofPolicy} and ${packed}`,
    )
  }
  return Math.ceil((packed * 100) / SESSION_PACKED_CHARS_MAX)
}

function pick(tags: Tags, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => keys.includes(key)))
}

export function findRole(directory: Directory, arn: string): Role | undefined {
  const found = /^arn:rampart:iam::([0-9]{12}):role\/([A-Za-z0-9_+=.@-]{1,64})$/.exec(arn)
  return found ? directory.findRole(found[1] as AccountId, found[2] ?? '') : undefined
}
