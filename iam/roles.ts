import { type AccountId, type Clock, type Principal, uuidv7 } from '../platform/index.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { requireFewTags, requireName } from './names.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import type { Role, Tags } from './types.ts'
import { byName } from './users.ts'

export interface RolesDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly clock: Clock
}

const SESSION_SEC_MAX_DEFAULT = 3_600

export interface RoleInput {
  readonly name: string
  /** The trust policy: who may assume the role. */
  readonly trust: string
  readonly description?: string
  readonly sessionSecMax?: number
  readonly tags?: Tags
}

/** Roles: policies that a principal takes on for a while, if the role's trust policy lets it. */
export class Roles {
  readonly #deps: RolesDeps

  constructor(deps: RolesDeps) {
    this.#deps = deps
  }

  list(account: AccountId): Role[] {
    return [...(this.#deps.directory.stateOf(account)?.roles.values() ?? [])].sort(byName)
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, name: string): Role {
    const role = this.#deps.directory.findRole(account, name)
    if (!role) throw absentRole(name)
    return role
  }

  /** @throws iam.thing.exists, iam.name.malformed, iam.policy.malformed */
  async create(account: AccountId, input: RoleInput): Promise<Role> {
    requireName('role', input.name)
    requireTrust(input.trust)
    await this.#deps.changes.run(account, async (write) => {
      if (await write.hasRole(input.name))
        throw iamError('iam.thing.exists', `there is a role \`${input.name}\` already`)
      await write.insertRole({
        name: input.name,
        id: uuidv7(this.#deps.clock),
        description: input.description ?? '',
        trust: input.trust,
        session_sec_max: input.sessionSecMax ?? SESSION_SEC_MAX_DEFAULT,
        sessions_valid_after: 0,
        boundary: null,
        tags: JSON.stringify(input.tags ?? {}),
        builtin: 0,
        created_at: this.#deps.clock.now(),
      })
    })
    return this.get(account, input.name)
  }

  /** @throws iam.thing.absent, iam.role.platform, iam.policy.malformed */
  async update(
    account: AccountId,
    name: string,
    update: { readonly trust?: string; readonly description?: string; readonly sessionSecMax?: number },
  ): Promise<Role> {
    this.#requireOwn(account, name)
    if (update.trust !== undefined) requireTrust(update.trust)
    await this.#deps.changes.run(account, (write) =>
      write.updateRole(name, {
        ...(update.trust === undefined ? {} : { trust: update.trust }),
        ...(update.description === undefined ? {} : { description: update.description }),
        ...(update.sessionSecMax === undefined ? {} : { session_sec_max: update.sessionSecMax }),
      }),
    )
    return this.get(account, name)
  }

  /** Replaces all tags. @throws iam.thing.absent, iam.limit.reached */
  async setTags(account: AccountId, name: string, tags: Tags): Promise<void> {
    this.#requireOwn(account, name)
    requireFewTags(tags)
    const found = await this.#deps.changes.run(account, (write) =>
      write.updateRole(name, { tags: JSON.stringify(tags) }),
    )
    if (!found) throw absentRole(name)
  }

  /** @throws iam.thing.absent, iam.role.platform */
  async delete(account: AccountId, name: string): Promise<void> {
    this.#requireOwn(account, name)
    if (!(await this.#deps.changes.run(account, (write) => write.deleteRole(name)))) throw absentRole(name)
  }

  /** Ends every session of the role at its next request. @throws iam.thing.absent, iam.role.platform */
  async revokeSessions(account: AccountId, name: string): Promise<void> {
    this.#requireOwn(account, name)
    // One millisecond on: a session of this very instant is from before.
    const at = this.#deps.clock.now() + 1
    const found = await this.#deps.changes.run(account, (write) => write.updateRole(name, { sessions_valid_after: at }))
    if (!found) throw absentRole(name)
  }

  /** A principal that acts with the role's policies, narrowed by `sessionPolicies`, each a layer of its own. Whether
   * somebody may run something as this role is asked before, as `iam:role:pass` on the role.
   * @throws iam.thing.absent */
  principalOf(account: AccountId, name: string, sessionPolicies: readonly unknown[] = []): Principal {
    const role = this.get(account, name)
    return { kind: 'role', account, arn: role.arn, name, auth: 'internal', sessionPolicies }
  }

  #requireOwn(account: AccountId, name: string): void {
    if (this.get(account, name).builtin) {
      throw iamError('iam.role.platform', `the role \`${name}\` belongs to the platform; make one of your own`)
    }
  }
}

function requireTrust(document: string): void {
  compilePolicy('trust', parsePolicy(document, 'trust'))
}

function absentRole(name: string) {
  return iamError('iam.thing.absent', `there is no role \`${name}\``)
}
