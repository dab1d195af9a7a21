export interface RecentState {
  readonly count: number
  /** Oldest first. */
  readonly values: readonly number[]
}

/** The last `size` numbers. */
export class Recent {
  readonly #ring: Float64Array
  /** Where the next number goes. */
  #next = 0
  #count = 0

  constructor(size: number, state?: RecentState) {
    this.#ring = new Float64Array(size)
    if (!state) return
    this.#count = state.count - state.values.length
    for (const value of state.values) this.push(value)
  }

  /** How many were ever pushed. */
  get count(): number {
    return this.#count
  }

  push(value: number): void {
    this.#ring[this.#next] = value
    this.#next = this.#next + 1 === this.#ring.length ? 0 : this.#next + 1
    this.#count += 1
  }

  /** The number that was pushed `age` pushes before the last one; 0 = the last. */
  at(age: number): number {
    const { length } = this.#ring
    const place = this.#next - 1 - age
    return this.#ring[place < 0 ? place + length : place] ?? 0
  }

  save(): RecentState {
    const held = Math.min(this.#count, this.#ring.length)
    return { count: this.#count, values: Array.from({ length: held }, (_, i) => this.at(held - 1 - i)) }
  }
}
