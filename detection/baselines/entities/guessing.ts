import { CountMin, type CountMinState } from '../blocks/count-min.ts'
import { Distinct, type DistinctState } from '../blocks/distinct.ts'
import { KeyedHash } from '../blocks/keyed-hash.ts'
import { poissonDecades } from '../blocks/poisson.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { UsualCount, type UsualCountState } from '../blocks/usual-count.ts'
import { GUESSED_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** Somebody tried to come in. */
export interface Attempt {
  readonly at: number
  readonly user: string
  /** An address. */
  readonly source: string
  /** Whose it is: an autonomous system, or a block of addresses. */
  readonly network: string
  readonly succeeded: boolean
}

const VERSION = 2
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Since the first attempt of all, before anything is stated. */
const LEARNING_MS = 7 * DAY_MS
/** Surprise, in decades, that is stated. */
const STATED_DECADES = 3
/** How often a pair came in that makes it each other's own. */
const OWN_MIN = 2
/** Everybody together, as a name no address and no network has. */
const EVERYBODY = '(all sources)'

/** A window that slides by half of itself: what is counted in it covers between a half and the whole. */
interface Window {
  slice: number
  since: number
  current: Distinct
  before: Distinct
  beforeSince: number
  failures: number
  failuresBefore: number
  readonly usual: UsualCount
  statedAt: number | null
}

interface WindowState {
  readonly slice: number
  readonly since: number
  readonly current: DistinctState
  readonly before: DistinctState
  readonly beforeSince: number
  readonly failures: number
  readonly failuresBefore: number
  readonly usual: UsualCountState
  readonly statedAt: number | null
}

export interface GuessingState {
  readonly startedAt: number | null
  readonly latestAt: number
  readonly windows: Saved<WindowState>
  readonly own: CountMinState
}

/** Which side is counted for which. */
interface Kind {
  readonly name: string
  /** Half of the window that slides. */
  readonly sliceMs: number
  /** Counted at the least, however unusual. */
  readonly countMin: number
  /** What is usual where little is known. */
  readonly usualFloor: number
  /** Failures for each that is counted, at the most: more is no slow guessing but a loud one. */
  readonly failuresEachMax: number
  /** The entities of an attempt, and what is counted for each. */
  of(attempt: Attempt): readonly (readonly [entity: string, counted: string])[]
  say(
    count: number,
    failures: number,
    hours: number,
  ): { readonly expected: (bound: number) => string; readonly seen: string }
}

/** Slow and distributed guessing: how many sources fail for one user within a day, against what is usual for that user.
 * Sources are counted by `Distinct` (HyperLogLog under a secret key) over two slices of 12 hours; k of them are stated when
 * Poisson's tail around the usual is below 10⁻³, k ≥ 6; users with no history count as having one. Attempts from networks that
 * the user came in from before (`CountMin`) are the user's own mistakes. Once stated, a success from a counted source is
 * stated with score 0.99. Otherwise the score is s/(s+3) of the decades s.
 * @see Javed, Paxson: Detecting Stealthy, Distributed SSH Brute-Forcing, CCS 2013; blocks/distinct.ts, usual-count.ts */
export const distributedGuessing: Kind = {
  name: 'distributed-guessing',
  sliceMs: 12 * HOUR_MS,
  countMin: 6,
  usualFloor: 0.5,
  failuresEachMax: 20,
  of: ({ user, source }) => [[user, source]],
  say: (count, failures, hours) => ({
    expected: (bound) => `failures from at most ${bound} places in a day`,
    seen: `${failures} failures from ${count} places within ${hours} hours`,
  }),
}

/** Password spraying: how many users one source (an address, a network, or all together) fails for within a day, few times
 * each, against what is usual for that source: Poisson's tail below 10⁻³, 10 users at least. Users that came in from the
 * same network before do not count: they mistyped. Counting, windows and scores are those of `distributedGuessing`; success
 * of a counted user afterwards is stated with score 0.99.   @see entities/guessing.ts, distributedGuessing */
export const passwordSpray: Kind = {
  name: 'password-spray',
  sliceMs: 12 * HOUR_MS,
  countMin: 10,
  usualFloor: 1,
  failuresEachMax: 3,
  of: ({ user, source, network }) => [
    [source, user],
    ...(network === source ? [] : [[network, user] as const]),
    [EVERYBODY, user],
  ],
  say: (count, failures, hours) => ({
    expected: (bound) => `failures of at most ${bound} users in a day that never came in from there`,
    seen: `${failures} failures of ${count} users within ${hours} hours, few each`,
  }),
}

/** Counts who fails against whom over long windows.   @see distributedGuessing, passwordSpray */
export class GuessingDetector implements EntityDetector<Attempt> {
  readonly #kind: Kind
  readonly #hash: KeyedHash
  readonly #windows: QuietestOut<Window>
  /** Pairs of user and network that came in. */
  readonly #own: CountMin
  #startedAt: number | null
  #latestAt: number

  /** @param key secret, and the same after a load */
  constructor(kind: Kind, key: Uint8Array, state?: GuessingState) {
    this.#kind = kind
    this.#hash = new KeyedHash(key)
    this.#windows = mapOf(GUESSED_MAX, state?.windows, load)
    this.#own = new CountMin(state?.own)
    this.#startedAt = state?.startedAt ?? null
    this.#latestAt = state?.latestAt ?? 0
  }

  observe(attempt: Attempt): Deviation | undefined {
    const { at, user, network, succeeded } = attempt
    if (!isSound(at)) return undefined
    this.#startedAt = Math.min(this.#startedAt ?? at, at)
    this.#latestAt = Math.max(this.#latestAt, at)
    const pair = this.#hash.wide(`${user} ${network}`)
    const isOwn = this.#own.count(pair) >= OWN_MIN
    if (succeeded) {
      this.#own.add(pair)
      return isOwn ? undefined : this.#cameIn(attempt)
    }
    if (isOwn) return undefined
    let highest: Deviation | undefined
    for (const [entity, counted] of this.#kind.of(attempt)) {
      const stated = this.#count(entity, counted, at)
      if (stated && stated.score > (highest?.score ?? 0)) highest = stated
    }
    return highest
  }

  #count(entity: string, counted: string, at: number): Deviation | undefined {
    const { countMin, usualFloor, failuresEachMax, say, sliceMs } = this.#kind
    const now = this.#latestAt
    const window =
      this.#windows.touch(entity, now) ?? this.#windows.add(entity, fresh(Math.floor(at / sliceMs), at), now)
    this.#slide(window, at)
    window.current.add(this.#hash.wide(counted))
    window.failures += 1
    if (at - (this.#startedAt ?? at) < LEARNING_MS) return undefined
    if (window.statedAt !== null && at - window.statedAt < DAY_MS) return undefined
    const most = window.current.count + window.before.count
    if (most < countMin) return undefined
    const count = window.current.countWith(window.before)
    const failures = window.failures + window.failuresBefore
    if (count < countMin || failures > failuresEachMax * count) return undefined
    // Two slices hold twice of what one does.
    const bound = 2 * window.usual.bound(usualFloor)
    const decades = poissonDecades(count, bound)
    if (decades < STATED_DECADES) return undefined
    window.statedAt = at
    const since = window.failuresBefore > 0 ? window.beforeSince : window.since
    const words = say(count, failures, Math.ceil((at - since) / HOUR_MS))
    return {
      ...{ detector: this.#kind.name, version: VERSION, entity, at, since },
      score: decades / (decades + STATED_DECADES),
      expected: words.expected(Math.ceil(bound)),
      seen: words.seen,
    }
  }

  /** A success of somebody, or from somewhere, that was counted in what was stated. */
  #cameIn(attempt: Attempt): Deviation | undefined {
    for (const [entity, counted] of this.#kind.of(attempt)) {
      const window = this.#windows.peek(entity)
      if (!window || window.statedAt === null || attempt.at - window.statedAt > DAY_MS) continue
      const hash = this.#hash.wide(counted)
      if (!window.current.has(hash) && !window.before.has(hash)) continue
      return {
        ...{ detector: this.#kind.name, version: VERSION, entity, at: attempt.at, since: window.since },
        score: 0.99,
        expected: 'nobody to come in after so many failures',
        seen: `${attempt.user} came in from ${attempt.source} after it`,
      }
    }
    return undefined
  }

  #slide(window: Window, at: number): void {
    const slice = Math.floor(at / this.#kind.sliceMs)
    if (slice <= window.slice) return
    window.usual.learn(window.current.count)
    for (let empty = Math.min(slice - window.slice - 1, 14); empty > 0; empty--) window.usual.learn(0)
    const isNext = slice === window.slice + 1
    Object.assign(window, {
      slice,
      before: isNext ? window.current : new Distinct(),
      beforeSince: isNext ? window.since : at,
      failuresBefore: isNext ? window.failures : 0,
      current: new Distinct(),
      since: at,
      failures: 0,
    })
  }

  learning(entity: string): LearningState {
    if (!this.#windows.peek(entity)) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, Math.max(0, this.#latestAt - (this.#startedAt ?? this.#latestAt)) / LEARNING_MS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#windows.keys()
  }

  save(): Savable {
    return {
      rest: { startedAt: this.#startedAt, latestAt: this.#latestAt, own: this.#own.save() },
      tables: { windows: tableOf(this.#windows, store) },
    }
  }
}

const fresh = (slice: number, at: number): Window => ({
  ...{ slice, since: at, beforeSince: at, failures: 0, failuresBefore: 0, statedAt: null },
  current: new Distinct(),
  before: new Distinct(),
  usual: new UsualCount(),
})

const load = (state: WindowState): Window => ({
  ...state,
  current: new Distinct(state.current),
  before: new Distinct(state.before),
  usual: new UsualCount(state.usual),
})

const store = (window: Window): WindowState => ({
  ...window,
  current: window.current.save(),
  before: window.before.save(),
  usual: window.usual.save(),
})
