import { addFew } from '../blocks/few.ts'
import { KeyedHash } from '../blocks/keyed-hash.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { ENTITIES_MAX, FLOWS_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

export interface DnsQuery {
  readonly at: number
  readonly client: string
  /** The whole name asked for. */
  readonly name: string
  /** The part of it that somebody registered, such as `example.co.uk`; the caller knows the public suffixes. */
  readonly registeredDomain: string
}

const NAME = 'dns-tunnel'
const VERSION = 3
const HOUR_MS = 3_600_000
/** Names below one domain that are told apart in an hour; what is beyond carried enough to be stated already. */
const NAMES_HELD = 512
/** No name on the wire is longer (RFC 1035). */
const NAME_CHARS_MAX = 253
/** Bytes that names of one hour could have carried which are stated. Ordinary domains have few names of few letters. */
const STATED_BYTES = 2_000
/** Distinct names at the least, so that one long name is nothing. */
const NAMES_MIN = 20
/** Clients that ask below a domain which make it ordinary: a content network, a look-up service. */
const ORDINARY_CLIENTS = 10
const CHARACTERS = 64
/** The most that one of so many characters can say. */
const BITS_MAX = 6

interface Flow {
  hour: number
  since: number
  /** Digests, each once. */
  names: number[]
  /** The first of them as it is: most ask for no second one. */
  first: string
  letters: number
  /** How often each letter came, by the low six bits of its code; empty up to the second name. */
  counts: number[]
  stated: boolean
}

export interface DnsTunnelState {
  readonly latestAt: number
  readonly flows: Saved<Flow>
  readonly clients: Saved<readonly string[]>
}

/** Data carried out in names: what distinct names below a domain could have carried in an hour, letters of new names times
 * their Shannon entropy over eight, in bytes. A tunnel cannot repeat a name, for a resolver would answer it itself, so
 * whatever it sends is counted; from 2,000 bytes an hour on it is stated. Domains that ten clients ask below are ordinary.
 * The score is bytes/(bytes + 2000).   @see Shannon 1948; Paxson et al.: Practical Comprehensive Bounds on Surreptitious
 * Communication over DNS, USENIX Security 2013 */
export class DnsTunnelDetector implements EntityDetector<DnsQuery> {
  readonly #hash: KeyedHash
  /** Of an hour each: there are no regulars. */
  readonly #flows: QuietestOut<Flow>
  readonly #clients: QuietestOut<string[]>
  #latestAt: number

  /** @param key secret, and the same after a load: who knew it could send names that count as one */
  constructor(key: Uint8Array, state?: DnsTunnelState) {
    this.#hash = new KeyedHash(key)
    this.#flows = mapOf(FLOWS_MAX, state?.flows, copy)
    this.#clients = mapOf(ENTITIES_MAX, state?.clients, (clients) => [...clients])
    this.#latestAt = state?.latestAt ?? 0
  }

  observe({ at, client, name, registeredDomain }: DnsQuery): Deviation | undefined {
    if (!isSound(at)) return undefined
    const sub = name
      .slice(0, Math.max(0, Math.min(NAME_CHARS_MAX, name.length - registeredDomain.length - 1)))
      .toLowerCase()
    this.#latestAt = Math.max(this.#latestAt, at)
    const clients = this.#clients.use(registeredDomain, nobody, this.#latestAt)
    addFew(clients, client, ORDINARY_CLIENTS)
    if (sub === '' || clients.length >= ORDINARY_CLIENTS) return undefined
    const hour = Math.floor(at / HOUR_MS)
    const entity = `${client} ${registeredDomain}`
    const flow = this.#flows.touch(entity) ?? this.#flows.add(entity, fresh(hour, at))
    // What comes late belongs to an hour that is over; it is counted in the running one.
    if (hour > flow.hour) begin(flow, hour, at)
    const digest = this.#hash.of(sub)
    if (flow.names.length === 0) {
      flow.names = [digest]
      flow.first = sub
      flow.letters = sub.length
      return undefined
    }
    if (flow.names.length >= NAMES_HELD || flow.names.includes(digest)) return undefined
    if (flow.names.length === 1) {
      flow.counts = new Array<number>(CHARACTERS).fill(0)
      count(flow.counts, flow.first)
    }
    flow.names.push(digest)
    count(flow.counts, sub)
    flow.letters += sub.length
    if (flow.stated || flow.names.length < NAMES_MIN || flow.letters * BITS_MAX < 8 * STATED_BYTES) return undefined
    const bits = entropy(flow.counts, flow.letters)
    const bytes = (flow.letters * bits) / 8
    if (bytes < STATED_BYTES) return undefined
    flow.stated = true
    return {
      detector: NAME,
      version: VERSION,
      entity,
      at,
      since: flow.since,
      score: bytes / (bytes + STATED_BYTES),
      expected: `names below ${registeredDomain} that could carry less than ${STATED_BYTES} bytes an hour`,
      seen: `${flow.names.length} different names of ${Math.round(flow.letters / flow.names.length)} letters, ${bits.toFixed(1)} bits a letter: ${Math.round(bytes)} bytes`,
    }
  }

  learning(entity: string): LearningState {
    return this.#flows.peek(entity) ? { state: 'active', progress: 1 } : { state: 'unknown', progress: 0 }
  }

  names(): Iterable<string> {
    return this.#flows.keys()
  }

  save(): Savable {
    return {
      rest: { latestAt: this.#latestAt },
      tables: {
        flows: tableOf(this.#flows, copy),
        clients: tableOf(this.#clients, (clients) => [...clients]),
      },
    }
  }
}

const nobody = (): string[] => []

const fresh = (hour: number, since: number): Flow => ({
  hour,
  since,
  names: [],
  first: '',
  letters: 0,
  counts: [],
  stated: false,
})

const copy = (flow: Flow): Flow => ({ ...flow, names: [...flow.names], counts: [...flow.counts] })

/** Begins another hour. */
function begin(flow: Flow, hour: number, at: number): void {
  if (!flow.stated) flow.since = at
  flow.hour = hour
  flow.names = []
  flow.first = ''
  flow.letters = 0
  flow.counts = []
  flow.stated = false
}

function count(counts: number[], text: string): void {
  for (let i = 0; i < text.length; i++) {
    const place = text.charCodeAt(i) % CHARACTERS
    counts[place] = (counts[place] ?? 0) + 1
  }
}

function entropy(counts: readonly number[], total: number): number {
  let bits = 0
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total)
  return bits
}
