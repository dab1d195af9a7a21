import { QuietestOut } from '../blocks/quietest-out.ts'
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
const VERSION = 1
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
const WEIGHTS = { rare: 0.4, devoted: 0.4, nameless: 0.3, selfSigned: 0.45, alone: 0.2 } as const

interface Signature {
  readonly sources: Set<string>
  readonly destinations: Set<string>
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
  readonly version: 1
  readonly startedAt: number | null
  readonly latestAt: number
  readonly hellos: number
  readonly sources: readonly string[]
  readonly signatures: readonly (readonly [string, { sources: string[]; destinations: string[]; count: number }])[]
  readonly destinations: readonly (readonly [string, readonly string[]])[]
  readonly pairs: readonly (readonly [string, Pair])[]
}

/** Programs nobody else has, speaking to places nobody else speaks to. Of a source and a destination five signs are joined by
 * noisy-or, 1 - Π(1 - wᵢ): few sources have the program's signature; it goes to this one place only; it asks for no name, or
 * for an address; the certificate is signed by itself; nobody else goes there. Stated from 0.75 on, which takes three signs
 * that matter. Before three days and 300 connections nothing is stated. The score is that of the noisy-or.
 * @see Pearl 1988, 4.3 (noisy-or); Anderson, McGrew: Identifying Encrypted Malware Traffic with Contextual Flow Data, AISec 2016 */
export class RareClientDetector implements EntityDetector<Hello> {
  readonly #sources: Set<string>
  readonly #signatures: QuietestOut<Signature>
  readonly #destinations: QuietestOut<Set<string>>
  readonly #pairs: QuietestOut<Pair>
  #startedAt: number | null
  #latestAt: number
  #hellos: number

  constructor(state?: RareClientState) {
    this.#startedAt = state?.startedAt ?? null
    this.#latestAt = state?.latestAt ?? 0
    this.#hellos = state?.hellos ?? 0
    this.#sources = new Set(state?.sources)
    this.#signatures = new QuietestOut(
      SIGNATURES_MAX,
      (state?.signatures ?? []).map(([name, { sources, destinations, count }]) => [
        name,
        { sources: new Set(sources), destinations: new Set(destinations), count },
      ]),
    )
    this.#destinations = new QuietestOut(
      ENTITIES_MAX,
      (state?.destinations ?? []).map(([name, sources]) => [name, new Set(sources)]),
    )
    this.#pairs = new QuietestOut(
      CLIENT_PAIRS_MAX,
      (state?.pairs ?? []).map(([name, pair]) => [name, { ...pair }]),
    )
  }

  observe({ at, source, destination, signature, serverName, selfSigned }: Hello): Deviation | undefined {
    if (!isSound(at)) return undefined
    this.#startedAt = Math.min(this.#startedAt ?? at, at)
    this.#latestAt = Math.max(this.#latestAt, at)
    this.#hellos += 1
    const from = shortKey(source)
    const to = shortKey(destination)
    if (this.#sources.size < ENTITIES_MAX) this.#sources.add(from)
    const known = this.#signatures.use(signature, () => ({ sources: new Set(), destinations: new Set(), count: 0 }))
    known.count += 1
    if (known.sources.size < COUNTED) known.sources.add(from)
    if (known.destinations.size < COUNTED) known.destinations.add(to)
    const callers = this.#destinations.use(destination, () => new Set())
    if (callers.size < COUNTED) callers.add(from)
    const entity = `${source} ${destination}`
    const pair = this.#pairs.use(entity, () => ({
      ...{ since: at, count: 0, signature, nameless: true, selfSigned: false, statedAt: null },
    }))
    pair.count += 1
    pair.signature = shortKey(signature)
    if (serverName !== '') pair.nameless = false
    if (selfSigned) pair.selfSigned = true
    if (this.#progress() < 1 || (pair.statedAt !== null && at - pair.statedAt < AGAIN_MS)) return undefined
    const { score, signs } = this.#judge(entity, pair)
    if (score < STATED) return undefined
    pair.statedAt = at
    return {
      ...{ detector: NAME, version: VERSION, entity, at, since: pair.since, score },
      expected: `programs that several of ${this.#sources.size} sources have, speaking to named places that others know, too`,
      seen: `${signs.join('; ')}; ${pair.count} connections`,
    }
  }

  #judge(entity: string, pair: Pair): { readonly score: number; readonly signs: readonly string[] } {
    const signature = this.#signatures.peek(pair.signature)
    const sources = signature?.sources.size ?? 0
    const callers = this.#destinations.peek(entity.slice(entity.indexOf(' ') + 1))?.size ?? 0
    const found: readonly (readonly [keyof typeof WEIGHTS, boolean, string])[] = [
      [
        'rare',
        this.#sources.size >= SOURCES_MIN && sources <= Math.max(1, RARE_SHARE * this.#sources.size),
        `a program that ${sources} of ${this.#sources.size} sources have`,
      ],
      [
        'devoted',
        (signature?.count ?? 0) >= DEVOTED_MIN && signature?.destinations.size === 1,
        'which speaks to nobody else',
      ],
      ['nameless', pair.nameless, 'asking for no name'],
      ['selfSigned', pair.selfSigned, 'a certificate signed by itself'],
      ['alone', callers === 1, 'to a place nobody else goes to'],
    ]
    const signs = found.filter(([, isThere]) => isThere)
    return {
      score: 1 - signs.reduce((innocent, [sign]) => innocent * (1 - WEIGHTS[sign]), 1),
      signs: signs.map(([, , what]) => what),
    }
  }

  /** All pairs, the oddest first; of those as odd, the ones of most connections. */
  ranked(): readonly { readonly entity: string; readonly score: number }[] {
    return [...this.#pairs.entries()]
      .map(([entity, pair]) => ({ entity, score: this.#judge(entity, pair).score, count: pair.count }))
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

  save(): RareClientState {
    return {
      version: 1,
      startedAt: this.#startedAt,
      latestAt: this.#latestAt,
      hellos: this.#hellos,
      sources: [...this.#sources],
      signatures: [...this.#signatures.entries()].map(([name, { sources, destinations, count }]) => [
        name,
        { sources: [...sources], destinations: [...destinations], count },
      ]),
      destinations: [...this.#destinations.entries()].map(([name, sources]) => [name, [...sources]]),
      pairs: [...this.#pairs.entries()].map(([name, pair]) => [name, { ...pair }]),
    }
  }
}
