import { shortKey } from './short-key.ts'

interface Node<Value> {
  readonly key: string
  readonly value: Value
  older: Node<Value> | undefined
  newer: Node<Value> | undefined
}

/** A map of at most `max` keys: using one beyond drops that which was used the longest ago. Long keys are held as
 * digests. Use is one look-up and a few links: putting a key last in a `Map` by deleting it costs ten times that. */
export class QuietestOut<Value> {
  readonly #max: number
  readonly #nodes = new Map<string, Node<Value>>()
  #oldest: Node<Value> | undefined
  #newest: Node<Value> | undefined
  #dropped = 0

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
  peek(key: string): Value | undefined {
    return this.#nodes.get(shortKey(key))?.value
  }

  /** The value, or what `make` makes; used now. */
  use(name: string, make: () => Value): Value {
    const key = shortKey(name)
    const node = this.#nodes.get(key)
    if (node) {
      if (node !== this.#newest) {
        this.#unlink(node)
        this.#append(node)
      }
      return node.value
    }
    const value = make()
    this.#add(key, value)
    if (this.#nodes.size > this.#max && this.#oldest) {
      this.#remove(this.#oldest)
      this.#dropped += 1
    }
    return value
  }

  /** In order of their last use, oldest first. */
  *keys(): IterableIterator<string> {
    for (let node = this.#oldest; node; node = node.newer) yield node.key
  }

  /** In order of their last use, oldest first. */
  *entries(): IterableIterator<[string, Value]> {
    for (let node = this.#oldest; node; node = node.newer) yield [node.key, node.value]
  }

  delete(key: string): void {
    const node = this.#nodes.get(shortKey(key))
    if (node) this.#remove(node)
  }

  #add(key: string, value: Value): void {
    const node: Node<Value> = { key, value, older: undefined, newer: undefined }
    this.#nodes.set(key, node)
    this.#append(node)
  }

  #remove(node: Node<Value>): void {
    this.#nodes.delete(node.key)
    this.#unlink(node)
  }

  #append(node: Node<Value>): void {
    node.older = this.#newest
    node.newer = undefined
    if (this.#newest) this.#newest.newer = node
    else this.#oldest = node
    this.#newest = node
  }

  #unlink({ older, newer }: Node<Value>): void {
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
  }
}
