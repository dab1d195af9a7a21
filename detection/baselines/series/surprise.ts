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

/** Every feature in the order in which they are computed; a tail each. */
const features: readonly { readonly kind: Kind; readonly rows: number }[] = SCALES.flatMap((rows) => [
  ...(rows === 1
    ? [{ kind: 'value' as const, rows }]
    : (['lowest', 'highest', 'spread'] as const).map((kind) => ({ kind, rows }))),
  { kind: 'step' as const, rows },
  { kind: 'daily' as const, rows },
  ...(WEEKLY_SCALES.includes(rows) ? [{ kind: 'weekly' as const, rows }] : []),
])

class Surprise implements SeriesModel {
  readonly #values: Recent
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
    const sums = {
      values: summarise(this.#values),
      daily: this.#daily.next(at, value),
      weekly: this.#weekly.next(at, value),
    }
    let joined = 0
    let largest = 0
    let reason: SeriesReason | undefined
    for (const [i, feature] of features.entries()) {
      const seen = measure(feature.kind, feature.rows, sums)
      const tail = this.#tails[i]
      if (seen === undefined || !tail) continue
      const usual = tail.usual
      const decades = tail.next(seen)
      joined += decades ** 4
      if (decades <= largest) continue
      largest = decades
      reason = { feature: describe(feature), seen, usual }
    }
    const score = this.#episodes.score(joined ** 0.25)
    return { score, ...(score > 0 && reason ? { reason } : {}) }
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

  constructor(
    options: { cycleMs: number; cellMs: number; weight: number },
    state?: { readonly cells: SeasonalCellsState; readonly residuals: RecentState },
  ) {
    this.#cells = new SeasonalCells(options, state?.cells)
    this.#residuals = new Recent(LONGEST, state?.residuals)
  }

  /** @returns the mean residual by scale, where there is one; nothing for a row without a residual */
  next(at: number, value: number): ReadonlyMap<number, number> | undefined {
    const residual = this.#cells.residual(at, value)
    if (residual === undefined) return undefined
    this.#residuals.push(residual)
    const means = new Map<number, number>()
    let sum = 0
    for (let age = 0; age < Math.min(this.#residuals.count, LONGEST); age++) {
      sum += this.#residuals.at(age)
      if ((SCALES as readonly number[]).includes(age + 1)) means.set(age + 1, sum / (age + 1))
    }
    return means
  }

  save() {
    return { cells: this.#cells.save(), residuals: this.#residuals.save() }
  }
}

interface Summary {
  readonly mean: number
  readonly spread: number
  readonly lowest: number
  readonly highest: number
}

/** Mean, spread and extremes of the last rows, for each scale and its double; in one walk back, so that nothing is
 * summed up for ever and drifts. */
function summarise(values: Recent): ReadonlyMap<number, Summary> {
  const summaries = new Map<number, Summary>()
  const last = values.at(0)
  let sum = 0
  let squares = 0
  let lowest = last
  let highest = last
  for (let age = 0; age < Math.min(values.count, 2 * LONGEST); age++) {
    const value = values.at(age)
    // Differences from the last value: sums of squares of large numbers would swallow a small spread.
    const difference = value - last
    sum += difference
    squares += difference * difference
    if (value < lowest) lowest = value
    if (value > highest) highest = value
    const rows = age + 1
    if (!SUMMARISED.has(rows)) continue
    const mean = sum / rows
    summaries.set(rows, {
      mean: last + mean,
      spread: Math.sqrt(Math.max(0, squares / rows - mean * mean)),
      lowest,
      highest,
    })
  }
  return summaries
}

const SUMMARISED: ReadonlySet<number> = new Set(SCALES.flatMap((rows) => [rows, 2 * rows]))

interface Sums {
  readonly values: ReadonlyMap<number, Summary>
  readonly daily: ReadonlyMap<number, number> | undefined
  readonly weekly: ReadonlyMap<number, number> | undefined
}

function measure(kind: Kind, rows: number, { values, daily, weekly }: Sums): number | undefined {
  switch (kind) {
    case 'value':
      return values.get(rows)?.mean
    case 'step': {
      const late = values.get(rows)
      const both = values.get(2 * rows)
      // The mean of the rows before is 2 · both - late.
      return late && both ? 2 * (late.mean - both.mean) : undefined
    }
    case 'daily':
      return daily?.get(rows)
    case 'weekly':
      return weekly?.get(rows)
    default:
      return values.get(rows)?.[kind]
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
