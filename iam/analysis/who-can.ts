import { type AccountId, type ContextValue, iamArn, type Principal } from '../../platform/index.ts'
import type { Given, IamAuthorizer } from '../authorizer.ts'
import { platformPolicies } from '../builtin.ts'
import { canonicalKeyOf } from '../decision/question.ts'
import type { AccountState, Directory } from '../directory.ts'
import { WHO_CAN_DECISIONS_MAX } from '../limits.ts'
import type { OwnPolicies } from '../memory/user-table.ts'
import { type Action, passingAction } from '../policy/action-set.ts'
import { type ResourceName, splitResource } from '../policy/arn-pattern.ts'
import { mayMatchResource } from '../policy/statement.ts'
import type { ResourceLayer, ResourcePolicies } from '../resource-policies.ts'
import type { Holder, LoadedPolicy } from '../types.ts'
import { OpenKeys } from './open-keys.ts'
import { isNow, type Remainder, type Residue, remainderOf, residueOf } from './residue.ts'
import { residueText } from './words.ts'

export interface WhoCanDeps {
  readonly directory: Directory
  readonly authorizer: IamAuthorizer
  readonly resourcePolicies: ResourcePolicies
}

/** What is asked about; keys that the context leaves out are open. */
export interface Asked {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, ContextValue>
}

export interface WhoCanInput extends Asked {
  readonly limit: number
  /** ARN after which to go on. */
  readonly after?: string
}

/** Whether somebody can, and what has to hold for it. */
export interface Ability {
  readonly can: 'now' | 'conditionally'
  /** Statements that allow, or would. */
  readonly statements: readonly string[]
  /** What is left to be decided by the request; absent where nothing is. */
  readonly residue?: Residue
  /** The residue in words: `MFA and 00:00-04:00`. */
  readonly if?: string
}

/** A user or role that may do it now, or would if what is left held. */
export interface WhoCanItem extends Ability {
  readonly principal: string
}

/** Users and roles of an account that can do an action on a resource, sorted by ARN. Exact: somebody is listed if and
 * only if a request could be allowed, conditions taken as independent of each other. The statements that name the action
 * are found first, so only those who hold one are decided, or whom a policy on the resource may name.
 * @returns `last`, after which to go on, where more may follow: also where deciding took too long for a full page */
export async function whoCan(
  { directory, authorizer, resourcePolicies }: WhoCanDeps,
  account: AccountId,
  input: WhoCanInput,
): Promise<{ readonly items: WhoCanItem[]; readonly last?: string }> {
  const onResource = await resourcePolicies.find(input.resource)
  const items: WhoCanItem[] = []
  let last = ''
  let decided = 0
  for (const principal of candidates(directory, account, input, onResource)) {
    if (items.length === input.limit || decided === WHO_CAN_DECISIONS_MAX) return { items, last }
    decided++
    last = principal.arn
    const ability = judge(authorizer, principal, input, { onResource })
    if (ability) items.push({ principal: principal.arn, ...ability })
  }
  return { items }
}

/** undefined where the principal cannot, whatever a request brings. */
export function judge(
  authorizer: IamAuthorizer,
  principal: Principal,
  asked: Asked,
  given: Omit<Given, 'asserted'> = {},
): Ability | undefined {
  const found = authorizer.caseOf({ principal, ...asked }, { ...given, asserted: true })
  if (!found || found.view.broken.length > 0) return undefined
  const stated = new Set([...asked.context.keys()].map(canonicalKeyOf))
  const left = remainderOf(found.layers, found.question, new OpenKeys(found.question.keys, stated))
  return left && abilityOf(left)
}

export function abilityOf(remainder: Remainder): Ability {
  const { statements } = remainder
  if (isNow(remainder)) return { can: 'now', statements }
  const residue = residueOf(remainder)
  return { can: 'conditionally', statements, residue, if: residueText(residue) }
}

/** Who holds a statement that allows the action, or is perhaps named by the resource's own policy; sorted by ARN. */
function* candidates(
  directory: Directory,
  account: AccountId,
  input: WhoCanInput,
  onResource: ResourceLayer,
): Generator<Principal> {
  const state = directory.stateOf(account)
  if (!state) return
  const allowing = new Allowing(state, input)
  const isAnybodys = (onResource.list?.candidates(allowing.action).allows.length ?? 0) > 0
  const principal = (kind: 'user' | 'role', name: string): Principal => {
    return { kind, account, arn: iamArn(account, kind, name), name, auth: 'internal' }
  }
  const roles = [...state.roles.values()]
    .filter((role) => isAnybodys || allowing.isHeldBy(role))
    .map(({ name }) => name)
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
  const names = isAnybodys ? namesOf(state, afterName) : state.users.holdersOf(wanted, afterName)
  for (const name of names) yield principal('user', name)
}

function* namesOf(state: AccountState, after: string | undefined): Generator<string> {
  for (const { name } of state.users.values(after)) yield name
}

/** What allows an action on a resource, if conditions let it. */
class Allowing {
  /** ARNs of managed policies. */
  readonly policies: ReadonlySet<string>
  readonly action: Action
  readonly #resource: ResourceName | undefined

  constructor(state: AccountState, { action, resource }: Pick<WhoCanInput, 'action' | 'resource'>) {
    this.action = passingAction(action)
    this.#resource = splitResource(resource)
    const policies = state.statements.policiesAllowing(this.action, this.#resource)
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
          statement.actions.has(this.action) &&
          mayMatchResource(statement, this.#resource),
      ) ?? false
    )
  }
}
