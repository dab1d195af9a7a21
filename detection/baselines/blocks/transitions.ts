import { QuietestOut } from './quietest-out.ts'
import { mapOf, type Saved, type Table, tableOf } from './savable.ts'

/** Followers of one name that are told apart. */
const FOLLOWERS_MAX = 512

interface From {
  total: number
  /** Followers that were seen once. */
  once: number
  readonly counts: QuietestOut<{ count: number }>
}

interface FromState {
  readonly total: number
  readonly once: number
  readonly counts: readonly (readonly [string, number])[]
}

export interface TransitionsState {
  /** How many were learned. */
  readonly total: number
  readonly froms: Saved<FromState>
}

/** Which names follow which, as a Markov chain of order one, and how likely one is followed by what it never was.
 * @see Good: The Population Frequencies of Species and the Estimation of Population Parameters, Biometrika 40, 1953 */
export class Transitions {
  readonly #froms: QuietestOut<From>
  #total: number

  constructor(namesMax: number, state?: TransitionsState) {
    this.#froms = mapOf(namesMax, state?.froms, (from) => ({ ...from, counts: counted(from.counts) }))
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

  /** The likeliest followers. */
  usual(from: string, max: number): readonly string[] {
    return [...(this.#froms.peek(from)?.counts.entries() ?? [])]
      .sort(([, a], [, b]) => b.count - a.count)
      .slice(0, max)
      .map(([name]) => name)
  }

  /** Takes in that `from` was followed by `to`. @returns how surprising that was, in decades, where `to` never followed before
   * and `from` was followed by anything `knownMin` times or more; else 0. Who brought something new often, will again: Good and
   * Turing's estimate (n₁ + ½)/(n + 1), n₁ being the followers seen once.
   * @param now ms, never before that of an earlier call */
  learn(from: string, to: string, { knownMin, now = 0 }: { readonly knownMin: number; readonly now?: number }): number {
    const known = this.#froms.use(from, nothing, now)
    const pair = known.counts.use(to, never)
    const isSurprise = pair.count === 0 && known.total >= knownMin
    const decades = isSurprise ? -Math.log10((known.once + 0.5) / (known.total + 1)) : 0
    pair.count += 1
    if (pair.count === 1) known.once += 1
    else if (pair.count === 2) known.once -= 1
    known.total += 1
    this.#total += 1
    return decades
  }

  /** What was learned, beside `total`. */
  get froms(): Table {
    return tableOf(this.#froms, ({ total, once, counts }) => ({
      ...{ total, once },
      counts: [...counts.entries()].map(([name, { count }]) => [name, count]),
    }))
  }
}

const never = () => ({ count: 0 })
const nothing = (): From => ({ total: 0, once: 0, counts: counted([]) })

const counted = (list: FromState['counts']): From['counts'] =>
  new QuietestOut(
    FOLLOWERS_MAX,
    list.map(([name, count]) => [name, { count }] as const),
  )
