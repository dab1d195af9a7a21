import { shortKey } from './short-key.ts'

/** A map of at most `max` keys: using one beyond drops that which was used the longest ago. Long keys are held as
 * digests. */
export class QuietestOut<Value> {
  readonly #max: number
  readonly #entries: Map<string, Value>
  #dropped = 0

  constructor(max: number, entries: Iterable<readonly [string, Value]> = []) {
    this.#max = max
    this.#entries = new Map(entries)
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many were dropped for want of room. */
  get dropped(): number {
    return this.#dropped
  }

  has(key: string): boolean {
    return this.#entries.has(shortKey(key))
  }

  /** The value, which does not count as use. */
  peek(key: string): Value | undefined {
    return this.#entries.get(shortKey(key))
  }

  /** The value, or what `make` makes; used now. */
  use(name: string, make: () => Value): Value {
    const key = shortKey(name)
    const value = this.#entries.get(key) ?? make()
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#max) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
      this.#dropped += 1
    }
    return value
  }

  /** In order of their last use, oldest first. */
  keys(): IterableIterator<string> {
    return this.#entries.keys()
  }

  /** In order of their last use, oldest first. */
  entries(): IterableIterator<[string, Value]> {
    return this.#entries.entries()
  }

  delete(key: string): void {
    this.#entries.delete(shortKey(key))
  }
}
