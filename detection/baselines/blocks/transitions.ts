import { QuietestOut } from './quietest-out.ts'

/** Followers of one name that are told apart. */
const FOLLOWERS_MAX = 512

interface From {
  total: number
  /** Followers that were seen once. */
  once: number
  readonly counts: QuietestOut<{ count: number }>
}

export interface TransitionsState {
  readonly froms: readonly (readonly [
    name: string,
    total: number,
    once: number,
    counts: readonly (readonly [string, number])[],
  ])[]
  readonly total: number
}

/** Which names follow which, as a Markov chain of order one, and how likely one is followed by what it never was.
 * @see Good: The Population Frequencies of Species and the Estimation of Population Parameters, Biometrika 40, 1953 */
export class Transitions {
  readonly #froms: QuietestOut<From>
  #total: number

  constructor(namesMax: number, state?: TransitionsState) {
    this.#froms = new QuietestOut(
      namesMax,
      (state?.froms ?? []).map(([name, total, once, counts]) => [
        name,
        { total, once, counts: counted(FOLLOWERS_MAX, counts) },
      ]),
    )
    this.#total = state?.total ?? 0
  }

  /** How many were learned. */
  get total(): number {
    return this.#total
  }

  /** How often `from` was followed by anything. */
  seen(from: string): number {
    return this.#froms.peek(from)?.total ?? 0
  }

  /** How often `from` was followed by `to`. */
  seenPair(from: string, to: string): number {
    return this.#froms.peek(from)?.counts.peek(to)?.count ?? 0
  }

  /** Surprise, in decades, at `from` being followed by something it never was: who brought something new often, will again.
   * Good and Turing's estimate (n₁ + ½)/(n + 1), n₁ being the followers seen once. */
  noveltyDecades(from: string): number {
    const known = this.#froms.peek(from)
    return known ? -Math.log10((known.once + 0.5) / (known.total + 1)) : 0
  }

  /** The likeliest followers. */
  usual(from: string, max: number): readonly string[] {
    return [...(this.#froms.peek(from)?.counts.entries() ?? [])]
      .sort(([, a], [, b]) => b.count - a.count)
      .slice(0, max)
      .map(([name]) => name)
  }

  learn(from: string, to: string): void {
    const known = this.#froms.use(from, () => ({ total: 0, once: 0, counts: new QuietestOut(FOLLOWERS_MAX) }))
    const pair = known.counts.use(to, () => ({ count: 0 }))
    pair.count += 1
    if (pair.count === 1) known.once += 1
    else if (pair.count === 2) known.once -= 1
    known.total += 1
    this.#total += 1
  }

  save(): TransitionsState {
    return {
      froms: [...this.#froms.entries()].map(([name, { total, once, counts }]) => [name, total, once, pairs(counts)]),
      total: this.#total,
    }
  }
}

const counted = (max: number, list: readonly (readonly [string, number])[]): QuietestOut<{ count: number }> =>
  new QuietestOut(
    max,
    list.map(([name, count]) => [name, { count }] as const),
  )
const pairs = (counts: QuietestOut<{ count: number }>) =>
  [...counts.entries()].map(([name, { count }]) => [name, count] as const)
