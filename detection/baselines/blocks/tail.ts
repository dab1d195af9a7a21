/** How a `Tail` is set. One set serves every series; see docs/decisions/0008-anomaly-score.md for how it was found. */
const KEPT = 5
/** Shape of the generalised Pareto tail: a little heavier than an exponential one, as counts and latencies are. */
const SHAPE = 0.15
/** The scale of the tail is at least this share of the range seen, so that values on a few levels do not make it 0. */
const SCALE_FLOOR = 0.025
const WARM_UP = 60
/** Values after which the older half of the memory is let go: what was extreme once is then extreme again. */
const GENERATION = 25_000

/** The k highest and k lowest numbers of a stretch. */
interface Extremes {
  count: number
  /** Ascending; `low` holds the negated values, so that both sides are the same code. */
  readonly high: number[]
  readonly low: number[]
}

export interface TailState {
  readonly current: Extremes
  readonly previous: Extremes
}

/** How far outside of everything seen a number lies, as a tail probability: peaks over threshold. By extreme value
 * theory (Pickands–Balkema–de Haan) excesses over a high threshold u follow a generalised Pareto law, whatever law the
 * numbers follow. u is the k-th largest number so far, the scale the mean of the k-1 excesses over it, the shape is
 * fixed: P(X > x) = k/n · (1 + ξ (x-u)/σ)^(-1/ξ). Both sides are kept. The memory is 4 k numbers, the cost of a step O(k).
 * @see Siffer, Fouque, Termier, Largouët: Anomaly Detection in Streams with Extreme Value Theory (SPOT), KDD 2017 */
export class Tail {
  #current: Extremes
  #previous: Extremes
  /** The extremes of both generations together. */
  #both: Extremes

  constructor(state?: TailState) {
    this.#current = state ? copy(state.current) : empty()
    this.#previous = state ? copy(state.previous) : empty()
    this.#both = merge(this.#previous, this.#current)
  }

  get learning(): boolean {
    return this.#both.count < WARM_UP
  }

  /** Where all but the k highest and k lowest numbers lay. */
  get usual(): readonly [low: number, high: number] {
    return [-(this.#both.low[0] ?? 0), this.#both.high[0] ?? 0]
  }

  /** The surprise at `x` by what came before, in decades: 3 = once in 1,000; 0 while learning. */
  surprise(x: number): number {
    if (this.learning) return 0
    const { high, low, count } = this.#both
    return Math.max(decades(high, x, low, count + 1), decades(low, -x, high, count + 1))
  }

  /** The surprise at `x`, which is then taken in. */
  next(x: number): number {
    const surprise = this.surprise(x)
    this.add(x)
    return surprise
  }

  add(x: number): void {
    if (this.#current.count >= GENERATION) {
      this.#previous = this.#current
      this.#current = empty()
      this.#both = merge(this.#previous, this.#current)
    }
    for (const extremes of [this.#current, this.#both]) {
      extremes.count += 1
      keep(extremes.high, x)
      keep(extremes.low, -x)
    }
  }

  save(): TailState {
    return { current: copy(this.#current), previous: copy(this.#previous) }
  }
}

function decades(side: readonly number[], x: number, other: readonly number[], count: number): number {
  const threshold = side[0]
  if (side.length < KEPT || threshold === undefined || x <= threshold) return 0
  let excess = 0
  for (let i = 1; i < side.length; i++) excess += (side[i] ?? 0) - threshold
  const range = (side.at(-1) ?? 0) + (other.at(-1) ?? 0)
  const scale = Math.max(excess / (KEPT - 1), SCALE_FLOOR * range)
  // A series that never moved has no scale of its own.
  if (!(scale > 0)) return 0
  return (Math.log(count / KEPT) + Math.log1p((SHAPE * (x - threshold)) / scale) / SHAPE) / Math.LN10
}

/** Puts x among the highest k, ascending. */
function keep(side: number[], x: number): void {
  if (side.length >= KEPT) {
    if (x <= (side[0] ?? 0)) return
    let i = 0
    for (; i + 1 < side.length && (side[i + 1] ?? 0) < x; i++) side[i] = side[i + 1] ?? 0
    side[i] = x
    return
  }
  let i = side.length
  side.push(x)
  for (; i > 0 && (side[i - 1] ?? 0) > x; i--) side[i] = side[i - 1] ?? 0
  side[i] = x
}

const empty = (): Extremes => ({ count: 0, high: [], low: [] })
const copy = ({ count, high, low }: Extremes): Extremes => ({ count, high: [...high], low: [...low] })

function merge(one: Extremes, other: Extremes): Extremes {
  const both = copy(one)
  both.count += other.count
  for (const x of other.high) keep(both.high, x)
  for (const x of other.low) keep(both.low, x)
  return both
}
