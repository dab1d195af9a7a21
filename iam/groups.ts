import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import { requireFewStatements, statementsOf } from './attachments.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { GROUPS_PER_USER_MAX } from './limits.ts'
import { requireName } from './names.ts'
import type { Group } from './types.ts'
import { byName } from './users.ts'

export interface GroupsDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly clock: Clock
}

/** Groups of users; a group's policies are its members'. */
export class Groups {
  readonly #deps: GroupsDeps

  constructor(deps: GroupsDeps) {
    this.#deps = deps
  }

  list(account: AccountId): Group[] {
    return [...(this.#deps.directory.stateOf(account)?.groups.values() ?? [])].sort(byName)
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, name: string): Group {
    const group = this.#deps.directory.findGroup(account, name)
    if (!group) throw absentGroup(name)
    return group
  }

  /** Names of the users in a group, sorted. @throws iam.thing.absent */
  members(account: AccountId, name: string): string[] {
    this.get(account, name)
    const users = this.#deps.directory.stateOf(account)?.users
    return users ? [...users.holdersOf({ groups: [name], policies: [], holds: () => false })] : []
  }

  /** @throws iam.thing.exists, iam.name.malformed */
  async create(account: AccountId, name: string): Promise<Group> {
    requireName('group', name)
    await this.#deps.changes.run(account, async (write) => {
      if (await write.hasGroup(name)) throw iamError('iam.thing.exists', `there is a group \`${name}\` already`)
      await write.insertGroup({ name, id: uuidv7(this.#deps.clock), created_at: this.#deps.clock.now() })
    })
    return this.get(account, name)
  }

  /** @throws iam.thing.absent */
  async delete(account: AccountId, name: string): Promise<void> {
    if (!(await this.#deps.changes.run(account, (write) => write.deleteGroup(name)))) throw absentGroup(name)
  }

  /** May repeat. @throws iam.thing.absent, iam.limit.reached */
  async addUser(account: AccountId, name: string, userName: string): Promise<void> {
    await this.#deps.changes.run(account, async (write) => {
      if (!(await write.hasGroup(name))) throw absentGroup(name)
      if (!(await write.hasUser(userName))) throw iamError('iam.thing.absent', `there is no user \`${userName}\``)
      const groups = await write.groupsOf(userName)
      if (!groups.includes(name) && groups.length >= GROUPS_PER_USER_MAX) {
        throw iamError('iam.limit.reached', `\`${userName}\` is in ${GROUPS_PER_USER_MAX} groups; no more are allowed`)
      }
      const state = this.#deps.directory.stateOf(account)
      const [group, user] = [state?.groups.get(name), state?.users.get(userName)]
      if (state && group && user && !user.groups.includes(name)) {
        requireFewStatements(this.#deps.directory, state, {
          holder: user,
          more: statementsOf(this.#deps.directory, group),
        })
      }
      await write.addMember(name, userName)
    })
  }

  /** @throws iam.thing.absent */
  async removeUser(account: AccountId, name: string, userName: string): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) => write.removeMember(name, userName))
    if (!found) throw iamError('iam.thing.absent', `\`${userName}\` is not in the group \`${name}\``)
  }
}

function absentGroup(name: string) {
  return iamError('iam.thing.absent', `there is no group \`${name}\``)
}
