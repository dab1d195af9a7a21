import { AsyncLocalStorage } from 'node:async_hooks'
import type { AccountId } from '../platform/index.ts'
import type { Directory } from './directory.ts'
import type { IamStore, IamWriter, Review } from './store.ts'

/** How changes inside are meant: `acknowledged` ones may give new access, `tried` ones are undone. */
type Manner = 'acknowledged' | { readonly tried: Review }

const manners = new AsyncLocalStorage<Manner>()

/** Runs `work`, within which whoever asked knows that changes give new access. */
export function acknowledgingNewAccess<T>(work: () => T): T {
  return manners.run('acknowledged', work)
}

const lockOuts = new AsyncLocalStorage<true>()

/** Runs `work`, within which whoever asked knows that changes may leave nobody who can undo them. */
export function allowingLockOut<T>(work: () => T): T {
  return lockOuts.run(true, work)
}

/** Says that a change was only tried: it comes to nothing. */
class Tried extends Error {}

/** Runs changes so that, when one resolves, this process decides by it. */
export class Changes {
  readonly #store: IamStore
  readonly #directory: Directory
  #gate: Review | undefined
  #safety: Review | undefined

  constructor(store: IamStore, directory: Directory) {
    this.#store = store
    this.#directory = directory
  }

  /** Judges every change that is not acknowledged, before it is committed. */
  guard(gate: Review): void {
    this.#gate = gate
  }

  /** Judges every change, but where `allowingLockOut`. */
  protect(safety: Review): void {
    this.#safety = safety
  }

  async run<T>(account: AccountId, work: (write: IamWriter) => Promise<T>): Promise<T> {
    const manner = manners.getStore()
    const review = typeof manner === 'object' ? manner.tried : manner === 'acknowledged' ? undefined : this.#gate
    const safety = lockOuts.getStore() ? undefined : this.#safety
    const { value } = await this.#store.change(account, work, bothOf(safety, review))
    await this.#directory.catchUp()
    return value
  }

  /** Does the change that is the first in `work`, has it looked at, and undoes it. What refuses the change is thrown. */
  async try(work: () => Promise<unknown>, review: Review): Promise<void> {
    const tried: Review = async (account, inside) => {
      const judge = await review(account, inside)
      return async (touched) => {
        await judge?.(touched)
        throw new Tried()
      }
    }
    try {
      await manners.run({ tried }, work)
    } catch (error) {
      if (!(error instanceof Tried)) throw error
    }
  }
}

/** The first judges first. */
function bothOf(first: Review | undefined, second: Review | undefined): Review | undefined {
  if (!first || !second) return first ?? second
  return async (account, inside) => {
    const judges = [await first(account, inside), await second(account, inside)]
    return async (touched) => {
      for (const judge of judges) await judge?.(touched)
    }
  }
}
