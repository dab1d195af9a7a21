import { Episodes, type EpisodesState } from '../blocks/episodes.ts'
import { Tail, type TailState } from '../blocks/tail.ts'
import { baselineError } from '../errors.ts'
import type { SeriesModel, SeriesModelKind, SeriesScore } from '../types.ts'

/** Half of the shift that is to be found, in standard deviations: it lets the sums fall while nothing happens. */
const SLACK = 0.5
/** A sum at which the shift is taken for the new level, and the sums start anew: ten times Page's usual h = 5 σ. */
const SETTLED = 50
/** One value moves the sums no farther, so that a spike does not stand for a long shift. */
const CLIP = 10
const WARM_UP = 60
/** Values that the mean and the deviation look back over, exponentially. */
const MEMORY = 500
const SPREAD_FLOOR = 1e-9

interface ChangePointState {
  readonly version: 1
  readonly count: number
  readonly mean: number
  readonly variance: number
  readonly up: number
  readonly down: number
  readonly tail: TailState
  readonly episodes: EpisodesState
}

/** Change of level: two-sided CUSUM over values standardised by their exponentially weighted mean and deviation,
 * g⁺ = max(0, g⁺ + z - k) and likewise down, k = 0.5. How rare a sum is, its own `Tail` says. Past 50 the new level is
 * taken for normal.   @see Page: Continuous Inspection Schemes, Biometrika 41, 1954 */
export const changePoint: SeriesModelKind = {
  name: 'change-point',
  version: 1,
  summary: 'two-sided CUSUM: slow drifts and changes of level',
  create: () => new ChangePoint(),
  restore(state): SeriesModel {
    const known = state as Partial<ChangePointState> | null
    if (known?.version !== 1 || typeof known.up !== 'number')
      throw baselineError(
        'detection.baseline.stateUnreadable',
        'the state is not one of the model `change-point`, version 1',
      )
    return new ChangePoint(known as ChangePointState)
  },
}

class ChangePoint implements SeriesModel {
  #count: number
  #mean: number
  #variance: number
  #up: number
  #down: number
  readonly #tail: Tail
  readonly #episodes: Episodes

  constructor(state?: ChangePointState) {
    this.#count = state?.count ?? 0
    this.#mean = state?.mean ?? 0
    this.#variance = state?.variance ?? 0
    this.#up = state?.up ?? 0
    this.#down = state?.down ?? 0
    this.#tail = new Tail(state?.tail)
    this.#episodes = new Episodes(state?.episodes)
  }

  get learning(): boolean {
    return this.#tail.learning
  }

  next(_at: number, value: number): SeriesScore {
    const deviation = Math.sqrt(this.#variance)
    const usual = [this.#mean - 3 * deviation, this.#mean + 3 * deviation] as const
    const standard = this.#count >= WARM_UP
    if (standard)
      this.#sum((value - this.#mean) / Math.max(deviation, SPREAD_FLOOR, Math.abs(this.#mean) * SPREAD_FLOOR))
    this.#learn(value)
    if (!standard) return { score: 0 }
    const rising = this.#up >= this.#down
    const sum = Math.max(this.#up, this.#down)
    const score = this.#episodes.score(this.#tail.next(rising ? sum : -sum))
    if (sum > SETTLED) {
      this.#up = 0
      this.#down = 0
    }
    const feature = rising ? 'level, rising' : 'level, falling'
    return { score, ...(score > 0 ? { reason: { feature, seen: value, usual } } : {}) }
  }

  #sum(z: number): void {
    const clipped = Math.max(-CLIP, Math.min(CLIP, z))
    this.#up = Math.max(0, this.#up + clipped - SLACK)
    this.#down = Math.max(0, this.#down - clipped - SLACK)
  }

  #learn(value: number): void {
    this.#count += 1
    const weight = 1 / Math.min(this.#count, MEMORY)
    const difference = value - this.#mean
    this.#mean += weight * difference
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference)
  }

  save(): ChangePointState {
    return {
      version: 1,
      count: this.#count,
      mean: this.#mean,
      variance: this.#variance,
      up: this.#up,
      down: this.#down,
      tail: this.#tail.save(),
      episodes: this.#episodes.save(),
    }
  }
}
