import type { AccountId } from '../../platform/index.ts'
import { platformPolicies } from '../builtin.ts'
import type { Directory } from '../directory.ts'
import type { ViewedAccount } from '../policy-views.ts'
import type { Change } from '../store.ts'
import type { ManagedPolicy } from '../types.ts'

/** Identities and policies as they will be: what changes name is taken from a directory that has read only that, all
 * else from the one that decides. */
export class Preview {
  readonly #base: Directory
  readonly #changed: Directory
  readonly #names = new Set<string>()
  readonly #organizations = new Set<string>()
  readonly #accounts = new Set<string>()

  constructor(base: Directory, changed: Directory, changes: readonly Change[]) {
    this.#base = base
    this.#changed = changed
    for (const { account, noun, name } of changes) {
      this.#names.add(`${account}/${noun}/${name}`)
      this.#accounts.add(account)
      if (noun === 'organization') this.#organizations.add(name)
    }
  }

  get revision(): number {
    return this.#base.revision
  }

  catchUp(): Promise<void> {
    return this.#base.catchUp()
  }

  stateOf(account: AccountId): ViewedAccount | undefined {
    const base = this.#base.stateOf(account)
    if (!this.#accounts.has(account)) return base
    const changed = this.#changed.stateOf(account)
    const pick = <T>(noun: string, find: (state: ViewedAccount) => { get(name: string): T | undefined }) => ({
      get: (name: string) => {
        const state = this.#names.has(`${account}/${noun}/${name}`) ? changed : base
        return state && find(state).get(name)
      },
    })
    return {
      account,
      generation: 0,
      users: pick('user', ({ users }) => users),
      groups: pick('group', ({ groups }) => groups),
      roles: pick('role', ({ roles }) => roles),
    }
  }

  findPolicy(account: AccountId, arn: string): ManagedPolicy | undefined {
    const name = arn.slice(arn.indexOf('/') + 1)
    const isChanged = this.#names.has(`${account}/policy/${name}`)
    return platformPolicies.get(arn) ?? (isChanged ? this.#changed : this.#base).findPolicy(account, arn)
  }

  findUser(account: AccountId, name: string) {
    return this.stateOf(account)?.users.get(name)
  }

  findRole(account: AccountId, name: string) {
    return this.stateOf(account)?.roles.get(name)
  }

  findAccount(account: AccountId) {
    return this.#changed.findAccount(account) ?? this.#base.findAccount(account)
  }

  organizationOf(account: string) {
    const changed = this.#changed.organizationOf(account)
    if (changed) return changed
    const base = this.#base.organizationOf(account)
    return base && this.#organizations.has(base.id) ? undefined : base
  }

  placeOf(account: string) {
    return this.organizationOf(account)?.placeOf(account)
  }

  projectOf(account: string, resource: string): string {
    const base = this.#base.projectOf(account, resource)
    const changed = this.#changed.projectOf(account, resource)
    // A resource is in one project; where neither that it left nor that it came to was read, it stays.
    if (changed !== '0') return changed
    return this.#names.has(`${account}/project/${base}`) ? changed : base
  }

  /** As far as they were read again. */
  resourcesIn(account: AccountId, project: string): string[] {
    const { projectOf } = this.#changed.stateOf(account) ?? { projectOf: new Map<string, string>() }
    return [...projectOf].flatMap(([resource, at]) => (at === project ? [resource] : []))
  }

  isProjectEnabled(account: string, id: string): boolean {
    return (this.#names.has(`${account}/project/${id}`) ? this.#changed : this.#base).isProjectEnabled(account, id)
  }
}
