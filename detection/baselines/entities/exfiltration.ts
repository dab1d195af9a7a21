import { isWeekend } from '../blocks/hour-cells.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { ENTITIES_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** Bytes that a host sent outside. */
export interface Sent {
  readonly at: number
  readonly host: string
  readonly bytes: number
}

const NAME = 'exfiltration'
const VERSION = 4
const DAY_MS = 86_400_000
const WEEK_DAYS = 7
/** Days that are looked back over: of working days, and of Saturdays and Sundays. */
const WORKDAYS_HELD = 20
const WEEKENDS_HELD = 8
/** Days before anything is stated: two weeks, so that each kind of day was seen more than once. */
const LEARNING_DAYS = 14
/** Bytes below which nothing is stated. */
const BYTES_MIN = 20_000_000
/** Days of a kind that must have been seen. */
const DAYS_MIN = 4
/** Deviations above the median that are stated. */
const STATED_Z = 5
/** Fewer are enough for what is four times as much as on any such day (in logarithms): hosts whose days differ much have
 * wide deviations. */
const FAR_ABOVE = 0.6
const STATED_FAR_Z = 3
/** Least spread of the logarithm: what doubles now and then is not unusual when it doubles. */
const SPREAD_MIN = 0.15
/** A deviation of a normal law, in median absolute deviations. */
const MAD_OF_NORMAL = 1.4826
/** Half of the shift to be found, the sum that is stated, and the most that one day adds: Page's
 * k = 0.5 σ, and somewhat above his h = 5 σ, for spreads of few days are small by chance. */
const SLACK = 0.5
const DRIFT_STATED = 6.5
const DRIFT_CLIP = 2
/** What the others deviate at the least for it to count: below it is noise. */
const COMMON_Z_MIN = 1
/** Days that a drift lasts at the least. */
const DRIFT_DAYS_MIN = 3
/** Hosts whose day tells what is unusual today for everybody, and those that are looked through for them. */
const PEERS_ASKED = 64
const PEERS_LOOKED_AT = 512

/** What is usual on a day of the kind that runs, in logarithms. */
interface Usual {
  readonly median: number
  readonly spread: number
  /** All days but one were below. */
  readonly high: number
  /** And of them this the most. */
  readonly highest: number
  readonly days: number
}

interface Host {
  readonly since: number
  day: number
  sum: number
  usual: Usual | null
  /** How many deviations the day before this one lay above. */
  lastZ: number | null
  /** Logarithms of the bytes of days that are over, newest last. */
  readonly workdays: number[]
  readonly weekends: number[]
  drift: number
  driftSince: number
  statedDay: number
  driftStatedDay: number
}

export interface ExfiltrationState {
  readonly latestAt: number
  readonly hosts: Saved<Host>
}

/** Data carried out. Of each host and day the logarithm of the bytes sent outside is compared with those of its last 20
 * working days (or 8 days of weekends): z = (x - median)/(1.4826 MAD), judged with every observation; what the median of the
 * 64 hosts that spoke last deviates today is taken off, so that an update or a back-up of all is nobody's. Stated from z = 5 on, more
 * than all days held but one, and 20 MB; from z = 3 on what is four times the highest of them. Slow drifts are summed up over closed days, S = max(0, S + min(z, 2) - 0.5), and stated at
 * S = 6.5. The score is z/(z+5), of a drift S/(S+6.5). While frozen no day is learned.
 * @see Iglewicz, Hoaglin: How to Detect and Handle Outliers, 1993; Page: Continuous Inspection Schemes, Biometrika 41, 1954 */
export class ExfiltrationDetector implements EntityDetector<Sent> {
  readonly #hosts: QuietestOut<Host>
  #latestAt: number

  constructor(state?: ExfiltrationState) {
    this.#hosts = mapOf(ENTITIES_MAX, state?.hosts, copy)
    this.#latestAt = state?.latestAt ?? 0
  }

  observe({ at, host: name, bytes }: Sent, frozen = false): Deviation | undefined {
    if (!isSound(at, bytes) || bytes < 0) return undefined
    const day = Math.floor(at / DAY_MS)
    this.#latestAt = Math.max(this.#latestAt, at)
    const host = this.#hosts.touch(name, this.#latestAt) ?? this.#hosts.add(name, fresh(day), this.#latestAt)
    // What comes late belongs to a day that is over; it is counted in the running one.
    const drifted = day > host.day ? this.#close(name, host, day, frozen) : undefined
    host.sum += bytes
    if (host.day - host.since < LEARNING_DAYS) return undefined
    if (drifted !== undefined) return this.#stateDrift(name, host, at, drifted)
    return this.#stateDay(name, host, at)
  }

  #stateDay(name: string, host: Host, at: number): Deviation | undefined {
    const { usual } = host
    if (!usual || host.statedDay === host.day || host.sum < BYTES_MIN) return undefined
    const own = zOf(host, usual)
    const sent = Math.log10(host.sum)
    const least = sent >= usual.highest + FAR_ABOVE ? STATED_FAR_Z : STATED_Z
    if (own < least || sent <= usual.high) return undefined
    const z = own - this.#common(name, host.day)
    if (z < least) return undefined
    host.statedDay = host.day
    return {
      ...{ detector: NAME, version: VERSION, entity: name, at },
      since: host.day * DAY_MS,
      score: z / (z + STATED_Z),
      expected: `${size(10 ** usual.median)} a day, ${size(10 ** usual.high)} on the second highest of ${usual.days} such days`,
      seen: `${size(host.sum)} so far today, ${z.toFixed(1)} deviations above`,
    }
  }

  /** What is unusual on a day, this or the one before it, for the others: the median of their z. */
  #common(name: string, day: number): number {
    const others: number[] = []
    let looked = 0
    for (const [other, host] of this.#hosts.newest()) {
      if (other === name) continue
      looked += 1
      if (looked > PEERS_LOOKED_AT || others.length >= PEERS_ASKED) break
      const z = host.day === day ? host.usual && zOf(host, host.usual) : host.day === day + 1 ? host.lastZ : null
      if (z === null) continue
      others.push(z)
    }
    const common = others.length < 3 ? 0 : median(others)
    return common < COMMON_Z_MIN ? 0 : common
  }

  /** Closes the running day, and gives the drift where it is to be stated. Silent days are no days of its kind. */
  #close(name: string, host: Host, day: number, frozen: boolean): number | undefined {
    let drifted: number | undefined
    const z = host.usual && zOf(host, host.usual)
    if (z !== null && host.day - host.since >= LEARNING_DAYS) {
      if (host.drift === 0) host.driftSince = host.day
      const own = z > SLACK ? z - this.#common(name, host.day) : z
      host.drift = Math.max(0, host.drift + Math.min(own, DRIFT_CLIP) - SLACK)
      const lasts = host.day - host.driftSince >= DRIFT_DAYS_MIN && host.day - host.driftStatedDay > WEEK_DAYS
      if (host.drift >= DRIFT_STATED && host.sum >= BYTES_MIN && lasts) {
        drifted = host.drift
        host.driftStatedDay = host.day
        host.drift = 0
      }
    }
    // The days of a drift are not learned: it would follow itself.
    if (!frozen && host.drift < DRIFT_CLIP) {
      const history = historyOf(host, host.day)
      history.push(Math.log10(host.sum + 1))
      if (history.length > (history === host.weekends ? WEEKENDS_HELD : WORKDAYS_HELD)) history.shift()
    }
    host.day = day
    host.sum = 0
    host.lastZ = z
    host.usual = usualOf(historyOf(host, day))
    return drifted
  }

  #stateDrift(name: string, host: Host, at: number, drift: number): Deviation {
    const history = host.workdays
    return {
      ...{ detector: NAME, version: VERSION, entity: name, at },
      since: host.driftSince * DAY_MS,
      score: drift / (drift + DRIFT_STATED),
      expected: `${size(10 ** median(history))} a working day, now more and now less`,
      seen: `more than that on nearly every day since: together ${drift.toFixed(1)} deviations too much`,
    }
  }

  learning(name: string): LearningState {
    const host = this.#hosts.peek(name)
    if (!host) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, (host.day - host.since) / LEARNING_DAYS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#hosts.keys()
  }

  save(): Savable {
    return { rest: { latestAt: this.#latestAt }, tables: { hosts: tableOf(this.#hosts, copy) } }
  }
}

/** How many deviations the running day lies above its kind. */
const zOf = (host: Host, usual: Usual): number => (Math.log10(host.sum + 1) - usual.median) / usual.spread

/** Of a kind of day; null while too few such were seen. */
function usualOf(history: readonly number[]): Usual | null {
  if (history.length < DAYS_MIN) return null
  const sorted = Float64Array.from(history).sort()
  const middle = sorted[sorted.length >>> 1] ?? 0
  const high = sorted.at(-2) ?? middle
  const highest = sorted.at(-1) ?? middle
  for (let i = 0; i < sorted.length; i++) sorted[i] = Math.abs((sorted[i] ?? 0) - middle)
  const spread = MAD_OF_NORMAL * (sorted.sort()[sorted.length >>> 1] ?? 0)
  return { median: middle, spread: Math.max(spread, SPREAD_MIN), high, highest, days: history.length }
}

const historyOf = (host: Host, day: number): number[] => (isWeekend(day) ? host.weekends : host.workdays)

function median(numbers: readonly number[]): number {
  return Float64Array.from(numbers).sort()[numbers.length >>> 1] ?? 0
}

const size = (bytes: number): string =>
  bytes < 1e6
    ? `${Math.round(bytes / 1e3)} kB`
    : bytes < 1e9
      ? `${Math.round(bytes / 1e6)} MB`
      : `${(bytes / 1e9).toFixed(1)} GB`

const copy = (host: Host): Host => ({ ...host, workdays: [...host.workdays], weekends: [...host.weekends] })

const fresh = (day: number): Host => ({
  ...{
    since: day,
    day,
    sum: 0,
    usual: null,
    lastZ: null,
    drift: 0,
    driftSince: day,
    statedDay: -1,
    driftStatedDay: -1_000,
  },
  workdays: [],
  weekends: [],
})
