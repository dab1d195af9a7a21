import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import type { Changes } from './changes.ts'
import type { Directory } from './directory.ts'
import { iamError } from './errors.ts'
import { requireFewTags, requireName } from './names.ts'
import type { PasswordPolicies } from './password-policy/password-policies.ts'
import type { Passwords } from './passwords.ts'
import type { Tags, User } from './types.ts'

export interface UsersDeps {
  readonly directory: Directory
  readonly changes: Changes
  readonly passwords: Passwords
  readonly passwordPolicies: PasswordPolicies
  readonly clock: Clock
}

export interface UserUpdate {
  readonly password?: string
  readonly enabled?: boolean
}

/** The users of accounts. */
export class Users {
  readonly #deps: UsersDeps

  constructor(deps: UsersDeps) {
    this.#deps = deps
  }

  /** Sorted by name. */
  list(account: AccountId): User[] {
    return [...(this.#deps.directory.stateOf(account)?.users.values() ?? [])]
  }

  /** @throws iam.thing.absent */
  get(account: AccountId, name: string): User {
    const user = this.#deps.directory.findUser(account, name)
    if (!user) throw absentUser(name)
    return user
  }

  /** @throws iam.thing.exists, iam.name.malformed, iam.password.weak */
  async create(
    account: AccountId,
    input: { readonly name: string; readonly password?: string; readonly tags?: Tags },
  ): Promise<User> {
    requireName('user', input.name)
    const { password, name: userName } = input
    const passwordHash = password === undefined ? null : await this.#hash(account, { password, userName })
    const now = this.#deps.clock.now()
    await this.#deps.changes.run(account, async (write) => {
      if (await write.hasUser(input.name))
        throw iamError('iam.thing.exists', `there is a user \`${input.name}\` already`)
      const id = uuidv7(this.#deps.clock)
      if (passwordHash !== null) await write.recordPassword({ userId: id, hash: passwordHash, at: now })
      await write.insertUser({
        name: input.name,
        id,
        password_hash: passwordHash,
        enabled: 1,
        tokens_valid_after: now,
        boundary: null,
        tags: JSON.stringify(input.tags ?? {}),
        created_at: now,
      })
    })
    return this.get(account, input.name)
  }

  /** A new password, and disabling, end every session at once.
   * @throws iam.thing.absent, iam.password.weak */
  async update(account: AccountId, name: string, update: UserUpdate): Promise<User> {
    const user = this.get(account, name)
    const { password } = update
    const given = password === undefined ? undefined : { password, userName: name, userId: user.id }
    const passwordHash = given && (await this.#hash(account, given))
    const endsSessions = passwordHash !== undefined || update.enabled === false
    const found = await this.#deps.changes.run(account, async (write) => {
      const at = this.#deps.clock.now()
      if (passwordHash !== undefined) await write.recordPassword({ userId: user.id, hash: passwordHash, at })
      return write.updateUser(name, {
        ...(passwordHash === undefined ? {} : { password_hash: passwordHash, password_changed_at: at }),
        ...(update.enabled === undefined ? {} : { enabled: update.enabled ? 1 : 0 }),
        // One millisecond on: a token of this very instant is from before the change.
        ...(endsSessions ? { tokens_valid_after: at + 1 } : {}),
      })
    })
    if (!found) throw absentUser(name)
    return this.get(account, name)
  }

  /** Replaces all tags. @throws iam.thing.absent, iam.limit.reached */
  async setTags(account: AccountId, name: string, tags: Tags): Promise<void> {
    requireFewTags(tags)
    const found = await this.#deps.changes.run(account, (write) =>
      write.updateUser(name, { tags: JSON.stringify(tags) }),
    )
    if (!found) throw absentUser(name)
  }

  /** With its keys, memberships and policies. @throws iam.thing.absent */
  async delete(account: AccountId, name: string): Promise<void> {
    if (!(await this.#deps.changes.run(account, (write) => write.deleteUser(name)))) throw absentUser(name)
  }

  /** Ends every session of the user. @throws iam.thing.absent */
  async revokeSessions(account: AccountId, name: string): Promise<void> {
    const found = await this.#deps.changes.run(account, (write) =>
      write.updateUser(name, { tokens_valid_after: this.#deps.clock.now() + 1 }),
    )
    if (!found) throw absentUser(name)
  }

  async #hash(
    account: AccountId,
    given: { readonly password: string; readonly userName: string; readonly userId?: string },
  ): Promise<string> {
    await this.#deps.passwordPolicies.requireGood(account, given)
    return this.#deps.passwords.hash(given.password)
  }
}

function absentUser(name: string) {
  return iamError('iam.thing.absent', `there is no user \`${name}\``)
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
