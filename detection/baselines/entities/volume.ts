import { HOUR_CELLS, hourCell } from '../blocks/hour-cells.ts'
import { pack, unpack } from '../blocks/packed.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { ENTITIES_MAX, SILENT_HOURS_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

export interface Amount {
  readonly at: number
  readonly entity: string
  /** Bytes, events, failures: what is summed up by the hour. Not negative. */
  readonly amount: number
}

const NAME = 'volume'
const VERSION = 3
const HOUR_MS = 3_600_000
/** Hours an entity is watched before anything is stated: a week, so that every kind of day was seen. */
const LEARNING_HOURS = 7 * 24
/** What share of a cell's mean and deviation the latest hour makes up. */
const WEIGHT = 0.2
/** Deviations above the mean that are stated; also what an hour is clipped to when it is learned, so that an attack does
 * not become normal. */
const STATED_Z = 6
const LEARNED_Z = 3
/** The deviation is at least this share of the cell's mean, and of the mean of all hours. */
const DEVIATION_FLOOR = 0.25

interface Watched {
  readonly since: number
  hour: number
  sum: number
  statedHour: number
  /** Since which hour each hour was stated. */
  runSince: number
  /** Of each hour's cell its mean, deviation and visits, in a row: so they lie together. */
  readonly cells: Float64Array
  mean: number
}

/** Its cells packed. */
type Packed = Omit<Watched, 'cells'> & { cells: string }

export interface VolumeState {
  readonly latestAt: number
  readonly entities: Saved<Packed>
}

/** How much an entity does in an hour, against the same hour of working days or weekends (48 cells, UTC): mean and mean
 * absolute deviation, exponentially weighted, residuals clipped at 3 deviations when learned. The running hour is judged
 * with every observation: above the mean by 6 deviations it is stated, once. The score is z/(z+6). State: 150 numbers an
 * entity.   @see Winters 1960 (exponential seasonals); Gelper, Fried, Croux: Robust Forecasting with Exponential and
 * Holt–Winters Smoothing, 2010 (clipping) */
export class VolumeDetector implements EntityDetector<Amount> {
  readonly #entities: QuietestOut<Watched>
  #latestAt: number

  constructor(state?: VolumeState) {
    this.#entities = mapOf(ENTITIES_MAX, state?.entities, load)
    this.#latestAt = state?.latestAt ?? 0
  }

  observe({ at, entity, amount }: Amount, frozen = false): Deviation | undefined {
    if (!isSound(at, amount) || amount < 0) return undefined
    const hour = Math.floor(at / HOUR_MS)
    this.#latestAt = Math.max(this.#latestAt, at)
    const now = this.#latestAt
    const watched = this.#entities.touch(entity, now) ?? this.#entities.add(entity, fresh(hour), now)
    // What comes late belongs to an hour that is over; it is counted in the running one.
    if (hour > watched.hour) advance(watched, hour, frozen)
    watched.sum += amount
    const learning = watched.hour - watched.since < LEARNING_HOURS
    if (learning || watched.statedHour === watched.hour) return undefined
    const { mean, deviation } = usual(watched, watched.hour)
    const z = (watched.sum - mean) / deviation
    if (z < STATED_Z) return undefined
    if (watched.statedHour !== watched.hour - 1) watched.runSince = watched.hour
    watched.statedHour = watched.hour
    return {
      detector: NAME,
      version: VERSION,
      entity,
      at,
      since: watched.runSince * HOUR_MS,
      score: z / (z + STATED_Z),
      expected: `${round(Math.max(0, mean - 2 * deviation))} to ${round(mean + 2 * deviation)} in this hour of the week`,
      seen: `${round(watched.sum)} so far in this hour, ${z.toFixed(1)} deviations above`,
    }
  }

  learning(entity: string): LearningState {
    const watched = this.#entities.peek(entity)
    if (!watched) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, (watched.hour - watched.since) / LEARNING_HOURS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#entities.keys()
  }

  save(): Savable {
    return { rest: { latestAt: this.#latestAt }, tables: { entities: tableOf(this.#entities, store) } }
  }
}

const round = (amount: number): string => Math.round(amount).toLocaleString('en')

const load = (watched: Packed): Watched => ({ ...watched, cells: unpack(watched.cells) })

const store = (watched: Watched): Packed => ({ ...watched, cells: pack(watched.cells) })

/** Numbers of a cell, and where each stands. */
const CELL = 3
const DEVIATION = 1
const VISITS = 2

const fresh = (hour: number): Watched => ({
  ...{ since: hour, hour, sum: 0, statedHour: -1, runSince: -1 },
  cells: new Float64Array(CELL * HOUR_CELLS),
  mean: 0,
})

/** Closes the running hour and the silent ones after it. */
function advance(watched: Watched, hour: number, frozen: boolean): void {
  if (!frozen) {
    const silent = Math.min(hour - watched.hour - 1, SILENT_HOURS_MAX)
    const lasted = Math.min(watched.hour - watched.since + 1, LEARNING_HOURS)
    learn(watched, watched.hour, watched.sum, lasted)
    for (let back = silent; back > 0; back--) learn(watched, hour - back, 0, lasted)
  }
  watched.hour = hour
  watched.sum = 0
}

function learn(watched: Watched, hour: number, sum: number, lasted: number): void {
  const { cells } = watched
  const place = CELL * hourCell(hour)
  const mean = cells[place] ?? 0
  const deviation = cells[place + DEVIATION] ?? 0
  const visits = cells[place + VISITS] ?? 0
  // A first visit has nothing to be clipped against.
  const learned = visits === 0 ? sum : Math.min(sum, mean + LEARNED_Z * atLeast(deviation, mean, watched.mean))
  const weight = Math.max(WEIGHT, 1 / (visits + 1))
  const residual = visits === 0 ? 0 : Math.abs(learned - mean)
  cells[place] = mean + weight * (learned - mean)
  cells[place + DEVIATION] = deviation + weight * (residual - deviation)
  cells[place + VISITS] = visits + 1
  watched.mean += (learned - watched.mean) / lasted
}

function usual({ cells, mean: overall }: Watched, hour: number): { mean: number; deviation: number } {
  const place = CELL * hourCell(hour)
  const mean = (cells[place + VISITS] ?? 0) > 0 ? (cells[place] ?? 0) : overall
  return { mean, deviation: atLeast(cells[place + DEVIATION] ?? 0, mean, overall) }
}

/** Counts scatter by their square root at least (Poisson). */
const atLeast = (deviation: number, mean: number, overall: number): number =>
  Math.max(deviation, DEVIATION_FLOOR * mean, DEVIATION_FLOOR * overall, Math.sqrt(mean) + 1)
