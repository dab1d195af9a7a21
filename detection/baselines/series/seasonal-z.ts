import { Episodes, type EpisodesState } from '../blocks/episodes.ts'
import { HOUR_CELLS, hourCell } from '../blocks/hour-cells.ts'
import { QuantileSketch, type QuantileSketchState } from '../blocks/quantile-sketch.ts'
import { Tail, type TailState } from '../blocks/tail.ts'
import { baselineError } from '../errors.ts'
import type { SeriesModel, SeriesModelKind, SeriesScore } from '../types.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Values that a cell needs before it is asked instead of the whole. */
const CELL_WEIGHT_MIN = 30
const WARM_UP = 60
/** What a day's values weigh the day after: half after 23 days. */
const AGE_A_DAY = 0.97
/** The spread is at least this share of the whole series' range from 1 % to 99 %. */
const SPREAD_FLOOR = 0.02
/** Interquartile range of a normal distribution, in standard deviations. */
const IQR_OF_NORMAL = 1.349

interface SeasonalZState {
  readonly version: 1
  readonly day: number
  readonly count: number
  readonly whole: QuantileSketchState
  readonly cells: readonly (QuantileSketchState | null)[]
  readonly tail: TailState
  readonly episodes: EpisodesState
}

/** Robust z-score against what is usual at this hour: z = |x - median| / (IQR/1.349), of a quantile sketch for each hour
 * of working days and of weekends (48 cells, UTC), or of the whole series until the cell holds 30 values. Sketches age by
 * the day. How rare a z is, its own `Tail` says.
 * @see Iglewicz, Hoaglin: How to Detect and Handle Outliers, 1993; blocks/quantile-sketch.ts */
export const seasonalZ: SeriesModelKind = {
  name: 'seasonal-z',
  version: 1,
  summary: 'robust z-score on streaming quantiles of the hour, working days and weekends apart',
  create: () => new SeasonalZ(),
  restore(state): SeriesModel {
    const known = state as Partial<SeasonalZState> | null
    if (known?.version !== 1 || known.cells?.length !== HOUR_CELLS)
      throw baselineError(
        'detection.baseline.stateUnreadable',
        'the state is not one of the model `seasonal-z`, version 1',
      )
    return new SeasonalZ(known as SeasonalZState)
  },
}

class SeasonalZ implements SeriesModel {
  #day: number
  #count: number
  readonly #whole: QuantileSketch
  readonly #cells: (QuantileSketch | null)[]
  readonly #tail: Tail
  readonly #episodes: Episodes

  constructor(state?: SeasonalZState) {
    this.#day = state?.day ?? 0
    this.#count = state?.count ?? 0
    this.#whole = new QuantileSketch(state?.whole)
    this.#cells = state ? state.cells.map((cell) => cell && new QuantileSketch(cell)) : new Array(HOUR_CELLS).fill(null)
    this.#tail = new Tail(state?.tail)
    this.#episodes = new Episodes(state?.episodes)
  }

  get learning(): boolean {
    return this.#tail.learning
  }

  next(at: number, value: number): SeriesScore {
    this.#age(Math.floor(at / DAY_MS))
    const place = hourCell(Math.floor(at / HOUR_MS))
    const cell = this.#cells[place] ?? new QuantileSketch()
    this.#cells[place] = cell
    const score =
      this.#count < WARM_UP ? { score: 0 } : this.#score(cell.weight >= CELL_WEIGHT_MIN ? cell : this.#whole, value)
    for (const sketch of [this.#whole, cell]) sketch.add(value)
    this.#count += 1
    return score
  }

  #score(sketch: QuantileSketch, value: number): SeriesScore {
    const at = (q: number, of = sketch): number => of.quantile(q) ?? 0
    const floor = SPREAD_FLOOR * (at(0.99, this.#whole) - at(0.01, this.#whole))
    const spread = Math.max((at(0.75) - at(0.25)) / IQR_OF_NORMAL, floor)
    if (!(spread > 0)) return { score: 0 }
    const score = this.#episodes.score(this.#tail.next((value - at(0.5)) / spread))
    return {
      score,
      ...(score > 0 ? { reason: { feature: 'value at this hour', seen: value, usual: [at(0.01), at(0.99)] } } : {}),
    }
  }

  #age(day: number): void {
    // A clock that steps back ages nothing.
    const days = this.#count === 0 ? 0 : Math.max(0, day - this.#day)
    this.#day = this.#count === 0 ? day : Math.max(this.#day, day)
    if (days === 0) return
    for (const sketch of [this.#whole, ...this.#cells]) sketch?.age(AGE_A_DAY ** days)
  }

  save(): SeasonalZState {
    return {
      version: 1,
      day: this.#day,
      count: this.#count,
      whole: this.#whole.save(),
      cells: this.#cells.map((cell) => cell?.save() ?? null),
      tail: this.#tail.save(),
      episodes: this.#episodes.save(),
    }
  }
}
