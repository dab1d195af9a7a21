import type { KeyedHash } from './keyed-hash.ts'

/** Hashes of a signature: similarities are right to about a tenth. */
const SIGNATURE = 32
/** Rounds of choosing a middle and giving each to the nearest. */
const ROUNDS = 4
const GROUPS_MAX = 24
/** Entities that middles are looked for among; the others are only given to one. */
const SAMPLED = 1_500
/** Whoever is less like any middle belongs to nobody's group. */
const ALIKE_MIN = 0.08

/** A group of entities that use alike things. */
export interface PeerGroup {
  /** Of its middle. */
  readonly signature: readonly number[]
  /** Those of the sample that belong to it. */
  readonly members: readonly string[]
}

interface Signed {
  readonly signature: ArrayLike<number>
}

interface Member extends Signed {
  readonly name: string
}

/** Groups of those who use alike things, among 1,500 entities evenly drawn, from what each uses: k-medoids over Jaccard
 * similarity, estimated by the share of equal minima of 32 hashes (MinHash). k = √(n/2), at most 24; the first middles are
 * each the farthest from those before, so there is no chance in it. Cost: 1,500 · k · 32 a round, some 30 ms.
 * @see Kaufman, Rousseeuw: Clustering by Means of Medoids, 1987; Broder: On the Resemblance and Containment of Documents,
 * 1997; Gonzalez 1985 (farthest first) */
export function groupAlike(
  entities: Iterable<readonly [name: string, uses: () => Iterable<string>]>,
  { count: all, hash }: { readonly count: number; readonly hash: KeyedHash },
): readonly PeerGroup[] {
  const step = Math.max(1, Math.floor(all / SAMPLED))
  const sample: Member[] = []
  let i = 0
  for (const [name, uses] of entities) {
    if (i % step === 0) sample.push({ name, signature: sign(uses(), hash) })
    i += 1
  }
  if (sample.length < 2) return []
  const count = Math.max(1, Math.min(GROUPS_MAX, Math.round(Math.sqrt(sample.length / 2))))
  let middles = farthest(sample, count)
  for (let round = 0; round < ROUNDS; round++) {
    const groups = assign(sample, middles)
    middles = groups.map((group, i) => middleOf(group) ?? (middles[i] as Member))
  }
  return assign(sample, middles).flatMap((group, i) =>
    group.length > 1
      ? [{ signature: Array.from(middles[i]?.signature ?? []), members: group.map(({ name }) => name) }]
      : [],
  )
}

/** The group of those who use what is most alike `uses`; undefined where that is like nobody's. */
export function groupOf(uses: Iterable<string>, groups: readonly PeerGroup[], hash: KeyedHash): PeerGroup | undefined {
  return groups[nearest(sign(uses, hash), groups)]
}

function sign(uses: Iterable<string>, hash: KeyedHash): Uint32Array {
  const signature = new Uint32Array(SIGNATURE).fill(0xffffffff)
  for (const use of uses) {
    const wide = hash.wide(use)
    const low = wide % 2 ** 32
    const high = Math.floor(wide / 2 ** 32) | 1
    for (let i = 0; i < SIGNATURE; i++) {
      // Many hashes of two; the multiplication mixes what addition keeps in order.
      const mixed = Math.imul(low + i * high, 0x9e3779b1) >>> 0
      if (mixed < (signature[i] ?? 0)) signature[i] = mixed
    }
  }
  return signature
}

function alike(a: Signed, b: Signed): number {
  let same = 0
  for (let i = 0; i < SIGNATURE; i++) if (a.signature[i] === b.signature[i]) same += 1
  return same / SIGNATURE
}

function farthest(sample: readonly Member[], count: number): Member[] {
  const middles: Member[] = sample[0] ? [sample[0]] : []
  const nearest = new Float64Array(sample.length)
  while (middles.length < count) {
    let best = 0
    for (const [i, member] of sample.entries()) {
      nearest[i] = Math.max(nearest[i] ?? 0, alike(member, middles.at(-1) as Member))
      if ((nearest[i] ?? 1) < (nearest[best] ?? 1)) best = i
    }
    if ((nearest[best] ?? 1) >= 0.9) break
    middles.push(sample[best] as Member)
  }
  return middles
}

function assign(members: readonly Member[], middles: readonly Member[]): Member[][] {
  const groups: Member[][] = middles.map(() => [])
  for (const member of members) {
    groups[nearest(member.signature, middles)]?.push(member)
  }
  return groups
}

/** Which of the middles is most alike; -1 where none is. */
function nearest(signature: ArrayLike<number>, middles: readonly Signed[]): number {
  let best = -1
  let most = ALIKE_MIN
  for (const [i, middle] of middles.entries()) {
    const same = alike({ signature }, middle)
    if (same > most) {
      best = i
      most = same
    }
  }
  return best
}

/** The member most like the others, of at most 40 looked at. */
function middleOf(group: readonly Member[]): Member | undefined {
  const step = Math.max(1, Math.ceil(group.length / 40))
  const some = group.filter((_, i) => i % step === 0)
  let best: Member | undefined
  let most = -1
  for (const one of some) {
    const sum = some.reduce((total, other) => total + alike(one, other), 0)
    if (sum > most) [best, most] = [one, sum]
  }
  return best
}
