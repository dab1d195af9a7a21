import { addFew } from '../blocks/few.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { shortKey } from '../blocks/short-key.ts'
import { CLIENT_PAIRS_MAX, ENTITIES_MAX, SIGNATURES_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** A program that speaks TLS or HTTP to somebody. */
export interface Hello {
  readonly at: number
  readonly source: string
  readonly destination: string
  /** What tells the program: JA3, JA4, or what it calls itself. */
  readonly signature: string
  /** The name it asked for; empty where it asked for none, or for an address. */
  readonly serverName: string
  readonly selfSigned: boolean
}

const NAME = 'rare-client'
const VERSION = 2
const LEARNING_MS = 3 * 86_400_000
const LEARNING_HELLOS = 300
/** Share of all sources that makes a signature rare, and sources from which on that says something. */
const RARE_SHARE = 0.02
const SOURCES_MIN = 10
/** Connections of a signature from which on it is devoted to where it always goes. */
const DEVOTED_MIN = 10
const COUNTED = 64
const STATED = 0.75
/** Until a pair is stated again. */
const AGAIN_MS = 7 * 86_400_000

/** How likely each sign makes the channel of an attacker, taken alone. */
const SIGNS = { rare: 0.4, devoted: 0.4, nameless: 0.3, selfSigned: 0.45, alone: 0.2 } as const

/** What signs, a bit each, make together: 1 - Π(1 - wᵢ). */
const scoreOf = (found: number): number => SCORES[found] ?? 0
const SCORES = Array.from(
  { length: 2 ** Object.keys(SIGNS).length },
  (_, found) =>
    1 - Object.values(SIGNS).reduce((left, weight, i) => (found & (1 << i) ? left * (1 - weight) : left), 1),
)

interface Signature {
  readonly sources: string[]
  readonly destinations: string[]
  count: number
}

interface Pair {
  readonly since: number
  count: number
  signature: string
  nameless: boolean
  selfSigned: boolean
  statedAt: number | null
}

export interface RareClientState {
  readonly startedAt: number | null
  readonly latestAt: number
  readonly hellos: number
  readonly sources: readonly string[]
  readonly signatures: Saved<{ sources: string[]; destinations: string[]; count: number }>
  readonly destinations: Saved<readonly string[]>
  readonly pairs: Saved<Pair>
}

/** Programs nobody else has, speaking to places nobody else speaks to. Of a source and a destination five signs are joined by
 * noisy-or, 1 - Π(1 - wᵢ): few sources have the program's signature; it goes to this one place only; it asks for no name, or
 * for an address; the certificate is signed by itself; nobody else goes there. Stated from 0.75 on, which takes three signs
 * that matter. Before three days and 300 connections nothing is stated. The score is that of the noisy-or.
 * @see Pearl 1988, 4.3 (noisy-or); Anderson, McGrew: Identifying Encrypted Malware Traffic with Contextual Flow Data, AISec 2016 */
export class RareClientDetector implements EntityDetector<Hello> {
  readonly #sources: Set<string>
  readonly #signatures: QuietestOut<Signature>
  readonly #destinations: QuietestOut<string[]>
  readonly #pairs: QuietestOut<Pair>
  #startedAt: number | null
  #latestAt: number
  #hellos: number

  constructor(state?: RareClientState) {
    this.#startedAt = state?.startedAt ?? null
    this.#latestAt = state?.latestAt ?? 0
    this.#hellos = state?.hellos ?? 0
    this.#sources = new Set(state?.sources)
    this.#signatures = mapOf(SIGNATURES_MAX, state?.signatures, ({ sources, destinations, count }) => ({
      ...{ sources: [...sources], destinations: [...destinations], count },
    }))
    this.#destinations = mapOf(ENTITIES_MAX, state?.destinations, (sources) => [...sources])
    this.#pairs = mapOf(CLIENT_PAIRS_MAX, state?.pairs, (pair) => ({ ...pair }))
  }

  observe({ at, source, destination, signature, serverName, selfSigned }: Hello): Deviation | undefined {
    if (!isSound(at)) return undefined
    this.#startedAt = Math.min(this.#startedAt ?? at, at)
    this.#latestAt = Math.max(this.#latestAt, at)
    this.#hellos += 1
    const from = shortKey(source)
    const to = shortKey(destination)
    if (this.#sources.size < ENTITIES_MAX) this.#sources.add(from)
    const known = this.#signatures.use(signature, unused, this.#latestAt)
    known.count += 1
    addFew(known.sources, from, COUNTED)
    addFew(known.destinations, to, COUNTED)
    const callers = this.#destinations.use(destination, nobody, this.#latestAt)
    addFew(callers, from, COUNTED)
    const entity = `${source} ${destination}`
    const pair = this.#pairs.use(
      entity,
      () => ({ since: at, count: 0, signature, nameless: true, selfSigned: false, statedAt: null }),
      this.#latestAt,
    )
    pair.count += 1
    pair.signature = shortKey(signature)
    if (serverName !== '') pair.nameless = false
    if (selfSigned) pair.selfSigned = true
    if (this.#progress() < 1 || (pair.statedAt !== null && at - pair.statedAt < AGAIN_MS)) return undefined
    const found = this.#signs(known, callers.length, pair)
    const score = scoreOf(found)
    if (score < STATED) return undefined
    pair.statedAt = at
    return {
      ...{ detector: NAME, version: VERSION, entity, at, since: pair.since, score },
      expected: `programs that several of ${this.#sources.size} sources have, speaking to named places that others know, too`,
      seen: `${this.#say(found, known.sources.length).join('; ')}; ${pair.count} connections`,
    }
  }

  /** The signs there are, one bit each, in the order of `SIGNS`. */
  #signs({ sources, destinations, count }: Readonly<Signature>, callers: number, pair: Readonly<Pair>): number {
    const all = this.#sources.size
    const isRare = all >= SOURCES_MIN && sources.length <= Math.max(1, RARE_SHARE * all)
    return (
      (isRare ? 1 : 0) |
      (count >= DEVOTED_MIN && destinations.length === 1 ? 2 : 0) |
      (pair.nameless ? 4 : 0) |
      (pair.selfSigned ? 8 : 0) |
      (callers === 1 ? 16 : 0)
    )
  }

  #say(found: number, sources: number): readonly string[] {
    const words = [
      `a program that ${sources} of ${this.#sources.size} sources have`,
      'which speaks to nobody else',
      'asking for no name',
      'a certificate signed by itself',
      'to a place nobody else goes to',
    ]
    return words.filter((_, i) => (found & (1 << i)) !== 0)
  }

  /** All pairs, the oddest first; of those as odd, the ones of most connections. */
  ranked(): readonly { readonly entity: string; readonly score: number }[] {
    return [...this.#pairs.entries()]
      .map(([entity, pair]) => {
        const known = this.#signatures.peek(pair.signature) ?? unused()
        const callers = this.#destinations.peek(entity.slice(entity.indexOf(' ') + 1))?.length ?? 0
        return { entity, score: scoreOf(this.#signs(known, callers, pair)), count: pair.count }
      })
      .sort((a, b) => b.score - a.score || b.count - a.count)
  }

  #progress(): number {
    const lasted = this.#latestAt - (this.#startedAt ?? this.#latestAt)
    return Math.min(1, lasted / LEARNING_MS, this.#hellos / LEARNING_HELLOS)
  }

  learning(entity: string): LearningState {
    if (!this.#pairs.peek(entity)) return { state: 'unknown', progress: 0 }
    const progress = this.#progress()
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#pairs.keys()
  }

  save(): Savable {
    return {
      rest: {
        ...{ startedAt: this.#startedAt, latestAt: this.#latestAt, hellos: this.#hellos },
        sources: [...this.#sources],
      },
      tables: {
        signatures: tableOf(this.#signatures, ({ sources, destinations, count }) => ({
          sources: [...sources],
          destinations: [...destinations],
          count,
        })),
        destinations: tableOf(this.#destinations, (sources) => [...sources]),
        pairs: tableOf(this.#pairs, (pair) => pair),
      },
    }
  }
}

const nobody = (): string[] => []
const unused = (): Signature => ({ sources: [], destinations: [], count: 0 })
