import { type AccountId, type Clock, type ContextValue, formatInstant } from '../../platform/index.ts'
import { type AssumedRole, findRole, openRoleSession, type SessionWish } from '../assume-role.ts'
import { decide, EMPTY_LAYERS } from '../decision/decide.ts'
import type { Evaluator } from '../decision/evaluator.ts'
import { keysFrom, questionOf } from '../decision/question.ts'
import { StatementList } from '../decision/statement-list.ts'
import type { Directory } from '../directory.ts'
import { iamError } from '../errors.ts'
import type { RoleSessions } from '../role-sessions.ts'
import type { IdentityProviders, WebIdentity } from './identity-providers.ts'

export interface WebIdentityDeps {
  readonly directory: Directory
  readonly providers: IdentityProviders
  readonly evaluator: Evaluator
  readonly sessions: RoleSessions
  readonly clock: Clock
}

export interface WebIdentityInput extends SessionWish {
  readonly token: string
  /** Of the request. */
  readonly context: ReadonlyMap<string, ContextValue>
}

const ACTION = 'sts:role:assumeWithWebIdentity'

/** Credentials of a role for whom an identity provider of the role's account vouches, where the role's trust policy names
 * that provider as `Federated` and its conditions hold: `<issuer>:sub`, `<issuer>:aud` and the other claims that are
 * texts. Whoever brings no good token learns nothing of roles; whoever does, not whether one exists.
 * @throws iam.webIdentity.*, iam.role.notTrusted, iam.policy.malformed, iam.session.tooLarge, iam.session.tooLong */
export async function assumeRoleWithWebIdentity(
  deps: WebIdentityDeps,
  input: WebIdentityInput,
): Promise<AssumedRole & { readonly identity: WebIdentity }> {
  const account = /^arn:rampart:iam::([0-9]{12}):role\//.exec(input.arn)?.[1] as AccountId | undefined
  if (account === undefined)
    throw iamError('iam.webIdentity.invalid', 'the token is of no identity provider of the account')
  const identity = await deps.providers.verify(account, input.token)
  const role = findRole(deps.directory, input.arn)
  if (!role?.compiledTrust || !isTrusted(deps, account, { ...input, identity, trust: role.compiledTrust })) {
    throw iamError('iam.role.notTrusted', `not authorized to perform sts:AssumeRoleWithWebIdentity`)
  }
  const assumed = await openRoleSession(deps.sessions, role, {
    ...input,
    ttlSecMax: role.sessionSecMax,
    mfa: false,
    authMethod: 'webIdentity',
  })
  return { ...assumed, identity }
}

function isTrusted(
  { directory, evaluator, clock }: WebIdentityDeps,
  account: AccountId,
  given: WebIdentityInput & {
    readonly identity: WebIdentity
    readonly trust: ConstructorParameters<typeof StatementList>[0][number]
  },
): boolean {
  const { provider, claims } = given.identity
  const now = clock.now()
  const prefix = provider.issuer.replace(/^https?:\/\//, '')
  const texts = Object.entries(claims).flatMap(([name, value]): [string, ContextValue][] => {
    if (typeof value === 'string' || typeof value === 'boolean') return [[`${prefix}:${name}`, value]]
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? [[`${prefix}:${name}`, value]] : []
  })
  const keys = keysFrom([
    ...given.context,
    ...texts,
    // A token for several audiences was made for the one that is ours.
    [`${prefix}:aud`, given.identity.audience],
    ['g:FederatedProvider', provider.arn],
    ['sts:RoleSessionName', given.sessionName],
    ['g:ResourceArn', given.arn],
    ['g:ResourceAccount', account],
    ['g:CurrentTime', formatInstant(now)],
    ['g:EpochTime', Math.floor(now / 1000)],
  ])
  const caller = { account: '', arn: '', names: [], federated: provider.arn }
  const layers = {
    ...EMPTY_LAYERS,
    resourceGuardrails: directory.placeOf(account)?.resourceGuardrails ?? [],
    identity: new StatementList([]),
    resource: new StatementList([given.trust]),
    resourcePolicyRequired: true,
  }
  return decide(layers, questionOf({ action: ACTION, resource: given.arn, keys }, caller), evaluator).reason === 'allow'
}
