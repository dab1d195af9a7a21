import { SKETCH_BUCKETS_MAX } from '../limits.ts'

/** Quantiles are right to 1 % of their own size. */
const RELATIVE_ERROR = 0.01
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Sizes below it count as 0. */
const SMALLEST = 1e-9
/** A bucket that weighs less is dropped when the sketch ages. */
const WEIGHT_MIN = 0.01

export interface QuantileSketchState {
  readonly zero: number
  /** Pairs of bucket and weight. */
  readonly positive: readonly (readonly [number, number])[]
  readonly negative: readonly (readonly [number, number])[]
}

/** Quantiles of a stream in bounded memory: DDSketch. A number x > 0 falls into bucket ⌈log_γ x⌉, γ = (1+α)/(1-α), so any
 * quantile is known to a relative error of α = 1 %; negative numbers are kept mirrored. Sketches merge exactly, and age by
 * scaling all weights. Above the bound on buckets those nearest to zero
 * are merged.
 * @see Masson, Rim, Lee: DDSketch, PVLDB 12(12), 2019 */
export class QuantileSketch {
  #zero: number
  readonly #positive: Side
  readonly #negative: Side

  constructor(state?: QuantileSketchState) {
    this.#zero = state?.zero ?? 0
    this.#positive = new Side(state?.positive)
    this.#negative = new Side(state?.negative)
  }

  /** How much was added, less what aged away. */
  get weight(): number {
    return this.#zero + this.#positive.weight + this.#negative.weight
  }

  add(x: number, weight = 1): void {
    if (Math.abs(x) < SMALLEST) this.#zero += weight
    else (x > 0 ? this.#positive : this.#negative).add(bucketOf(Math.abs(x)), weight)
  }

  /** The value below which the share `q` (0..1) of the weight lies; undefined while nothing was added. */
  quantile(q: number): number | undefined {
    const rank = q * this.weight
    const [negative, zero] = [this.#negative.weight, this.#zero]
    const positive = this.#positive.middleAt(rank - negative - zero)
    // From rank 0 of the positive numbers on; where there are none, rounding or q = 1 has led past the highest.
    if (positive !== undefined && rank >= negative + zero) return positive
    if (zero > 0 && (rank >= negative || negative === 0)) return 0
    const mirrored = this.#negative.middleAt(Math.max(0, negative - rank), 'reaching')
    return mirrored === undefined ? positive : -mirrored
  }

  /** Scales all weights by `factor` (0..1), so that what comes later counts more. */
  age(factor: number): void {
    this.#zero *= factor
    this.#positive.age(factor)
    this.#negative.age(factor)
  }

  save(): QuantileSketchState {
    return { zero: this.#zero, positive: this.#positive.save(), negative: this.#negative.save() }
  }
}

/** Never -0, which JSON would give back as 0. */
const bucketOf = (size: number): number => Math.ceil(Math.log(size) / LOG_GAMMA) + 0
const middle = (bucket: number): number => (2 * GAMMA ** bucket) / (GAMMA + 1)

/** Weights by bucket, in order of the buckets. */
class Side {
  readonly #buckets: number[]
  readonly #weights: number[]
  weight: number

  constructor(pairs: readonly (readonly [number, number])[] = []) {
    this.#buckets = pairs.map(([bucket]) => bucket)
    this.#weights = pairs.map(([, weight]) => weight)
    this.weight = total(this.#weights)
  }

  add(bucket: number, weight: number): void {
    this.weight += weight
    const place = this.#place(bucket)
    if (this.#buckets[place] === bucket) {
      this.#weights[place] = (this.#weights[place] ?? 0) + weight
      return
    }
    this.#buckets.splice(place, 0, bucket)
    this.#weights.splice(place, 0, weight)
    if (this.#buckets.length <= SKETCH_BUCKETS_MAX) return
    this.#buckets.shift()
    const merged = this.#weights.shift() ?? 0
    this.#weights[0] = (this.#weights[0] ?? 0) + merged
  }

  /** The size at which the weight of what is smaller passes `rank` (or reaches it); the largest there is where none does. */
  middleAt(rank: number, how: 'passing' | 'reaching' = 'passing'): number | undefined {
    let left = rank
    for (let i = 0; i < this.#weights.length; i++) {
      left -= this.#weights[i] ?? 0
      if (left < 0 || (how === 'reaching' && left === 0)) return middle(this.#buckets[i] ?? 0)
    }
    const largest = this.#buckets.at(-1)
    return largest === undefined ? undefined : middle(largest)
  }

  age(factor: number): void {
    let kept = 0
    for (const [i, weight] of this.#weights.entries()) {
      if (weight * factor < WEIGHT_MIN) continue
      this.#buckets[kept] = this.#buckets[i] ?? 0
      this.#weights[kept] = weight * factor
      kept += 1
    }
    this.#buckets.length = kept
    this.#weights.length = kept
    this.weight = total(this.#weights)
  }

  /** The first place whose bucket is not below `bucket`. */
  #place(bucket: number): number {
    let [low, high] = [0, this.#buckets.length]
    while (low < high) {
      const half = (low + high) >>> 1
      if ((this.#buckets[half] ?? 0) < bucket) low = half + 1
      else high = half
    }
    return low
  }

  save(): [number, number][] {
    return this.#buckets.map((bucket, i) => [bucket, this.#weights[i] ?? 0])
  }
}

const total = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0)
