/** Tables of an index. */
export const COLD_PARTITIONS = 256
const PARTITION_SLOTS_MIN = 16
const NONE: readonly number[] = []

interface Partition {
  hashes: Uint32Array
  /** 0 = free. */
  locations: Float64Array
  count: number
}

/** Where the records of groups stand that are not in memory: from a hash to locations, twelve bytes a slot and 16 to 24 a
 * group. Open addressing in 256 tables, so that none is large when it has to grow. Several groups may share a hash, and one
 * group stands here once; a location is never 0. */
export class ColdIndex {
  readonly #partitions: Partition[] = Array.from({ length: COLD_PARTITIONS }, () => emptyPartition(0))
  readonly #isGone: (location: number) => boolean
  #size = 0

  /** @param isGone says of a location that nothing stands there any more: it is let go when its table grows */
  constructor(isGone: (location: number) => boolean) {
    this.#isGone = isGone
  }

  get size(): number {
    return this.#size
  }

  /** Where groups of this hash may stand. */
  locationsOf(hash: number): readonly number[] {
    const { hashes, locations } = this.#partitionOf(hash)
    const mask = locations.length - 1
    let found = NONE
    for (let slot = hash & mask; mask > 0 && locations[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashes[slot] === hash)
        found = found === NONE ? [locations[slot] as number] : [...found, locations[slot] as number]
    }
    return found
  }

  has(hash: number, location: number): boolean {
    return slotOf(this.#partitionOf(hash), hash, location) >= 0
  }

  add(hash: number, location: number): void {
    const partition = this.#partitionOf(hash)
    if (partition.count * 4 >= partition.locations.length * 3) this.#grow(partition)
    put(partition, hash, location)
    this.#size++
  }

  /** @returns whether it stood there */
  remove(hash: number, location: number): boolean {
    const partition = this.#partitionOf(hash)
    const slot = slotOf(partition, hash, location)
    if (slot < 0) return false
    free(partition, slot)
    this.#size--
    return true
  }

  /** @returns whether `from` stood there */
  move(hash: number, from: number, to: number): boolean {
    const partition = this.#partitionOf(hash)
    const slot = slotOf(partition, hash, from)
    if (slot < 0) return false
    partition.locations[slot] = to
    return true
  }

  /** Lets go of what stands nowhere any more in one of its tables, by number. */
  purge(number: number): void {
    const partition = this.#partitions[number] as Partition
    if (partition.count > 0) this.#rebuild(partition, partition.locations.length)
  }

  // The lowest bits choose the slot, the highest the table.
  #partitionOf(hash: number): Partition {
    return this.#partitions[hash >>> 24] as Partition
  }

  #grow(partition: Partition): void {
    this.#rebuild(partition, partition.locations.length)
    const { length } = partition.locations
    if (partition.count * 2 >= length) this.#rebuild(partition, Math.max(PARTITION_SLOTS_MIN, length * 2))
  }

  #rebuild(partition: Partition, slots: number): void {
    const { hashes, locations, count } = partition
    Object.assign(partition, emptyPartition(slots))
    for (let slot = 0; slot < locations.length; slot++) {
      const location = locations[slot] as number
      if (location !== 0 && !this.#isGone(location)) put(partition, hashes[slot] as number, location)
    }
    this.#size -= count - partition.count
  }
}

function emptyPartition(slots: number): Partition {
  return { hashes: new Uint32Array(slots), locations: new Float64Array(slots), count: 0 }
}

function slotOf({ hashes, locations }: Partition, hash: number, location: number): number {
  const mask = locations.length - 1
  if (mask < 0) return -1
  for (let slot = hash & mask; locations[slot] !== 0; slot = (slot + 1) & mask) {
    if (locations[slot] === location && hashes[slot] === hash) return slot
  }
  return -1
}

function put(partition: Partition, hash: number, location: number): void {
  const { hashes, locations } = partition
  const mask = locations.length - 1
  let slot = hash & mask
  while (locations[slot] !== 0) slot = (slot + 1) & mask
  hashes[slot] = hash
  locations[slot] = location
  partition.count++
}

/** Frees a slot and moves up what was put behind it, so that no search ends too early.
 * @see Knuth: The Art of Computer Programming 3, 6.4, algorithm R */
function free(partition: Partition, slot: number): void {
  const { hashes, locations } = partition
  const mask = locations.length - 1
  let hole = slot
  for (let next = (hole + 1) & mask; locations[next] !== 0; next = (next + 1) & mask) {
    const home = (hashes[next] as number) & mask
    if (((next - home) & mask) < ((next - hole) & mask)) continue
    hashes[hole] = hashes[next] as number
    locations[hole] = locations[next] as number
    hole = next
  }
  locations[hole] = 0
  partition.count--
}
