import { HOUR_CELLS, hourCell } from '../blocks/hour-cells.ts'
import { pack, unpack } from '../blocks/packed.ts'
import { QuietestOut } from '../blocks/quietest-out.ts'
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
const VERSION = 2
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
  readonly means: number[]
  readonly deviations: number[]
  readonly visits: number[]
  mean: number
}

/** Its cells packed. */
type Packed = Omit<Watched, 'means' | 'deviations' | 'visits'> & { cells: readonly [string, string, string] }

export interface VolumeState {
  readonly version: 2
  readonly entities: readonly (readonly [string, Packed])[]
}

/** How much an entity does in an hour, against the same hour of working days or weekends (48 cells, UTC): mean and mean
 * absolute deviation, exponentially weighted, residuals clipped at 3 deviations when learned. The running hour is judged
 * with every observation: above the mean by 6 deviations it is stated, once. The score is z/(z+6). State: 150 numbers an
 * entity.   @see Winters 1960 (exponential seasonals); Gelper, Fried, Croux: Robust Forecasting with Exponential and
 * Holt–Winters Smoothing, 2010 (clipping) */
export class VolumeDetector implements EntityDetector<Amount> {
  readonly #entities: QuietestOut<Watched>

  constructor(state?: VolumeState) {
    this.#entities = new QuietestOut(
      ENTITIES_MAX,
      (state?.entities ?? []).map(([entity, watched]) => [entity, load(watched)]),
    )
  }

  observe({ at, entity, amount }: Amount, frozen = false): Deviation | undefined {
    if (!isSound(at, amount) || amount < 0) return undefined
    const hour = Math.floor(at / HOUR_MS)
    const watched = this.#entities.use(entity, () => fresh(hour))
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

  save(): VolumeState {
    return { version: 2, entities: [...this.#entities.entries()].map(([entity, watched]) => [entity, store(watched)]) }
  }
}

const round = (amount: number): string => Math.round(amount).toLocaleString('en')

const load = ({ cells, ...watched }: Packed): Watched => ({
  ...watched,
  means: unpack(cells[0]),
  deviations: unpack(cells[1]),
  visits: unpack(cells[2]),
})

const store = ({ means, deviations, visits, ...watched }: Watched): Packed => ({
  ...watched,
  cells: [pack(means), pack(deviations), pack(visits)],
})

const fresh = (hour: number): Watched => ({
  since: hour,
  hour,
  sum: 0,
  statedHour: -1,
  runSince: -1,
  means: new Array<number>(HOUR_CELLS).fill(0),
  deviations: new Array<number>(HOUR_CELLS).fill(0),
  visits: new Array<number>(HOUR_CELLS).fill(0),
  mean: 0,
})

/** Closes the running hour and the silent ones after it. */
function advance(watched: Watched, hour: number, frozen: boolean): void {
  if (!frozen) {
    const silent = Math.min(hour - watched.hour - 1, SILENT_HOURS_MAX)
    learn(watched, watched.hour, watched.sum)
    for (let back = silent; back > 0; back--) learn(watched, hour - back, 0)
  }
  watched.hour = hour
  watched.sum = 0
}

function learn(watched: Watched, hour: number, sum: number): void {
  const cell = hourCell(hour)
  const visits = watched.visits[cell] ?? 0
  const { mean, deviation } = usual(watched, hour)
  // A first visit has nothing to be clipped against.
  const learned = visits === 0 ? sum : Math.min(sum, mean + LEARNED_Z * deviation)
  const weight = Math.max(WEIGHT, 1 / (visits + 1))
  const residual = Math.abs(learned - (visits === 0 ? learned : mean))
  watched.means[cell] = (watched.means[cell] ?? 0) + weight * (learned - (watched.means[cell] ?? 0))
  watched.deviations[cell] = (watched.deviations[cell] ?? 0) + weight * (residual - (watched.deviations[cell] ?? 0))
  watched.visits[cell] = visits + 1
  watched.mean += (learned - watched.mean) / Math.min(watched.hour - watched.since + 1, LEARNING_HOURS)
}

function usual(watched: Watched, hour: number): { mean: number; deviation: number } {
  const cell = hourCell(hour)
  const seen = (watched.visits[cell] ?? 0) > 0
  const mean = seen ? (watched.means[cell] ?? 0) : watched.mean
  // Counts scatter by their square root at least (Poisson).
  const floor = Math.max(DEVIATION_FLOOR * mean, DEVIATION_FLOOR * watched.mean, Math.sqrt(mean) + 1)
  return { mean, deviation: Math.max(watched.deviations[cell] ?? 0, floor) }
}
