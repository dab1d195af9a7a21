const LISTS_MIN = 16
const ITEMS_MIN = 64

/** A short list of numbers for each slot, all in one array: a million of them are no object each. */
export class NumberLists {
  #starts = new Uint32Array(LISTS_MIN)
  #counts = new Uint16Array(LISTS_MIN)
  #items = new Uint32Array(ITEMS_MIN)
  /** Where free space begins. */
  #end = 0
  /** Items of lists that are there. */
  #used = 0

  get(slot: number): number[] {
    const start = this.#starts[slot] ?? 0
    return Array.from(this.#items.subarray(start, start + (this.#counts[slot] ?? 0)))
  }

  set(slot: number, items: readonly number[]): void {
    this.#used += items.length - (this.#counts[slot] ?? 0)
    if (slot >= this.#starts.length) this.#widen(slot + 1)
    // Emptied first, so that making room does not keep what is replaced.
    this.#counts[slot] = 0
    if (this.#end + items.length > this.#items.length) this.#makeRoom(items.length)
    this.#items.set(items, this.#end)
    this.#starts[slot] = this.#end
    this.#counts[slot] = items.length
    this.#end += items.length
  }

  /** Whether the list of a slot has a number that is marked. */
  hasMarked(slot: number, marks: Uint8Array): boolean {
    const start = this.#starts[slot] ?? 0
    const end = start + (this.#counts[slot] ?? 0)
    for (let i = start; i < end; i++) if (marks[this.#items[i] as number] === 1) return true
    return false
  }

  #widen(count: number): void {
    const length = Math.max(count, this.#starts.length * 2)
    this.#starts = grown(this.#starts, length)
    this.#counts = grown(this.#counts, length)
  }

  /** Lists that were replaced leave holes; they go where everything is copied anyway. */
  #makeRoom(count: number): void {
    const items = new Uint32Array(Math.max(ITEMS_MIN, (this.#used + count) * 2))
    let end = 0
    for (let slot = 0; slot < this.#starts.length; slot++) {
      const held = this.#counts[slot] as number
      if (held === 0) continue
      const start = this.#starts[slot] as number
      items.set(this.#items.subarray(start, start + held), end)
      this.#starts[slot] = end
      end += held
    }
    this.#items = items
    this.#end = end
  }
}

/** A copy of a typed array that has room for `length` elements. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(array: T, length: number): T {
  const made = new (array.constructor as new (length: number) => T)(length)
  made.set(array)
  return made
}
