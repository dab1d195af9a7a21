import { type AccountId, type ContextValue, iamArn, type Principal } from '../platform/index.ts'
import type { IamAuthorizer } from './authorizer.ts'
import { platformPolicies } from './builtin.ts'
import { explain, type FailedCondition } from './decision/explain.ts'
import type { AccountState, Directory } from './directory.ts'
import { WHO_CAN_DECISIONS_MAX } from './limits.ts'
import type { OwnPolicies } from './memory/user-table.ts'
import { type Action, actionOf } from './policy/action-set.ts'
import { type ResourceName, splitResource } from './policy/arn-pattern.ts'
import { canonicalKey } from './policy/context-keys.ts'
import { mayMatchResource } from './policy/statement.ts'
import type { Holder, LoadedPolicy } from './types.ts'

export interface WhoCanDeps {
  readonly directory: Directory
  readonly authorizer: IamAuthorizer
}

export interface WhoCanInput {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
  readonly limit: number
  /** ARN after which to go on. */
  readonly after?: string
}

/** A user or role that may do it now, or would if conditions held that are not decided by who it is. */
export interface WhoCanItem {
  readonly principal: string
  readonly can: 'now' | 'conditionally'
  /** Statements that allow, or would. */
  readonly statements: readonly string[]
  /** What is missing, for each statement that would allow. */
  readonly failed: readonly FailedCondition[]
}

/** Users and roles of an account that can do an action on a resource, sorted by ARN. Exact: each that is listed was
 * decided by the engine that decides requests. The statements that name the action are found first, so only those who
 * hold one are decided.
 * @returns `last`, after which to go on, where more may follow: also where deciding took too long for a full page */
export function whoCan(
  { directory, authorizer }: WhoCanDeps,
  account: AccountId,
  input: WhoCanInput,
): { readonly items: WhoCanItem[]; readonly last?: string } {
  const items: WhoCanItem[] = []
  let last = ''
  let decided = 0
  for (const principal of candidates(directory, account, input)) {
    if (items.length === input.limit || decided === WHO_CAN_DECISIONS_MAX) return { items, last }
    decided++
    last = principal.arn
    const item = judge(authorizer, principal, input)
    if (item) items.push(item)
  }
  return { items }
}

/** Who holds a statement that allows the action, sorted by ARN. */
function* candidates(directory: Directory, account: AccountId, input: WhoCanInput): Generator<Principal> {
  const state = directory.stateOf(account)
  if (!state) return
  const allowing = new Allowing(state, input)
  const principal = (kind: 'user' | 'role', name: string): Principal => {
    return { kind, account, arn: iamArn(account, kind, name), name, auth: 'internal' }
  }
  const roles = [...state.roles.values()].filter((role) => allowing.isHeldBy(role)).map(({ name }) => name)
  for (const name of roles.sort()) {
    const found = principal('role', name)
    if (input.after === undefined || found.arn > input.after) yield found
  }
  const groups = [...state.groups.values()].filter((group) => allowing.isHeldBy(group)).map(({ name }) => name)
  const inGroup = new Set(groups)
  const holds = (own: OwnPolicies) =>
    allowing.isOwn(own) ||
    own.access.some(({ kind, target }) => (kind === 'policy' ? allowing.policies : inGroup).has(target))
  const wanted = { groups, policies: allowing.policies, holds }
  const users = iamArn(account, 'user', '')
  const afterName = input.after?.startsWith(users) ? input.after.slice(users.length) : undefined
  for (const name of state.users.holdersOf(wanted, afterName)) yield principal('user', name)
}

/** undefined where the principal cannot, whatever conditions hold. */
export function judge(
  authorizer: IamAuthorizer,
  principal: Principal,
  input: Pick<WhoCanInput, 'action' | 'resource' | 'context'>,
): WhoCanItem | undefined {
  const found = authorizer.caseOf({ principal, ...input }, { asserted: true })
  if (!found || found.view.broken.length > 0) return undefined
  const { decision, layers } = explain(found.layers, found.question)
  const identity = layers.find(({ layer }) => layer === 'identity')
  if (!identity) return undefined
  if (decision === 'allow') {
    const statements = identity.statements.map(({ statement }) => statement)
    return { principal: principal.arn, can: 'now', statements, failed: [] }
  }
  const near = identity.nearest.filter(({ effect, failed }) => effect === 'Allow' && failed.every(isOpen))
  if (decision === 'explicitDeny' || identity.result === 'allow' || near.length === 0) return undefined
  return {
    principal: principal.arn,
    can: 'conditionally',
    statements: near.map(({ statement }) => statement),
    failed: near.flatMap(({ failed }) => failed),
  }
}

/** What the platform knows of the resource is as it is, so what fails by it is no matter of conditions. */
const KNOWN_OF_RESOURCE = new Set(['g:enterpriseprojectid', 'g:resourcearn', 'g:resourceaccount', 'g:resourceorgid'])

function isOpen({ key }: FailedCondition): boolean {
  return !KNOWN_OF_RESOURCE.has(canonicalKey(key))
}

/** What allows an action on a resource, if conditions let it. */
class Allowing {
  /** ARNs of managed policies. */
  readonly policies: ReadonlySet<string>
  readonly #action: Action
  readonly #resource: ResourceName | undefined

  constructor(state: AccountState, { action, resource }: Pick<WhoCanInput, 'action' | 'resource'>) {
    this.#action = actionOf(action)
    this.#resource = splitResource(resource)
    const policies = state.statements.policiesAllowing(this.#action, this.#resource)
    for (const { arn, compiled } of platformPolicies.values()) if (this.#allows(compiled)) policies.add(arn)
    this.policies = policies
  }

  isHeldBy(holder: Holder): boolean {
    return holder.attached.some((arn) => this.policies.has(arn)) || this.isOwn(holder)
  }

  isOwn({ inline, grants }: Pick<OwnPolicies, 'inline' | 'grants'>): boolean {
    for (const { policy } of grants) if (this.policies.has(policy)) return true
    for (const { compiled } of inline.values()) if (this.#allows(compiled)) return true
    return false
  }

  #allows(policy: LoadedPolicy): boolean {
    return (
      policy?.statements.some(
        (statement) =>
          statement.effect === 'Allow' &&
          statement.actions.has(this.#action) &&
          mayMatchResource(statement, this.#resource),
      ) ?? false
    )
  }
}
