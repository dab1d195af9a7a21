import { COLD_GROUPS_MAX, CORRELATION_DISK_BYTES, CORRELATION_MEMORY_BYTES } from '../limits.ts'

/** What takes of a budget. */
export interface Spender {
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly coldGroups: number
  /** Takes some of what it holds out of memory.   @returns whether there was any */
  spill(): boolean
  /** Drops some of what it has on the disk only, for good. */
  drop(): void
}

/** What the groups of all shards of a thread may take together. Whoever takes most makes room when there is none. */
export class CorrelationBudget {
  readonly #memoryBytesMax: number
  readonly #diskBytesMax: number
  readonly #coldGroupsMax: number
  readonly #spenders = new Set<Spender>()
  /** Kept by the spenders: it is looked at before every event. */
  memoryBytes = 0

  constructor({
    memoryBytes = CORRELATION_MEMORY_BYTES,
    diskBytes = CORRELATION_DISK_BYTES,
    coldGroups = COLD_GROUPS_MAX,
  } = {}) {
    this.#memoryBytesMax = memoryBytes
    this.#diskBytesMax = diskBytes
    this.#coldGroupsMax = coldGroups
  }

  /** Has whoever takes most of the memory spill until there is room. */
  makeRoom(): void {
    while (this.memoryBytes > this.#memoryBytesMax && this.#largest('memoryBytes')?.spill()) {}
  }

  /** Has whoever takes most of the disk drop some of it, if there is too much. */
  makeRoomOnDisk(): void {
    for (const [of, most] of [
      ['diskBytes', this.#diskBytesMax],
      ['coldGroups', this.#coldGroupsMax],
    ] as const) {
      let sum = 0
      for (const one of this.#spenders) sum += one[of]
      if (sum <= most) continue
      this.#largest(of)?.drop()
      return
    }
  }

  add(spender: Spender): void {
    this.#spenders.add(spender)
  }

  remove(spender: Spender): void {
    this.#spenders.delete(spender)
    this.memoryBytes -= spender.memoryBytes
  }

  #largest(of: 'memoryBytes' | 'diskBytes' | 'coldGroups'): Spender | undefined {
    let largest: Spender | undefined
    for (const one of this.#spenders) if (!largest || one[of] > largest[of]) largest = one
    return largest
  }
}
