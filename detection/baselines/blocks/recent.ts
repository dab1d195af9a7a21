export interface RecentState {
  readonly count: number
  /** Oldest first. */
  readonly values: readonly number[]
}

/** The last `size` numbers. */
export class Recent {
  readonly #ring: Float64Array
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
    this.#ring[this.#count % this.#ring.length] = value
    this.#count += 1
  }

  /** The number that was pushed `age` pushes before the last one; 0 = the last. */
  at(age: number): number {
    const { length } = this.#ring
    return this.#ring[(this.#count - 1 - age + length) % length] ?? 0
  }

  save(): RecentState {
    const held = Math.min(this.#count, this.#ring.length)
    return { count: this.#count, values: Array.from({ length: held }, (_, i) => this.at(held - 1 - i)) }
  }
}
