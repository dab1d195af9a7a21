import { LetterModel, type LetterModelState } from '../blocks/letter-model.ts'
import { poissonDecades } from '../blocks/poisson.ts'
import { QuantileSketch, type QuantileSketchState } from '../blocks/quantile-sketch.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { shortKey } from '../blocks/short-key.ts'
import { ENTITIES_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

export interface Resolution {
  readonly at: number
  readonly client: string
  /** The registered name without its public suffix: `example` of `www.example.co.uk`. At most 63 characters count. */
  readonly label: string
  /** False where there is no such name (NXDOMAIN). */
  readonly resolved: boolean
}

const NAME = 'generated-domain'
const VERSION = 2
/** Names that resolved, of which the model of letters is made, before anything is stated. */
const LEARNED_MIN = 300
/** A name is unlikely when its letters surprise more than those of this share of names met for the first time. */
const UNLIKELY_SHARE = 0.95
const WINDOW_MS = 10 * 60_000
/** Unlikely names of a client in a window that are stated, at the least, and how rare so many must be, in decades. */
const NAMES_MIN = 6
const STATED_DECADES = 5
/** The same for names that do not exist, against the mean of all clients and windows, which is taken three times. */
const MISSING_MIN = 12
const MISSING_SLACK = 3
/** A window counts no more than this towards that mean, so that an outbreak does not become normal. */
const MISSING_LEARNED_MAX = 10
const NAMES_HELD = 256
const LABEL_CHARS_MAX = 63

interface Client {
  window: number
  since: number
  readonly met: Set<string>
  unlikely: number
  missing: number
  stated: boolean
}

interface Burst {
  readonly decades: number
  readonly expected: string
  readonly seen: string
}

export interface GeneratedDomainState {
  readonly model: LetterModelState
  readonly surprises: QuantileSketchState
  readonly learned: number
  readonly windows: { readonly count: number; readonly missing: number }
  readonly latestAt: number
  readonly known: Saved<null>
  readonly clients: Saved<{
    window: number
    since: number
    met: readonly string[]
    unlikely: number
    missing: number
    stated: boolean
  }>
}

/** Bursts of names a machine made up. A model of letters (trigrams) is learned from every name that resolved, once a name;
 * before it learns a name it says how surprising its letters are, and a name above the 95 % quantile of these surprises is
 * unlikely. Of the n unknown names a client asks for in ten minutes, 5 % are unlikely by chance: k of them are stated when
 * k ≥ 6 and the Poisson tail P(X ≥ k | n/20) is below 10⁻⁵. Names made of words are likely to it; what gives those away is
 * that most do not exist: 12 or more such in ten minutes, as rare against three times the mean of all clients, are stated
 * too. The score is s/(s+5) of the decades s.   @see Antonakakis et al.: From Throw-Away Traffic to Bots, USENIX Security 2012;
 * Yadav et al.: Detecting Algorithmically Generated Malicious Domain Names, IMC 2010 */
export class GeneratedDomainDetector implements EntityDetector<Resolution> {
  readonly #model: LetterModel
  readonly #surprises: QuantileSketch
  #learned: number
  /** Windows of clients that are over, and the names that did not exist in all of them. */
  readonly #windows: { count: number; missing: number }
  readonly #known: QuietestOut<null>
  /** Of ten minutes each: there are no regulars. */
  readonly #clients: QuietestOut<Client>
  #latestAt: number

  constructor(state?: GeneratedDomainState) {
    this.#model = new LetterModel(state?.model)
    this.#surprises = new QuantileSketch(state?.surprises)
    this.#learned = state?.learned ?? 0
    this.#windows = { ...(state?.windows ?? { count: 0, missing: 0 }) }
    this.#latestAt = state?.latestAt ?? 0
    this.#known = mapOf(ENTITIES_MAX, state?.known, () => null)
    this.#clients = mapOf(ENTITIES_MAX, state?.clients, (client) => ({ ...client, met: new Set(client.met) }))
  }

  observe({ at, client: name, label: text, resolved }: Resolution): Deviation | undefined {
    if (!isSound(at)) return undefined
    const label = text.slice(0, LABEL_CHARS_MAX)
    this.#latestAt = Math.max(this.#latestAt, at)
    if (this.#known.touch(label, this.#latestAt) === null) return undefined
    const surprise = this.#model.surprise(label)
    const bound = this.#surprises.quantile(UNLIKELY_SHARE)
    if (resolved) this.#learn(label, surprise)
    if (this.#learned < LEARNED_MIN || bound === undefined) return undefined
    const window = Math.floor(at / WINDOW_MS)
    const client = this.#clients.touch(name) ?? this.#clients.add(name, fresh(window, at))
    if (window > client.window) {
      this.#windows.count += 1
      this.#windows.missing += Math.min(client.missing, MISSING_LEARNED_MAX)
      Object.assign(client, fresh(window, client.stated ? client.since : at))
    }
    if (client.met.has(shortKey(label)) || client.met.size >= NAMES_HELD) return undefined
    client.met.add(shortKey(label))
    if (surprise > bound) client.unlikely += 1
    if (!resolved) client.missing += 1
    if (client.stated) return undefined
    const burst = this.#unlikelyBurst(client) ?? this.#missingBurst(client)
    if (!burst) return undefined
    client.stated = true
    return {
      detector: NAME,
      version: VERSION,
      entity: name,
      at,
      since: client.since,
      score: burst.decades / (burst.decades + STATED_DECADES),
      expected: burst.expected,
      seen: `${burst.seen}, such as ${label}`,
    }
  }

  #unlikelyBurst({ unlikely, met }: Client): Burst | undefined {
    const mean = met.size * (1 - UNLIKELY_SHARE)
    const decades = unlikely < NAMES_MIN ? 0 : poissonDecades(unlikely, mean)
    if (decades < STATED_DECADES) return undefined
    const expected = `${mean.toFixed(1)} names of unlikely letters among ${met.size} unknown ones in ten minutes`
    return { decades, expected, seen: `${unlikely}` }
  }

  #missingBurst({ missing }: Client): Burst | undefined {
    const mean = Math.max(1, (MISSING_SLACK * this.#windows.missing) / Math.max(1, this.#windows.count))
    const decades = missing < MISSING_MIN ? 0 : poissonDecades(missing, mean)
    if (decades < STATED_DECADES) return undefined
    return { decades, expected: `${mean.toFixed(1)} names that do not exist in ten minutes`, seen: `${missing}` }
  }

  #learn(label: string, surprise: number): void {
    // The first names surprise because nothing was learned yet.
    if (this.#learned >= LEARNED_MIN / 3) this.#surprises.add(surprise)
    this.#model.learn(label)
    this.#known.use(label, () => null, this.#latestAt)
    this.#learned += 1
  }

  learning(): LearningState {
    const progress = Math.min(1, this.#learned / LEARNED_MIN)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#clients.keys()
  }

  save(): Savable {
    return {
      rest: {
        model: this.#model.save(),
        surprises: this.#surprises.save(),
        learned: this.#learned,
        windows: { ...this.#windows },
        latestAt: this.#latestAt,
      },
      tables: {
        known: tableOf(this.#known, () => null),
        clients: tableOf(this.#clients, (client) => ({ ...client, met: [...client.met] })),
      },
    }
  }
}

const fresh = (window: number, since: number): Client => ({
  window,
  since,
  met: new Set(),
  unlikely: 0,
  missing: 0,
  stated: false,
})
