import { Episodes, type EpisodesState } from '../blocks/episodes.ts'
import { Recent, type RecentState } from '../blocks/recent.ts'
import { SeasonalCells, type SeasonalCellsState } from '../blocks/seasonal-cells.ts'
import { Tail, type TailState } from '../blocks/tail.ts'
import { baselineError } from '../errors.ts'
import type { SeriesModel, SeriesModelKind, SeriesReason, SeriesScore } from '../types.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Rows that a feature looks back over: the row itself, some, and a ladder that doubles. */
const SCALES = [1, 6, 24, 48, 96] as const
/** Weekly cells are visited rarely: only over longer stretches do their residuals say more than the daily ones. */
const WEEKLY_SCALES: readonly number[] = [48, 96]
const LONGEST = SCALES[SCALES.length - 1] ?? 1
interface SurpriseState {
  readonly version: 1
  readonly values: RecentState
  readonly daily: { readonly cells: SeasonalCellsState; readonly residuals: RecentState }
  readonly weekly: { readonly cells: SeasonalCellsState; readonly residuals: RecentState }
  readonly tails: readonly TailState[]
  readonly episodes: EpisodesState
}

/** Multi-scale extreme-value surprise, the default. Of the last 1, 6, 24, 48 and 96 rows it takes plain features: the
 * value, the step (mean against the mean of as many rows before), the lowest and the highest (a level that lasts), the
 * spread (standard deviation), and the mean difference from what is usual at this time of the day and of the week. The
 * surprise at each feature is the tail probability of `Tail` in decades; they are joined by their power mean
 * (Σ s⁴)^¼, which is close to the largest but lets several agree. `Episodes` makes it a score and tells an
 * episode once. State: 192 values, 2 × 96 residuals, 48 + 168 cells, 26 tails of at most 20 numbers: some 10 kB.
 * @see blocks/tail.ts for the extreme value theory; docs/decisions/0008-anomaly-score.md for the measurements */
export const surprise: SeriesModelKind = {
  name: 'surprise',
  version: 1,
  summary: 'extreme-value surprise at levels, steps, spreads and seasonal residuals over five scales',
  create: () => new Surprise(),
  restore(state): SeriesModel {
    const known = state as Partial<SurpriseState> | null
    if (known?.version !== 1 || known.tails?.length !== features.length)
      throw baselineError(
        'detection.baseline.stateUnreadable',
        'the state is not one of the model `surprise`, version 1',
      )
    return new Surprise(known as SurpriseState)
  },
}

type Kind = 'value' | 'step' | 'lowest' | 'highest' | 'spread' | 'daily' | 'weekly'

interface Feature {
  readonly kind: Kind
  readonly rows: number
}

/** Every feature in the order in which they are computed; a tail each. */
const features: readonly Feature[] = SCALES.flatMap((rows): Feature[] => [
  ...(rows === 1
    ? [{ kind: 'value' as const, rows }]
    : (['lowest', 'highest', 'spread'] as const).map((kind) => ({ kind, rows }))),
  { kind: 'step', rows },
  { kind: 'daily', rows },
  ...(WEEKLY_SCALES.includes(rows) ? [{ kind: 'weekly' as const, rows }] : []),
])

class Surprise implements SeriesModel {
  readonly #values: Recent
  readonly #summary = new Summary()
  readonly #daily: Seasonal
  readonly #weekly: Seasonal
  readonly #tails: readonly Tail[]
  readonly #episodes: Episodes

  constructor(state?: SurpriseState) {
    this.#values = new Recent(2 * LONGEST, state?.values)
    this.#daily = new Seasonal({ cycleMs: DAY_MS, cellMs: HOUR_MS / 2, weight: 0.2 }, state?.daily)
    this.#weekly = new Seasonal({ cycleMs: 7 * DAY_MS, cellMs: HOUR_MS, weight: 0.3 }, state?.weekly)
    this.#tails = features.map((_, i) => new Tail(state?.tails[i]))
    this.#episodes = new Episodes(state?.episodes)
  }

  get learning(): boolean {
    return this.#tails[0]?.learning ?? true
  }

  next(at: number, value: number): SeriesScore {
    this.#values.push(value)
    this.#summary.take(this.#values)
    const isDaily = this.#daily.next(at, value)
    const isWeekly = this.#weekly.next(at, value)
    let joined = 0
    let largest = 0
    let reason: SeriesReason | undefined
    for (let i = 0; i < features.length; i++) {
      const feature = features[i]
      const tail = this.#tails[i]
      if (!feature || !tail) continue
      if ((feature.kind === 'daily' && !isDaily) || (feature.kind === 'weekly' && !isWeekly)) continue
      const seen = this.#measure(feature)
      if (seen === undefined) continue
      const decades = tail.surprise(seen)
      if (decades > largest) {
        largest = decades
        reason = { feature: describe(feature), seen, usual: tail.usual }
      }
      if (decades > 0) joined += decades ** 4
      tail.add(seen)
    }
    const score = this.#episodes.score(joined ** 0.25)
    return { score, ...(score > 0 && reason ? { reason } : {}) }
  }

  #measure({ kind, rows }: Feature): number | undefined {
    switch (kind) {
      case 'value':
        return this.#summary.mean(rows)
      case 'step': {
        const late = this.#summary.mean(rows)
        const both = this.#summary.mean(2 * rows)
        // The mean of the rows before is 2 · both - late.
        return late === undefined || both === undefined ? undefined : 2 * (late - both)
      }
      case 'daily':
        return this.#daily.mean(rows)
      case 'weekly':
        return this.#weekly.mean(rows)
      default:
        return this.#summary[kind](rows)
    }
  }

  save(): SurpriseState {
    return {
      version: 1,
      values: this.#values.save(),
      daily: this.#daily.save(),
      weekly: this.#weekly.save(),
      tails: this.#tails.map((tail) => tail.save()),
      episodes: this.#episodes.save(),
    }
  }
}

/** The latest residuals from seasonal cells. */
class Seasonal {
  readonly #cells: SeasonalCells
  readonly #residuals: Recent
  /** By scale. */
  readonly #means = new Float64Array(LONGEST + 1)

  constructor(
    options: { cycleMs: number; cellMs: number; weight: number },
    state?: { readonly cells: SeasonalCellsState; readonly residuals: RecentState },
  ) {
    this.#cells = new SeasonalCells(options, state?.cells)
    this.#residuals = new Recent(LONGEST, state?.residuals)
  }

  /** @returns whether there is something usual to compare with */
  next(at: number, value: number): boolean {
    const residual = this.#cells.residual(at, value)
    if (residual === undefined) return false
    this.#residuals.push(residual)
    const held = Math.min(this.#residuals.count, LONGEST)
    let sum = 0
    for (let age = 0; age < held; age++) {
      sum += this.#residuals.at(age)
      this.#means[age + 1] = sum / (age + 1)
    }
    return true
  }

  /** The mean of the last residuals; undefined where there are fewer. */
  mean(rows: number): number | undefined {
    return rows <= this.#residuals.count ? this.#means[rows] : undefined
  }

  save() {
    return { cells: this.#cells.save(), residuals: this.#residuals.save() }
  }
}

/** Mean, spread and extremes of the last rows of any number, in one walk back, so that nothing is summed up for ever and
 * drifts. */
class Summary {
  #count = 0
  #last = 0
  readonly #sums = new Float64Array(2 * LONGEST + 1)
  readonly #squares = new Float64Array(2 * LONGEST + 1)
  readonly #lowest = new Float64Array(2 * LONGEST + 1)
  readonly #highest = new Float64Array(2 * LONGEST + 1)

  take(values: Recent): void {
    this.#count = Math.min(values.count, 2 * LONGEST)
    this.#last = values.at(0)
    let sum = 0
    let squares = 0
    let lowest = this.#last
    let highest = this.#last
    for (let rows = 1; rows <= this.#count; rows++) {
      const value = values.at(rows - 1)
      // Differences from the last value: sums of squares of large numbers would swallow a small spread.
      const difference = value - this.#last
      sum += difference
      squares += difference * difference
      if (value < lowest) lowest = value
      if (value > highest) highest = value
      this.#sums[rows] = sum
      this.#squares[rows] = squares
      this.#lowest[rows] = lowest
      this.#highest[rows] = highest
    }
  }

  mean(rows: number): number | undefined {
    return rows <= this.#count ? this.#last + (this.#sums[rows] ?? 0) / rows : undefined
  }

  spread(rows: number): number | undefined {
    if (rows > this.#count) return undefined
    const mean = (this.#sums[rows] ?? 0) / rows
    return Math.sqrt(Math.max(0, (this.#squares[rows] ?? 0) / rows - mean * mean))
  }

  lowest(rows: number): number | undefined {
    return rows <= this.#count ? this.#lowest[rows] : undefined
  }

  highest(rows: number): number | undefined {
    return rows <= this.#count ? this.#highest[rows] : undefined
  }
}

function describe({ kind, rows }: { readonly kind: Kind; readonly rows: number }): string {
  const stretch = rows === 1 ? 'this row' : `the last ${rows} rows`
  switch (kind) {
    case 'value':
      return 'value'
    case 'step':
      return rows === 1 ? 'step from the row before' : `step of the mean of ${stretch}`
    case 'daily':
      return `difference of ${stretch} from what is usual at this time of the day`
    case 'weekly':
      return `difference of ${stretch} from what is usual at this time of the week`
    default:
      return `${kind} of ${stretch}`
  }
}
