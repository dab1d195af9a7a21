import type { AccountId } from '../../platform/index.ts'
import type { Attachments, HolderName } from '../attachments.ts'
import type { Changes } from '../changes.ts'
import type { Groups } from '../groups.ts'
import type { Organizations } from '../organization/organizations.ts'
import type { GuardrailKind } from '../organization/tables.ts'
import type { Policies } from '../policies.ts'
import type { Projects } from '../projects/projects.ts'
import type { Scope } from '../projects/scope.ts'
import type { Roles } from '../roles.ts'
import { type CompareDeps, reviewing, type SeenChange } from './compare-changes.ts'

/** A change of what is stored, as it would be asked for. */
export type ProposedChange =
  | { readonly kind: 'policy'; readonly policy: string; readonly document: string }
  | { readonly kind: 'attachPolicy' | 'detachPolicy'; readonly holder: HolderName; readonly policy: string }
  | { readonly kind: 'putInlinePolicy'; readonly holder: HolderName; readonly name: string; readonly document: string }
  | { readonly kind: 'deleteInlinePolicy'; readonly holder: HolderName; readonly name: string }
  | { readonly kind: 'setBoundary'; readonly holder: HolderName; readonly policy?: string | undefined }
  | { readonly kind: 'addUser' | 'removeUser'; readonly group: string; readonly user: string }
  | { readonly kind: 'setTrust'; readonly role: string; readonly document: string }
  | { readonly kind: 'grant' | 'revoke'; readonly holder: HolderName; readonly policy: string; readonly scope: Scope }
  | GuardrailChange

/** A change of what bounds accounts. */
export type GuardrailChange =
  | {
      readonly kind: 'putGuardrail'
      readonly name: string
      readonly bounds: GuardrailKind
      readonly document: string
      /** Attached there too. */
      readonly node?: string | undefined
    }
  | { readonly kind: 'attachGuardrail' | 'detachGuardrail'; readonly node: string; readonly name: string }
  | { readonly kind: 'moveAccount'; readonly account: string; readonly node: string }

export interface TryDeps extends CompareDeps {
  readonly changes: Changes
  readonly policies: Policies
  readonly attachments: Attachments
  readonly groups: Groups
  readonly roles: Roles
  readonly projects: Projects
  readonly organizations: Organizations
}

/** The change as it would be, done by the verb that does it and undone again.
 * @returns undefined where it changes nothing
 * @throws what refuses the change itself */
export async function tryChange(
  deps: TryDeps,
  account: AccountId,
  change: ProposedChange,
): Promise<SeenChange | undefined> {
  let seen: SeenChange | undefined
  const review = reviewing(deps, (one) => {
    seen = one
  })
  await deps.changes.try(() => run(deps, account, change), review)
  return seen
}

function run(deps: TryDeps, account: AccountId, change: ProposedChange): Promise<unknown> {
  const { policies, attachments, groups, roles, projects, organizations } = deps
  switch (change.kind) {
    case 'policy':
      return policies.createVersion(account, change.policy, { document: change.document })
    case 'attachPolicy':
      return attachments.attach(account, change.holder, change.policy)
    case 'detachPolicy':
      return attachments.detach(account, change.holder, change.policy)
    case 'putInlinePolicy':
      return attachments.putInline(account, change.holder, change.name, change.document)
    case 'deleteInlinePolicy':
      return attachments.deleteInline(account, change.holder, change.name)
    case 'setBoundary':
      return attachments.setBoundary(account, change.holder, change.policy)
    case 'addUser':
      return groups.addUser(account, change.group, change.user)
    case 'removeUser':
      return groups.removeUser(account, change.group, change.user)
    case 'setTrust':
      return roles.update(account, change.role, { trust: change.document })
    case 'grant':
      return projects.grant(account, change)
    case 'revoke':
      return projects.revoke(account, change)
    case 'putGuardrail':
      return organizations.putGuardrail(account, { ...change, kind: change.bounds })
    case 'attachGuardrail':
      return organizations.attach(account, change.node, change.name)
    case 'detachGuardrail':
      return organizations.detach(account, change.node, change.name)
    case 'moveAccount':
      return organizations.move(account, change.account, change.node)
  }
}
