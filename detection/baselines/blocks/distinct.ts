/** Hashes that are held as they are; a set of more is a sketch. */
const EXACT_MAX = 48
const INDEX_BITS = 8
const REGISTERS = 1 << INDEX_BITS
/** Bias of the harmonic mean at 256 registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)

export type DistinctState = { readonly exact: readonly number[] } | { readonly registers: string }

/** How many different things were added, by their 52-bit hashes under a secret key: exact up to 48, then HyperLogLog with
 * 256 registers, right to 6.5 %.   @see Flajolet, Fusy, Gandouet, Meunier: HyperLogLog, AofA 2007 */
export class Distinct {
  #exact: number[] | undefined
  #registers: Uint8Array | undefined
  #estimate = 0

  constructor(state?: DistinctState) {
    if (state && 'registers' in state) {
      this.#registers = new Uint8Array(Buffer.from(state.registers, 'base64'))
      this.#estimate = estimate(this.#registers)
    } else this.#exact = [...(state?.exact ?? [])]
  }

  get count(): number {
    return this.#exact?.length ?? this.#estimate
  }

  /** Whether it was added, as far as that is known: a sketch knows no members. */
  has(hash: number): boolean {
    return this.#exact?.includes(hash) ?? false
  }

  add(hash: number): void {
    if (this.#exact?.length === 0) {
      // Most hold one: a list that grows has room for 17.
      this.#exact = [hash]
    } else if (this.#exact) {
      if (this.#exact.includes(hash)) return
      this.#exact.push(hash)
      if (this.#exact.length <= EXACT_MAX) return
      this.#registers = new Uint8Array(REGISTERS)
      for (const one of this.#exact) put(this.#registers, one)
      this.#exact = undefined
      this.#estimate = estimate(this.#registers)
    } else if (this.#registers && put(this.#registers, hash)) this.#estimate = estimate(this.#registers)
  }

  /** How many different things are in one or both. */
  countWith(other: Distinct): number {
    if (this.#exact && other.#exact) {
      let both = this.#exact.length
      for (const one of other.#exact) if (!this.#exact.includes(one)) both += 1
      return both
    }
    const joined = new Uint8Array(REGISTERS)
    for (const one of [this, other]) {
      for (const hash of one.#exact ?? []) put(joined, hash)
      for (const [i, rank] of one.#registers?.entries() ?? []) joined[i] = Math.max(joined[i] ?? 0, rank)
    }
    return estimate(joined)
  }

  save(): DistinctState {
    return this.#registers
      ? { registers: Buffer.from(this.#registers).toString('base64') }
      : { exact: [...(this.#exact ?? [])] }
  }
}

/** @returns whether a register rose */
function put(registers: Uint8Array, hash: number): boolean {
  const high = Math.floor(hash / 2 ** 32)
  const index = high % REGISTERS
  // The first one among 32 bits that have nothing to do with the index.
  const rank = Math.clz32(hash % 2 ** 32) + 1
  if (rank <= (registers[index] ?? 0)) return false
  registers[index] = rank
  return true
}

function estimate(registers: Uint8Array): number {
  let sum = 0
  let zeros = 0
  for (const rank of registers) {
    sum += 2 ** -rank
    if (rank === 0) zeros += 1
  }
  const raw = (ALPHA * REGISTERS * REGISTERS) / sum
  // Linear counting while many registers are empty.
  return Math.round(raw <= 2.5 * REGISTERS && zeros > 0 ? REGISTERS * Math.log(REGISTERS / zeros) : raw)
}
