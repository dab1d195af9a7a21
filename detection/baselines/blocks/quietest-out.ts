import { shortKey } from './short-key.ts'

interface Node<Value> {
  readonly key: string
  readonly value: Value
  older: Node<Value> | undefined
  newer: Node<Value> | undefined
  /** Where it stands in the order of use. */
  rank: number
  /** The walk that it was given in last, or that it came after. */
  walk: number
}

/** Takes an entry as it was when the walk began. Ranks put entries in order of their last use. */
export type TakeEntry<Value> = (key: string, value: Value, rank: number) => void

/** A map of at most `max` keys: using one beyond drops that which was used the longest ago. Long keys are held as
 * digests. Use is one look-up and a few links: putting a key last in a `Map` by deleting it costs ten times that.
 * INVARIANT (used before changed): a value changes only after `use` gave it, so that walks see it as it was. */
export class QuietestOut<Value> {
  readonly #max: number
  readonly #nodes = new Map<string, Node<Value>>()
  #oldest: Node<Value> | undefined
  #newest: Node<Value> | undefined
  #dropped = 0
  #rank = 0
  #walk = 0
  #take: TakeEntry<Value> | undefined
  /** The oldest that the walk has not given. */
  #cursor: Node<Value> | undefined

  constructor(max: number, entries: Iterable<readonly [string, Value]> = []) {
    this.#max = max
    for (const [key, value] of entries) this.#add(key, value)
  }

  get size(): number {
    return this.#nodes.size
  }

  /** How many were dropped for want of room. */
  get dropped(): number {
    return this.#dropped
  }

  has(key: string): boolean {
    return this.#nodes.has(shortKey(key))
  }

  /** The value, which does not count as use. */
  peek(key: string): Readonly<Value> | undefined {
    return this.#nodes.get(shortKey(key))?.value
  }

  /** The value, or what `make` makes; used now. */
  use(name: string, make: () => Value): Value {
    const key = shortKey(name)
    const node = this.#nodes.get(key)
    if (node) return this.#used(node)
    const value = make()
    this.#add(key, value)
    if (this.#nodes.size > this.#max && this.#oldest) {
      this.#remove(this.#oldest)
      this.#dropped += 1
    }
    return value
  }

  /** The value of a key that is there; used now. */
  touch(name: string): Value | undefined {
    const node = this.#nodes.get(shortKey(name))
    return node && this.#used(node)
  }

  /** Gives all that is there now to `take`, each entry as it is now, one with each call of what comes back, and what is used
   * meanwhile before that; so a large map is saved as of one moment while it is used on. Another walk ends this one.
   * @returns gives the next one; false when none was left */
  walk(take: TakeEntry<Value>): () => boolean {
    this.#walk += 1
    this.#take = take
    this.#cursor = this.#oldest
    const walk = this.#walk
    return () => {
      if (walk !== this.#walk) return false
      const node = this.#cursor
      if (node === undefined || node.walk === walk) {
        this.#take = undefined
        this.#cursor = undefined
        return false
      }
      this.#give(node)
      return true
    }
  }

  /** In order of their last use, oldest first. */
  *keys(): IterableIterator<string> {
    for (let node = this.#oldest; node; node = node.newer) yield node.key
  }

  /** In order of their last use, oldest first. */
  *entries(): IterableIterator<[string, Value]> {
    for (let node = this.#oldest; node; node = node.newer) yield [node.key, node.value]
  }

  /** In order of their last use, newest first. */
  *newest(): IterableIterator<[string, Readonly<Value>]> {
    for (let node = this.#newest; node; node = node.older) yield [node.key, node.value]
  }

  delete(key: string): void {
    const node = this.#nodes.get(shortKey(key))
    if (node) this.#remove(node)
  }

  #used(node: Node<Value>): Value {
    if (this.#take !== undefined) this.#give(node)
    if (node !== this.#newest) {
      this.#unlink(node)
      this.#append(node)
    }
    return node.value
  }

  #give(node: Node<Value>): void {
    if (node.walk === this.#walk) return
    node.walk = this.#walk
    if (this.#cursor === node) this.#cursor = node.newer
    this.#take?.(node.key, node.value, node.rank)
  }

  #add(key: string, value: Value): void {
    const node: Node<Value> = { key, value, older: undefined, newer: undefined, rank: 0, walk: this.#walk }
    this.#nodes.set(key, node)
    this.#append(node)
  }

  #remove(node: Node<Value>): void {
    if (this.#take !== undefined) this.#give(node)
    this.#nodes.delete(node.key)
    this.#unlink(node)
  }

  #append(node: Node<Value>): void {
    this.#rank += 1
    node.rank = this.#rank
    node.older = this.#newest
    node.newer = undefined
    if (this.#newest) this.#newest.newer = node
    else this.#oldest = node
    this.#newest = node
  }

  #unlink(node: Node<Value>): void {
    const { older, newer } = node
    if (this.#cursor === node) this.#cursor = newer
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
  }
}
