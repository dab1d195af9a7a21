import { LastUses } from '../blocks/last-uses.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { ENTITIES_MAX, KEY_VALUES_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** A call made with an access key. */
export interface KeyCall {
  readonly at: number
  readonly key: string
  /** Where it came from: an autonomous system, or a block of addresses. */
  readonly network: string
  /** The program, without its version. */
  readonly agent: string
  readonly service: string
  readonly operation: string
  readonly region: string
  readonly denied: boolean
}

const NAME = 'key-leak'
const VERSION = 3
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** How long a key is watched, and how many calls at the least, before anything is stated of it. */
const LEARNING_MS = 7 * DAY_MS
const LEARNING_CALLS = 50
/** A value not used for this long is new again. */
const FORGOTTEN_MS = 60 * DAY_MS
/** A key that slept this long is awakened. */
const ASLEEP_MS = 60 * DAY_MS
/** Services that refuse within an hour, beyond those that usually do. */
const DENIED_SERVICES_MIN = 4
const STATED = 0.65
/** Signs of one hour count together. */
const WINDOW_MS = HOUR_MS
/** Until a key is stated again, unless by more. */
const AGAIN_MS = 12 * HOUR_MS

/** What whoever found a key asks first: who am I, what is there, what may I. */
const RECONNAISSANCE = /^(?:GetCallerIdentity|List|Describe|GetAccount|GetUser|GetPolicy|Simulate|Enumerate)/

/** How likely each sign makes a leak, taken alone. */
const WEIGHTS = {
  network: 0.45,
  agent: 0.45,
  region: 0.35,
  reconnaissance: 0.35,
  operation: 0.15,
  denied: 0.5,
  twoNetworks: 0.3,
  awakened: 0.4,
} as const
type Sign = keyof typeof WEIGHTS

interface Key {
  readonly since: number
  calls: number
  last: number
  /** When each of its values was used last. */
  readonly networks: LastUses
  readonly agents: LastUses
  readonly regions: LastUses
  /** Of a service: `s3 ListBuckets`. */
  readonly operations: LastUses
  /** Services that ever refused it. */
  readonly refusers: LastUses
  /** When each sign was seen last, and what it was. */
  readonly signs: Map<Sign, { readonly at: number; readonly what: string }>
  /** Services that refused, in the hour that runs. */
  denied: { since: number; services: Set<string> }
  network: string
  networkAt: number
  stated: { at: number; score: number } | null
}

/** Values with when each was used last. */
type Times = readonly (readonly [string, number])[]

interface KeyState {
  readonly since: number
  readonly calls: number
  readonly last: number
  readonly networks: Times
  readonly agents: Times
  readonly regions: Times
  readonly operations: Times
  readonly refusers: Times
  readonly signs: readonly (readonly [Sign, { readonly at: number; readonly what: string }])[]
  readonly denied: { readonly since: number; readonly services: readonly string[] }
  readonly network: string
  readonly networkAt: number
  readonly stated: { readonly at: number; readonly score: number } | null
}

export interface KeyLeakState {
  readonly latestAt: number
  readonly keys: Saved<KeyState>
}

/** Access keys in other hands. Weak signs of one hour (a network, an agent, a region, an operation never used before, one
 * that asks what there is, refusals of four services, two networks at once, a key awakened after 60 days) are joined by
 * noisy-or, 1 - Π(1 - wᵢ), each counted once; from 0.65 on it is stated, which takes two strong ones or three. The key must
 * be known for a week and 50 calls. The score is that of the noisy-or.
 * @see Pearl: Probabilistic Reasoning in Intelligent Systems, 1988, 4.3 (noisy-or) */
export class KeyLeakDetector implements EntityDetector<KeyCall> {
  readonly #keys: QuietestOut<Key>
  #latestAt: number

  constructor(state?: KeyLeakState) {
    this.#keys = mapOf(ENTITIES_MAX, state?.keys, load)
    this.#latestAt = state?.latestAt ?? 0
  }

  observe(call: KeyCall): Deviation | undefined {
    const { at } = call
    if (!isSound(at)) return undefined
    this.#latestAt = Math.max(this.#latestAt, at)
    const key = this.#keys.touch(call.key, this.#latestAt) ?? this.#keys.add(call.key, fresh(call), this.#latestAt)
    const isKnown = isLearned(key, at)
    if (at - key.last > ASLEEP_MS) note(key, 'awakened', at, `awake after ${Math.floor((at - key.last) / DAY_MS)} days`)
    this.#noteNew(key, call)
    noteDenied(key, call)
    if (call.network !== key.network && at - key.networkAt < HOUR_MS)
      note(key, 'twoNetworks', at, `from ${key.network} and ${call.network} within an hour`)
    key.network = call.network
    key.networkAt = at
    key.last = Math.max(key.last, at)
    key.calls += 1
    if (!isKnown) {
      key.signs.clear()
      return undefined
    }
    return this.#judge(key, call)
  }

  #noteNew(key: Key, { at, network, agent, region, service, operation }: KeyCall): void {
    if (isNew(key.networks, network, at)) note(key, 'network', at, `from ${network}, never before`)
    if (isNew(key.agents, agent, at)) note(key, 'agent', at, `by ${agent}, never before`)
    if (isNew(key.regions, region, at)) note(key, 'region', at, `in ${region}, never before`)
    if (isNew(key.operations, `${service} ${operation}`, at)) {
      const sign = RECONNAISSANCE.test(operation) ? 'reconnaissance' : 'operation'
      note(key, sign, at, `${operation}, never before`)
    }
  }

  #judge(key: Key, { key: entity, at }: KeyCall): Deviation | undefined {
    let innocent = 1
    let since = at
    const words: string[] = []
    if (key.signs.size === 0) return undefined
    for (const [sign, { at: seenAt, what }] of key.signs) {
      if (at - seenAt > WINDOW_MS) {
        key.signs.delete(sign)
        continue
      }
      innocent *= 1 - WEIGHTS[sign]
      since = Math.min(since, seenAt)
      words.push(what)
    }
    const score = 1 - innocent
    if (score < STATED) return undefined
    const { stated } = key
    if (stated && at - stated.at < AGAIN_MS && score <= stated.score + 0.05) return undefined
    key.stated = { at, score }
    const usual = (values: LastUses) =>
      values
        .entries()
        .filter(([, usedAt]) => usedAt < since)
        .slice(-3)
        .map(([name]) => name)
        .join(', ')
    return {
      ...{ detector: NAME, version: VERSION, entity, at, since, score },
      expected: `calls from ${usual(key.networks)} by ${usual(key.agents)}, as in ${key.calls} calls before`,
      seen: words.join('; '),
    }
  }

  learning(entity: string): LearningState {
    const key = this.#keys.peek(entity)
    if (!key) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, (key.last - key.since) / LEARNING_MS, key.calls / LEARNING_CALLS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#keys.keys()
  }

  save(): Savable {
    return { rest: { latestAt: this.#latestAt }, tables: { keys: tableOf(this.#keys, store) } }
  }
}

/** Whether a value was not used lately; used now. */
const isNew = (values: LastUses, value: string, at: number): boolean => at - values.use(value, at) > FORGOTTEN_MS

const isLearned = ({ since, calls }: Key, at: number) => at - since >= LEARNING_MS && calls >= LEARNING_CALLS

/** The first time of a sign within its hour stays, so that it is known since when. */
function note(key: Key, sign: Sign, at: number, what: string): void {
  const seen = key.signs.get(sign)
  if (!seen || at - seen.at > WINDOW_MS) key.signs.set(sign, { at, what })
}

function noteDenied(key: Key, { at, service, denied }: KeyCall): void {
  if (!denied) return
  if (at - key.denied.since > HOUR_MS) key.denied = { since: at, services: new Set() }
  const isUsual = key.refusers.use(service, at) > Number.NEGATIVE_INFINITY
  if (!isUsual && key.denied.services.size < DENIED_SERVICES_MIN) key.denied.services.add(service)
  if (key.denied.services.size >= DENIED_SERVICES_MIN)
    note(key, 'denied', at, `refused by ${DENIED_SERVICES_MIN} services that never refused it`)
}

const fresh = ({ at, network }: KeyCall): Key => ({
  ...{ since: at, calls: 0, last: at, network, networkAt: at, stated: null },
  networks: timed(),
  agents: timed(),
  regions: timed(),
  operations: timed(),
  refusers: timed(),
  signs: new Map(),
  denied: { since: at, services: new Set() },
})

const timed = (times: Times = []): LastUses => new LastUses(KEY_VALUES_MAX, times)

const store = (key: Key): KeyState => ({
  ...key,
  networks: key.networks.entries(),
  agents: key.agents.entries(),
  regions: key.regions.entries(),
  operations: key.operations.entries(),
  refusers: key.refusers.entries(),
  signs: [...key.signs],
  denied: { since: key.denied.since, services: [...key.denied.services] },
})

const load = (state: KeyState): Key => ({
  ...state,
  networks: timed(state.networks),
  agents: timed(state.agents),
  regions: timed(state.regions),
  operations: timed(state.operations),
  refusers: timed(state.refusers),
  signs: new Map(state.signs),
  denied: { since: state.denied.since, services: new Set(state.denied.services) },
  stated: state.stated && { ...state.stated },
})
