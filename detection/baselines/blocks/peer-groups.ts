import type { KeyedHash } from './keyed-hash.ts'

/** Hashes of a signature: similarities are right to about a tenth. */
const SIGNATURE = 32
/** Rounds of choosing a middle and giving each to the nearest. */
const ROUNDS = 4
const GROUPS_MAX = 24
/** Entities that middles are looked for among; the others are only given to one. */
const SAMPLED = 1_500
/** Whoever is less like any middle belongs to nobody's group: in equal hashes of the 32. */
const ALIKE_MIN = 0.08 * SIGNATURE
/** What is as like a middle as this needs no other. */
const SAME_MIN = 0.9 * SIGNATURE
/** What taking a use into a signature costs, in comparisons of two signatures. */
const USE_COST = 2
/** Comparisons that are made in one go, some 20 ns each. */
const STRIDE = 32
/** Members of a group that its middle is looked for among. */
const ASKED_MAX = 40

/** A group of entities that use alike things. */
export interface PeerGroup {
  /** Of its middle. */
  readonly signature: readonly number[]
  /** Those of the sample that belong to it. */
  readonly members: readonly string[]
}

export interface PeerGroupingState {
  /** Who has a signature, and who is to get one. */
  readonly members: readonly string[]
  readonly waiting: readonly string[]
  readonly signatures: string
  /** Since all have one. */
  readonly steps: number
}

/** Finds groups of those who use alike things, among 1,500 entities evenly drawn, from what each uses: k-medoids over Jaccard
 * similarity, estimated by the share of equal minima of 32 hashes (MinHash). k = √(n/2), at most 24; the first middles are
 * each the farthest from those before, so there is no chance in it. Cost: at most some 300,000 comparisons of signatures, which are
 * made a few at a time; what somebody uses is looked at when their turn comes.
 * @see Kaufman, Rousseeuw: Clustering by Means of Medoids, 1987; Broder: On the Resemblance and Containment of Documents,
 * 1997; Gonzalez 1985 (farthest first) */
export class PeerGrouping {
  readonly #hash: KeyedHash
  readonly #waiting: readonly string[]
  #asked = 0
  readonly #members: string[]
  readonly #signatures: Int32Array
  readonly #finding: Generator<number, readonly PeerGroup[]>
  #steps = 0

  /** @param entities all of them, or what `save` gave */
  constructor(
    hash: KeyedHash,
    entities: { readonly names: Iterable<string>; readonly count: number } | PeerGroupingState,
  ) {
    this.#hash = hash
    const kept = 'names' in entities ? undefined : entities
    this.#waiting = 'names' in entities ? sampleOf(entities) : entities.waiting
    this.#members = [...(kept?.members ?? [])]
    this.#signatures = new Int32Array(SIGNATURE * (this.#members.length + this.#waiting.length))
    if (kept) this.#signatures.set(unpackSignatures(kept.signatures))
    this.#finding = findGroups(this.#members, this.#signatures)
    for (let step = 0; step < (kept?.steps ?? 0); step++) this.#goOn()
  }

  /** Goes on for so many comparisons, or somewhat more.
   * @param usesOf what an entity uses; undefined where it is not known any more
   * @returns the groups, when they are found */
  step(comparisons: number, usesOf: (name: string) => Iterable<string> | undefined): readonly PeerGroup[] | undefined {
    for (let left = comparisons; left > 0; ) {
      if (this.#asked < this.#waiting.length) {
        left -= this.#signNext(usesOf)
        continue
      }
      const result = this.#goOn()
      if (result.done) return result.value
      left -= result.value
    }
    return undefined
  }

  #goOn(): IteratorResult<number, readonly PeerGroup[]> {
    this.#steps += 1
    return this.#finding.next()
  }

  #signNext(usesOf: (name: string) => Iterable<string> | undefined): number {
    const name = this.#waiting[this.#asked] ?? ''
    this.#asked += 1
    const uses = usesOf(name)
    if (!uses) return 1
    const place = SIGNATURE * this.#members.length
    const count = sign(this.#signatures.subarray(place, place + SIGNATURE), uses, this.#hash)
    this.#members.push(name)
    return 1 + USE_COST * count
  }

  save(): PeerGroupingState {
    const { buffer } = this.#signatures
    return {
      members: [...this.#members],
      waiting: this.#waiting.slice(this.#asked),
      signatures: Buffer.from(buffer, 0, 4 * SIGNATURE * this.#members.length).toString('base64'),
      steps: this.#steps,
    }
  }
}

/** The group of those who use what is most alike `uses`; undefined where that is like nobody's. */
export function groupOf(uses: Iterable<string>, groups: readonly PeerGroup[], hash: KeyedHash): PeerGroup | undefined {
  const signatures = new Int32Array(SIGNATURE * (groups.length + 1))
  for (const [i, { signature }] of groups.entries()) signatures.set(signature, SIGNATURE * i)
  sign(signatures.subarray(SIGNATURE * groups.length), uses, hash)
  return groups[nearest(signatures, groups.length, [...groups.keys()])]
}

function sampleOf({ names, count }: { readonly names: Iterable<string>; readonly count: number }): string[] {
  const step = Math.max(1, Math.floor(count / SAMPLED))
  const sample: string[] = []
  let i = 0
  for (const name of names) {
    if (i % step === 0) sample.push(name)
    i += 1
  }
  return sample
}

function unpackSignatures(text: string): Int32Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return new Int32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))
}

/** @returns how many uses there are */
function sign(signature: Int32Array, uses: Iterable<string>, hash: KeyedHash): number {
  signature.fill(0x7fffffff)
  let count = 0
  for (const use of uses) {
    const wide = hash.wide(use)
    let low = (wide % 2 ** 32) | 0
    const high = Math.floor(wide / 2 ** 32) | 1
    for (let i = 0; i < SIGNATURE; i++) {
      // Many hashes of two; the multiplication mixes what addition keeps in order.
      const mixed = Math.imul(low, 0x9e3779b1) ^ 0x80000000
      if (mixed < (signature[i] ?? 0)) signature[i] = mixed
      low = (low + high) | 0
    }
    count += 1
  }
  return count
}

/** How many hashes are equal. Without branches, which nobody can foretell here, it takes a third of the time. */
function alike(signatures: Int32Array, one: number, other: number): number {
  let different = 0
  for (let a = SIGNATURE * one, b = SIGNATURE * other, end = a + SIGNATURE; a < end; a++, b++) {
    const bits = (signatures[a] ?? 0) ^ (signatures[b] ?? 0)
    different += (bits | -bits) >>> 31
  }
  return SIGNATURE - different
}

/** Gives, after every few comparisons, how many it made. All members have a signature when it is asked first. */
function* findGroups(names: readonly string[], signatures: Int32Array): Generator<number, readonly PeerGroup[]> {
  if (names.length < 2) return []
  const count = Math.max(1, Math.min(GROUPS_MAX, Math.round(Math.sqrt(names.length / 2))))
  const middles = yield* farthest(names.length, signatures, count)
  let groups = yield* assign(names.length, signatures, middles)
  for (let round = 0; round < ROUNDS; round++) {
    let isSame = true
    for (const [i, group] of groups.entries()) {
      const middle = (yield* middleOf(group, signatures)) ?? middles[i] ?? 0
      if (middle !== middles[i]) isSame = false
      middles[i] = middle
    }
    if (isSame) break
    groups = yield* assign(names.length, signatures, middles)
  }
  return groups.flatMap((group, i) => {
    const place = SIGNATURE * (middles[i] ?? 0)
    const signature = [...signatures.subarray(place, place + SIGNATURE)]
    return group.length > 1 ? [{ signature, members: group.map((member) => names[member] ?? '') }] : []
  })
}

function* farthest(all: number, signatures: Int32Array, count: number): Generator<number, number[]> {
  const middles = [0]
  const nearest = new Uint8Array(all)
  while (middles.length < count) {
    const last = middles.at(-1) ?? 0
    let best = 0
    for (let i = 0; i < all; i++) {
      nearest[i] = Math.max(nearest[i] ?? 0, alike(signatures, i, last))
      if ((nearest[i] ?? 0) < (nearest[best] ?? 0)) best = i
      if (i % STRIDE === STRIDE - 1) yield STRIDE
    }
    if ((nearest[best] ?? 0) >= SAME_MIN) break
    middles.push(best)
  }
  return middles
}

function* assign(all: number, signatures: Int32Array, middles: readonly number[]): Generator<number, number[][]> {
  const groups: number[][] = middles.map(() => [])
  for (let i = 0; i < all; i++) {
    groups[nearest(signatures, i, middles)]?.push(i)
    yield middles.length
  }
  return groups
}

/** Which of the middles is most alike; -1 where none is. */
function nearest(signatures: Int32Array, one: number, middles: readonly number[]): number {
  let best = -1
  let most = ALIKE_MIN
  for (let i = 0; i < middles.length; i++) {
    const same = alike(signatures, one, middles[i] ?? 0)
    if (same > most) {
      best = i
      most = same
    }
  }
  return best
}

/** The member most like the others, of those looked at; undefined where there is none. */
function* middleOf(group: readonly number[], signatures: Int32Array): Generator<number, number | undefined> {
  const step = Math.max(1, Math.ceil(group.length / ASKED_MAX))
  const some = group.filter((_, i) => i % step === 0)
  const sums = new Uint32Array(some.length)
  let best = 0
  for (const [i, one] of some.entries()) {
    for (let j = 0; j < i; j++) {
      const same = alike(signatures, one, some[j] ?? 0)
      sums[i] = (sums[i] ?? 0) + same
      sums[j] = (sums[j] ?? 0) + same
    }
    yield i
  }
  for (const [i, sum] of sums.entries()) if (sum > (sums[best] ?? 0)) best = i
  return some[best]
}
