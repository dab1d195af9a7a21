export interface UsualCountState {
  readonly mean: number
  readonly deviation: number
  readonly count: number
}

/** What share of the mean and deviation the latest stretch makes up, once there are many. */
const WEIGHT = 0.1
/** Deviations above the mean that a stretch counts at most when it is learned, so that an attack does not become normal. */
const LEARNED_Z = 3

/** How many is usual in a stretch of time: exponentially weighted mean and mean absolute deviation of the counts of
 * stretches that are over, clipped.   @see Gelper, Fried, Croux: Robust Forecasting with Exponential and Holt–Winters Smoothing, 2010 (clipping) */
export class UsualCount {
  #mean: number
  #deviation: number
  #count: number

  constructor(state?: UsualCountState) {
    this.#mean = state?.mean ?? 0
    this.#deviation = state?.deviation ?? 0
    this.#count = state?.count ?? 0
  }

  /** The most that is usual, at the least `floor`. */
  bound(floor: number): number {
    return Math.max(floor, this.#mean + 2 * this.#deviation)
  }

  learn(count: number): void {
    const spread = Math.max(this.#deviation, Math.sqrt(this.#mean) + 1)
    const learned = this.#count === 0 ? count : Math.min(count, this.#mean + LEARNED_Z * spread)
    const weight = Math.max(WEIGHT, 1 / (this.#count + 1))
    const residual = this.#count === 0 ? 0 : Math.abs(learned - this.#mean)
    this.#mean += weight * (learned - this.#mean)
    this.#deviation += weight * (residual - this.#deviation)
    this.#count += 1
  }

  save(): UsualCountState {
    return { mean: this.#mean, deviation: this.#deviation, count: this.#count }
  }
}
