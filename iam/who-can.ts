import type { AccountId, ContextValue, Principal } from '../platform/index.ts'
import type { IamAuthorizer } from './authorizer.ts'
import { explain, type FailedCondition } from './decision/explain.ts'
import type { AccountState, Directory } from './directory.ts'
import { type Action, actionOf } from './policy/action-set.ts'
import { canonicalKey } from './policy/context-keys.ts'
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
 * decided by the engine that decides requests. Policies that do not allow the action at all are found first, so only
 * those who hold another are decided. */
export function whoCan(
  { directory, authorizer }: WhoCanDeps,
  account: AccountId,
  input: WhoCanInput,
): { readonly items: WhoCanItem[]; readonly last?: string } {
  const state = directory.stateOf(account)
  if (!state) return { items: [] }
  const allows = new AllowingPolicies(directory, account, state, actionOf(input.action))
  const candidates: Principal[] = []
  for (const user of state.users.values()) {
    if (allows.isHeldBy(user) || user.groups.some((group) => allows.isHeldByGroup(group))) {
      candidates.push({ kind: 'user', account, arn: user.arn, name: user.name, auth: 'internal' })
    }
  }
  for (const role of state.roles.values()) {
    if (allows.isHeldBy(role))
      candidates.push({ kind: 'role', account, arn: role.arn, name: role.name, auth: 'internal' })
  }
  candidates.sort((a, b) => (a.arn < b.arn ? -1 : 1))
  const items: WhoCanItem[] = []
  for (const principal of candidates) {
    if (input.after !== undefined && principal.arn <= input.after) continue
    const last = items.at(-1)
    if (items.length === input.limit && last) return { items, last: last.principal }
    const item = judge(authorizer, principal, input)
    if (item) items.push(item)
  }
  return { items }
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

/** Which policies have an Allow for an action, each looked at once. */
class AllowingPolicies {
  readonly #directory: Directory
  readonly #account: AccountId
  readonly #state: AccountState
  readonly #action: Action
  readonly #byArn = new Map<string, boolean>()
  readonly #byGroup = new Map<string, boolean>()

  constructor(directory: Directory, account: AccountId, state: AccountState, action: Action) {
    this.#directory = directory
    this.#account = account
    this.#state = state
    this.#action = action
  }

  isHeldBy(holder: Holder): boolean {
    for (const arn of holder.attached) if (this.#allows(arn)) return true
    for (const { policy } of holder.grants) if (this.#allows(policy)) return true
    for (const { compiled } of holder.inline.values()) if (this.#has(compiled)) return true
    return false
  }

  isHeldByGroup(name: string): boolean {
    const known = this.#byGroup.get(name)
    if (known !== undefined) return known
    const group = this.#state.groups.get(name)
    const held = group !== undefined && this.isHeldBy(group)
    this.#byGroup.set(name, held)
    return held
  }

  #allows(arn: string): boolean {
    const known = this.#byArn.get(arn)
    if (known !== undefined) return known
    const allows = this.#has(this.#directory.findPolicy(this.#account, arn)?.compiled)
    this.#byArn.set(arn, allows)
    return allows
  }

  #has(policy: LoadedPolicy): boolean {
    return policy?.statements.some(({ effect, actions }) => effect === 'Allow' && actions.has(this.#action)) ?? false
  }
}
