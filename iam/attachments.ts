import { type AccountId, iamArn } from '../platform/index.ts'
import { platformPolicies } from './builtin.ts'
import type { Changes } from './changes.ts'
import type { AccountState, Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { ATTACHMENTS_MAX, STATEMENTS_PER_PRINCIPAL_MAX } from './limits.ts'
import { requireName } from './names.ts'
import { requireIdentityPolicy } from './policies.ts'
import { parsePolicy } from './policy/document.ts'
import type { IamWriter } from './store.ts'
import type { Holder, HolderKind, User } from './types.ts'

export interface AttachmentsDeps {
  readonly directory: Directory
  readonly changes: Changes
}

export interface HolderName {
  readonly kind: HolderKind
  readonly name: string
}

/** Which policies users, groups and roles hold: managed ones by ARN, and inline ones of their own. */
export class Attachments {
  readonly #deps: AttachmentsDeps

  constructor(deps: AttachmentsDeps) {
    this.#deps = deps
  }

  /** May repeat. @throws iam.thing.absent, iam.limit.reached */
  async attach(account: AccountId, holder: HolderName, policyArn: string): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      await requireHolder(write, holder)
      await requirePolicy(write, account, policyArn)
      const attached = await write.attachedTo(holder.kind, holder.name)
      if (attached.includes(policyArn)) return
      requireRoom(attached.length, holder)
      const policy = this.#deps.directory.findPolicy(account, policyArn)
      this.#requireFewStatements(account, holder, policy?.compiled?.statements.length ?? 0)
      await write.attach(holder.kind, holder.name, policyArn)
    })
  }

  /** @throws iam.thing.absent */
  async detach(account: AccountId, holder: HolderName, policyArn: string): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) => write.detach(holder.kind, holder.name, policyArn))
    if (!found) {
      throw iamError('iam.thing.absent', `the ${holder.kind} \`${holder.name}\` does not hold that policy`)
    }
  }

  /** May repeat: the document is replaced. @throws iam.thing.absent, iam.limit.reached, iam.policy.malformed */
  async putInline(account: AccountId, holder: HolderName, name: string, document: string): Promise<void> {
    requireName('policy', name)
    requireIdentityPolicy(document)
    await this.#deps.changes.run(account, async (write) => {
      await requireHolder(write, holder)
      const names = await write.inlineNames(holder.kind, holder.name)
      if (!names.includes(name)) requireRoom(names.length, holder)
      this.#requireFewStatements(account, holder, parsePolicy(document, 'identity').statements.length)
      await write.putInline(holder.kind, holder.name, name, document)
    })
  }

  /** @throws iam.thing.absent */
  async deleteInline(account: AccountId, holder: HolderName, name: string): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) => write.deleteInline(holder.kind, holder.name, name))
    if (!found)
      throw iamError('iam.thing.absent', `the ${holder.kind} \`${holder.name}\` has no inline policy \`${name}\``)
  }

  /** Upper bound of what a user or role may do; undefined takes it away. @throws iam.thing.absent */
  async setBoundary(account: AccountId, holder: HolderName, policyArn: string | undefined): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      await requireHolder(write, holder)
      if (policyArn !== undefined) await requirePolicy(write, account, policyArn)
      const boundary = policyArn ?? null
      if (holder.kind === 'user') await write.updateUser(holder.name, { boundary })
      else await write.updateRole(holder.name, { boundary })
    })
  }

  #requireFewStatements(account: AccountId, { kind, name }: HolderName, more: number): void {
    const state = this.#deps.directory.stateOf(account)
    if (!state) return
    const holder =
      kind === 'user' ? state.users.get(name) : kind === 'group' ? state.groups.get(name) : state.roles.get(name)
    if (holder) requireFewStatements(this.#deps.directory, state, { holder, more })
  }
}

/** A flood of small policies would make every decision about the holder slow. A user's groups count with it.
 * @throws iam.limit.reached */
export function requireFewStatements(
  directory: Pick<Directory, 'findPolicy'>,
  state: AccountState,
  { holder, more }: { readonly holder: Holder | User; readonly more: number },
): void {
  const groups = 'groups' in holder ? holder.groups.flatMap((group) => state.groups.get(group) ?? []) : []
  const count = [holder, ...groups].reduce((sum, one) => sum + statementsOf(directory, one), more)
  if (count <= STATEMENTS_PER_PRINCIPAL_MAX) return
  throw iamError(
    'iam.limit.reached',
    `the policies of \`${holder.name}\` would have ${count} statements; at most ${STATEMENTS_PER_PRINCIPAL_MAX} are allowed`,
  )
}

/** Of what a holder holds itself. */
export function statementsOf(directory: Pick<Directory, 'findPolicy'>, holder: Holder): number {
  const managed = [...holder.attached, ...holder.grants.map(({ policy }) => policy)]
  const counts = [
    ...managed.map((arn) => directory.findPolicy(holder.account, arn)?.compiled?.statements.length ?? 0),
    ...[...holder.inline.values()].map(({ compiled }) => compiled?.statements.length ?? 0),
  ]
  return counts.reduce((sum, count) => sum + count, 0)
}

export async function requireHolder(write: IamWriter, { kind, name }: HolderName): Promise<void> {
  const has = kind === 'user' ? write.hasUser(name) : kind === 'group' ? write.hasGroup(name) : write.hasRole(name)
  if (!(await has)) throw iamError('iam.thing.absent', `there is no ${kind} \`${name}\``)
}

/** Asks the database, not the directory: another process may just have deleted it. */
export async function requirePolicy(write: IamWriter, account: AccountId, arn: string): Promise<void> {
  if (platformPolicies.has(arn)) return
  const prefix = iamArn(account, 'policy', '')
  if (arn.startsWith(prefix) && (await write.hasPolicy(arn.slice(prefix.length)))) return
  throw iamError('iam.thing.absent', `there is no policy \`${arn.slice(0, 200)}\``)
}

function requireRoom(count: number, { kind, name }: HolderName): void {
  if (count < ATTACHMENTS_MAX) return
  throw iamError(
    'iam.limit.reached',
    `the ${kind} \`${name}\` holds ${ATTACHMENTS_MAX} policies of this kind; take one away before adding another`,
  )
}
