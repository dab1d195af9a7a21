import { addFew } from '../blocks/few.ts'
import { pack, unpack } from '../blocks/packed.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { shortKey } from '../blocks/short-key.ts'
import { ENTITIES_MAX, PAIRS_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

export interface Connection {
  readonly at: number
  readonly source: string
  /** Address and port, or a name. */
  readonly destination: string
  readonly bytesOut: number
}

const NAME = 'beacon'
const VERSION = 6
/** Connections of a pair that are looked back over. */
const HELD = 128
/** Connections from which on a pair is judged, and every how many. */
const JUDGED_MIN = 24
const JUDGED_EVERY = 8
/** Connections from which on a pair has a rank at all. */
const RANKED_MIN = 4
/** The stretch a judgement rests on, at the least: a page that loads is no beacon. */
const SPAN_MS_MIN = 120_000
const BINS = 12
const STATED_MIN = 0.7
/** How long the first day of all is. Regular pairs of then are the mail and time programs of the place. */
const LEARNING_MS = 24 * 3_600_000
/** Hours until a pair is stated again. */
const AGAIN_MS = 24 * 3_600_000
/** Sources from which on prevalence says something, and the share of them that makes a destination ordinary. */
const SOURCES_MIN = 10
const PREVALENT_SHARE = 0.5
const SOURCES_COUNTED = 64

interface Pair {
  /** Of the last connections, time and bytes in turn, in no order: of so many, the newest stands where the oldest stood. */
  readonly recent: number[]
  count: number
  readonly since: number
  statedAt: number | null
}

export interface BeaconState {
  readonly startedAt: number | null
  readonly latestAt: number
  /** What is recent packed. */
  readonly pairs: Saved<Omit<Pair, 'recent'> & { recent: string }>
  readonly sources: readonly string[]
  readonly destinations: Saved<readonly string[]>
}

/** Calls home. Of the last 128 connections of a source to a destination, three things each from 0 to 1 make the score:
 * how regular the intervals are (mean of 1 - |Bowley skewness| and 1 - MAD/median), how alike the sizes are (the same),
 * and how steady the pair is (1 - coefficient of variation of the counts in 12 equal parts of the span). Jitter spreads
 * intervals but leaves sizes and steadiness; people's traffic comes in bursts of many sizes. Destinations that half of
 * all sources use are ordinary and never stated. A mail program that polls is a beacon in all but intent, and most of them
 * are there from the beginning: pairs first met in the first day of all are stated as standing, to be looked through once
 * and not told.
 * @see Hu et al.: BAYWATCH, DSN 2016 (periodicity under jitter); Bowley 1920 (quartile skewness) */
export class BeaconDetector implements EntityDetector<Connection> {
  readonly #pairs: QuietestOut<Pair>
  readonly #sources: Set<string>
  /** Up to 64 sources of each destination: more make no difference. */
  readonly #destinations: QuietestOut<string[]>

  #startedAt: number | null
  #latestAt: number

  constructor(state?: BeaconState) {
    this.#startedAt = state?.startedAt ?? null
    this.#latestAt = state?.latestAt ?? 0
    this.#pairs = mapOf(PAIRS_MAX, state?.pairs, (pair) => ({ ...pair, recent: [...unpack(pair.recent)] }))
    this.#sources = new Set(state?.sources)
    this.#destinations = mapOf(ENTITIES_MAX, state?.destinations, (sources) => [...sources])
  }

  observe({ at, source, destination, bytesOut }: Connection): Deviation | undefined {
    if (!isSound(at, bytesOut)) return undefined
    this.#startedAt = Math.min(this.#startedAt ?? at, at)
    this.#latestAt = Math.max(this.#latestAt, at)
    const callers = this.#destinations.use(destination, nobody, this.#latestAt)
    const entity = `${source} ${destination}`
    const pair = this.#pairs.touch(entity, this.#latestAt)
    if (!pair) {
      this.#meet(source, callers)
      this.#pairs.add(entity, fresh(at, bytesOut), this.#latestAt)
      return undefined
    }
    const place = 2 * (pair.count % HELD)
    pair.recent[place] = at
    pair.recent[place + 1] = bytesOut
    pair.count += 1
    if (pair.count < JUDGED_MIN || pair.count % JUDGED_EVERY !== 0) return undefined
    if (pair.statedAt !== null && at - pair.statedAt < AGAIN_MS) return undefined
    if (this.#isPrevalent(callers)) return undefined
    const judged = judge(pair)
    if (!judged || judged.score < STATED_MIN) return undefined
    const isStanding = pair.since - this.#startedAt < LEARNING_MS
    // Of those that stand, once is enough.
    if (isStanding && pair.statedAt !== null) return undefined
    pair.statedAt = at
    return {
      ...(isStanding ? { standing: true as const } : {}),
      detector: NAME,
      version: VERSION,
      entity,
      at,
      since: judged.since,
      score: judged.score,
      expected: 'bursts at irregular times and of various sizes, as people make them',
      seen: `${judged.count} connections, one each ${(judged.periodMs / 1000).toFixed(1)} s (intervals regular to ${percent(judged.intervals)}), ${judged.bytes} bytes each (alike to ${percent(judged.sizes)}), steady to ${percent(judged.steadiness)}`,
    }
  }

  /** All pairs that can be judged, the likeliest beacons first, whatever is stated of them. */
  ranked(): readonly { readonly entity: string; readonly score: number }[] {
    return [...this.#pairs.entries()]
      .flatMap(([entity, pair]) => {
        const judged = pair.count >= RANKED_MIN ? judge(pair) : undefined
        return judged ? [{ entity, score: judged.score }] : []
      })
      .sort((a, b) => b.score - a.score)
  }

  learning(entity: string): LearningState {
    const pair = this.#pairs.peek(entity)
    if (!pair) return { state: 'unknown', progress: 0 }
    return { state: pair.count < JUDGED_MIN ? 'learning' : 'active', progress: Math.min(1, pair.count / JUDGED_MIN) }
  }

  #meet(source: string, callers: string[]): void {
    if (this.#sources.size < ENTITIES_MAX) this.#sources.add(shortKey(source))
    addFew(callers, source, SOURCES_COUNTED)
  }

  #isPrevalent(callers: readonly string[]): boolean {
    if (this.#sources.size < SOURCES_MIN) return false
    return callers.length >= Math.min(SOURCES_COUNTED, PREVALENT_SHARE * this.#sources.size)
  }

  names(): Iterable<string> {
    return this.#pairs.keys()
  }

  save(): Savable {
    return {
      rest: { startedAt: this.#startedAt, latestAt: this.#latestAt, sources: [...this.#sources] },
      tables: {
        pairs: tableOf(this.#pairs, (pair) => ({ ...pair, recent: pack(pair.recent) })),
        destinations: tableOf(this.#destinations, (sources) => [...sources]),
      },
    }
  }
}

const nobody = (): string[] => []

const fresh = (at: number, bytesOut: number): Pair => ({
  ...{ recent: [at, bytesOut], count: 1, since: at, statedAt: null },
})

const percent = (share: number): string => `${Math.round(100 * share)} %`

interface Judged {
  /** Connections that it rests on. */
  readonly count: number
  readonly score: number
  readonly since: number
  readonly periodMs: number
  readonly bytes: number
  readonly intervals: number
  readonly sizes: number
  readonly steadiness: number
}

/** Where a judgement works: each has room for what is held of a pair. */
const room = { times: new Float64Array(HELD), gaps: new Float64Array(HELD), sizes: new Float64Array(HELD) }
const roomOfDeviations = new Float64Array(HELD)
const roomOfCounts = new Float64Array(BINS)

function judge(pair: Readonly<Pair>): Judged | undefined {
  const count = pair.recent.length / 2
  const times = room.times.subarray(0, count)
  const gaps = room.gaps.subarray(0, count - 1)
  const sizes = room.sizes.subarray(0, count)
  for (let i = 0; i < count; i++) {
    times[i] = pair.recent[2 * i] ?? 0
    sizes[i] = pair.recent[2 * i + 1] ?? 0
  }
  times.sort()
  const [first, last] = [times[0] ?? 0, times[count - 1] ?? 0]
  if (last - first < SPAN_MS_MIN) return undefined
  for (let i = 0; i < gaps.length; i++) gaps[i] = (times[i + 1] ?? 0) - (times[i] ?? 0)
  const parts = {
    intervals: regularity(gaps.sort()),
    sizes: regularity(sizes.sort()),
    steadiness: steadiness(times, first, last),
  }
  return {
    ...parts,
    count,
    score: (parts.intervals + parts.sizes + parts.steadiness) / 3,
    since: first,
    periodMs: middle(gaps),
    bytes: Math.round(middle(sizes)),
  }
}

/** 1 = all alike, 0 = all over the place. */
function regularity(sorted: Float64Array): number {
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  const [low, median, high] = [at(0.25), at(0.5), at(0.75)]
  // Nothing in between, as when one act makes many connections, is no rhythm.
  if (median <= 0) return 0
  const skewness = high === low ? 0 : Math.abs((high + low - 2 * median) / (high - low))
  const deviations = roomOfDeviations.subarray(0, sorted.length)
  for (let i = 0; i < sorted.length; i++) deviations[i] = Math.abs((sorted[i] ?? 0) - median)
  return (1 - skewness + Math.max(0, 1 - middle(deviations.sort()) / median)) / 2
}

function steadiness(times: Float64Array, first: number, last: number): number {
  roomOfCounts.fill(0)
  for (const time of times) {
    const bin = Math.min(BINS - 1, Math.floor((BINS * (time - first)) / (last - first)))
    roomOfCounts[bin] = (roomOfCounts[bin] ?? 0) + 1
  }
  const mean = times.length / BINS
  let variance = 0
  for (const count of roomOfCounts) variance += (count - mean) ** 2 / BINS
  return Math.max(0, 1 - Math.sqrt(variance) / mean)
}

const middle = (sorted: Float64Array): number => sorted[sorted.length >>> 1] ?? 0
