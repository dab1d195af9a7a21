import type { AccountId, Principal } from '../platform/index.ts'
import type { Directory } from './directory.ts'
import { VIEWS_REMEMBERED_MAX } from './limits.ts'

type Kind = 'user' | 'role'

interface Known {
  readonly generation: number
  readonly user: Map<string, Principal>
  readonly role: Map<string, Principal>
}

/** Users and roles as principals without any session, the same object for the same one until something of the account
 * changes: what is derived from a principal can be found by it. */
export class Principals {
  readonly #directory: Pick<Directory, 'stateOf'>
  readonly #known = new Map<AccountId, Known>()
  #count = 0

  constructor(directory: Pick<Directory, 'stateOf'>) {
    this.#directory = directory
  }

  /** The user or role of the account that an ARN names. */
  find(account: AccountId, arn: string): Principal | undefined {
    const prefix = `arn:rampart:iam::${account}:`
    if (!arn.startsWith(prefix)) return undefined
    const slash = arn.indexOf('/', prefix.length)
    const kind = arn.slice(prefix.length, slash)
    return kind === 'user' || kind === 'role' ? this.named(account, kind, arn.slice(slash + 1)) : undefined
  }

  named(account: AccountId, kind: Kind, name: string): Principal | undefined {
    const state = this.#directory.stateOf(account)
    if (!state) return undefined
    let known = this.#known.get(account)
    if (known?.generation !== state.generation || this.#count >= VIEWS_REMEMBERED_MAX) {
      if (this.#count >= VIEWS_REMEMBERED_MAX) this.#forgetAll()
      known = { generation: state.generation, user: new Map(), role: new Map() }
      this.#known.set(account, known)
    }
    const found = known[kind].get(name)
    if (found) return found
    const holder = kind === 'role' ? state.roles.get(name) : state.users.get(name)
    if (!holder) return undefined
    const made: Principal = { kind, account, arn: holder.arn, name, auth: 'internal' }
    known[kind].set(name, made)
    this.#count++
    return made
  }

  #forgetAll(): void {
    this.#known.clear()
    this.#count = 0
  }
}
