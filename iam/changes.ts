import type { AccountId } from '../platform/index.ts'
import type { Directory } from './directory.ts'
import type { IamStore, IamWriter } from './store.ts'

/** Runs changes so that, when one resolves, this process decides by it. */
export class Changes {
  readonly #store: IamStore
  readonly #directory: Directory

  constructor(store: IamStore, directory: Directory) {
    this.#store = store
    this.#directory = directory
  }

  async run<T>(account: AccountId, work: (write: IamWriter) => Promise<T>): Promise<T> {
    const { value } = await this.#store.change(account, work)
    await this.#directory.catchUp()
    return value
  }
}
