import { Distinct, type DistinctState } from '../blocks/distinct.ts'
import { HalfSpaceForest, type HalfSpaceForestState } from '../blocks/half-space-forest.ts'
import { HOUR_CELLS, hourCell } from '../blocks/hour-cells.ts'
import { KeyedHash } from '../blocks/keyed-hash.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { Tail, type TailState } from '../blocks/tail.ts'
import { BEHAVIOURS_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** A connection of a host, or one it tried. */
export interface Flow {
  readonly at: number
  readonly host: string
  readonly peer: string
  readonly port: string
  readonly bytesOut: number
  readonly bytesIn: number
  readonly failed: boolean
}

const NAME = 'network-behaviour'
const VERSION = 2
const HOUR_MS = 3_600_000
/** Hours of a host before it is judged: a week of its own. */
const LEARNING_HOURS = 100
/** Surprise, in decades, that is stated. */
const STATED_DECADES = 3.5
/** What share of its mean and deviation the latest hour makes up, once there are many. */
const WEIGHT = 0.03
/** Least deviation of a feature, in logarithms to the base e. */
const DEVIATION_MIN = 0.2
/** Deviations at which a coordinate is as far out as it gets. */
const REACH_Z = 6
const FOREST = { seed: 20_260_101, trees: 50, depth: 7, window: 500 } as const
/** How much thinner than usual an hour that is stated is learned to be, in logarithms. */
const TAUGHT_MAX = 0.15
/** Keeps the logarithm of nothing finite. */
const DENSITY_MIN = 0.001

const FEATURES = [
  'connections',
  'connections above those usual at this time of the day',
  'destinations',
  'ports',
  'failed connections',
  'bytes out a connection',
  'bytes in for one out',
] as const
const COUNT = FEATURES.length

interface Host {
  hour: number
  readonly since: number
  hours: number
  connections: number
  failed: number
  bytesOut: number
  bytesIn: number
  peers: Distinct
  ports: Distinct
  readonly means: number[]
  readonly deviations: number[]
  /** Logarithms of the connections usual at each hour of working days and of weekends; below 0 where never seen. */
  readonly cells: number[]
}

interface HostState extends Omit<Host, 'peers' | 'ports'> {
  readonly peers: DistinctState
  readonly ports: DistinctState
}

/** An hour of a host that is over, and what was usual before it. */
interface ClosedHour {
  readonly name: string
  /** When it was known to be over. */
  readonly at: number
  /** Hours since the epoch. */
  readonly closed: number
  readonly values: readonly number[]
  readonly means: readonly number[]
  readonly deviations: readonly number[]
}

export interface NetworkBehaviourState {
  readonly latestAt: number
  readonly hosts: Saved<HostState>
  readonly forest: HalfSpaceForestState
  readonly tail: TailState
}

/** Hours of a host whose numbers do not go together as they ever did, though each alone may be ordinary. Of every hour and
 * host seven features (connections, also against those usual at this hour, destinations, ports, failures, bytes out a
 * connection, bytes in for one out) are taken in
 * logarithms and standardised by the host's own mean and deviation (exponentially weighted), clipped at six and put from 0 to 1; so all
 * hosts share one forest of half-space trees, which says how thin the place is where the hour lies. How rare that is, its
 * `Tail` says: from 3.5 decades on it is stated, when the hour is over. The features farthest out are named. While frozen
 * nothing of the host is learned. The score is s/(s+3.5) of the decades s.
 * @see blocks/half-space-forest.ts (Tan, Ting, Liu, IJCAI 2011); blocks/tail.ts (Siffer et al., KDD 2017) */
export class NetworkBehaviourDetector implements EntityDetector<Flow> {
  readonly #hash: KeyedHash
  readonly #hosts: QuietestOut<Host>
  readonly #forest: HalfSpaceForest
  readonly #tail: Tail
  #latestAt: number

  /** @param key secret, and the same after a load */
  constructor(key: Uint8Array, state?: NetworkBehaviourState) {
    this.#hash = new KeyedHash(key)
    this.#hosts = mapOf(BEHAVIOURS_MAX, state?.hosts, load)
    this.#latestAt = state?.latestAt ?? 0
    this.#forest = new HalfSpaceForest({ ...FOREST, dimensions: COUNT }, state?.forest)
    this.#tail = new Tail(state?.tail)
  }

  observe(flow: Flow, frozen = false): Deviation | undefined {
    const { at, bytesOut, bytesIn } = flow
    if (!isSound(at, bytesOut, bytesIn)) return undefined
    const hour = Math.floor(at / HOUR_MS)
    this.#latestAt = Math.max(this.#latestAt, at)
    const now = this.#latestAt
    const host = this.#hosts.touch(flow.host, now) ?? this.#hosts.add(flow.host, fresh(hour), now)
    // What comes late belongs to an hour that is over; it is counted in the running one.
    const stated = hour > host.hour ? this.#close(flow.host, host, { at, hour, frozen }) : undefined
    host.connections += 1
    host.bytesOut += Math.max(0, bytesOut)
    host.bytesIn += Math.max(0, bytesIn)
    if (flow.failed) host.failed += 1
    host.peers.add(this.#hash.wide(flow.peer))
    host.ports.add(this.#hash.wide(flow.port))
    return stated
  }

  #close(
    name: string,
    host: Host,
    { at, hour, frozen }: { readonly at: number; readonly hour: number; readonly frozen: boolean },
  ): Deviation | undefined {
    const values = measure(host)
    const closed = host.hour
    const isJudged = host.hours >= LEARNING_HOURS && !frozen
    const before = isJudged ? { means: [...host.means], deviations: [...host.deviations] } : undefined
    if (!frozen) learn(host, values)
    host.hour = hour
    host.connections = host.failed = host.bytesOut = host.bytesIn = 0
    host.peers = new Distinct()
    host.ports = new Distinct()
    return before && this.#judge({ name, at, closed, values, ...before })
  }

  /** Judges an hour by what was usual before it. */
  #judge({ name, at, closed, values, means, deviations }: ClosedHour): Deviation | undefined {
    const spread = (i: number) => Math.max(deviations[i] ?? 0, DEVIATION_MIN)
    const z = values.map((value, i) => (value - (means[i] ?? 0)) / spread(i))
    const density = this.#forest.next(z.map((one) => Math.max(0, Math.min(1, 0.5 + one / (2 * REACH_Z)))))
    if (density === undefined) return undefined
    const thinness = -Math.log(density + DENSITY_MIN)
    const decades = this.#tail.surprise(thinness)
    // What is stated teaches a little of how rare it is, lest the next of its kind passes.
    this.#tail.add(decades < STATED_DECADES ? thinness : Math.min(thinness, this.#tail.usual[1] + TAUGHT_MAX))
    if (decades < STATED_DECADES) return undefined
    const farthest = z
      .map((one, i) => [Math.abs(one), i] as const)
      .sort(([a], [b]) => b - a)
      .slice(0, 3)
      .map(([, i]) => i)
    const usual = (i: number) => {
      const [mean, reach] = [means[i] ?? 0, 2 * spread(i)]
      return `${round(Math.expm1(Math.max(0, mean - reach)))} to ${round(Math.expm1(mean + reach))}`
    }
    const say = (of: (i: number) => string) => farthest.map((i) => `${of(i)} ${FEATURES[i]}`).join(', ')
    return {
      ...{ detector: NAME, version: VERSION, entity: name, at, since: closed * HOUR_MS },
      score: decades / (decades + STATED_DECADES),
      expected: `in an hour ${say(usual)}`,
      seen: `${say((i) => round(Math.expm1(values[i] ?? 0)))}: together rarer than once in 10^${decades.toFixed(1)} hours of hosts`,
    }
  }

  learning(name: string): LearningState {
    const host = this.#hosts.peek(name)
    if (!host) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, host.hours / LEARNING_HOURS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#hosts.keys()
  }

  save(): Savable {
    return {
      rest: { latestAt: this.#latestAt, forest: this.#forest.save(), tail: this.#tail.save() },
      tables: { hosts: tableOf(this.#hosts, store) },
    }
  }
}

const round = (amount: number): string => Math.round(amount).toLocaleString('en')

function measure(host: Host): number[] {
  const { connections } = host
  const usual = host.cells[hourCell(host.hour)] ?? -1
  return [
    Math.log1p(connections),
    usual < 0 ? 0 : Math.log1p(connections) - usual,
    Math.log1p(host.peers.count),
    Math.log1p(host.ports.count),
    Math.log1p(host.failed),
    Math.log1p(host.bytesOut / connections),
    Math.log((host.bytesIn + 100) / (host.bytesOut + 100)),
  ]
}

/** Clipped at three deviations, so that an attack does not become normal. */
function learn(host: Host, values: readonly number[]): void {
  const weight = Math.max(WEIGHT, 1 / (host.hours + 1))
  for (let i = 0; i < COUNT; i++) {
    const value = values[i] ?? 0
    const mean = host.means[i] ?? 0
    const deviation = host.deviations[i] ?? 0
    const reach = 3 * Math.max(deviation, DEVIATION_MIN)
    const learned = host.hours < 10 ? value : Math.max(mean - reach, Math.min(mean + reach, value))
    host.means[i] = mean + weight * (learned - mean)
    host.deviations[i] = deviation + weight * (Math.abs(learned - mean) * (host.hours === 0 ? 0 : 1) - deviation)
  }
  const cell = hourCell(host.hour)
  const usual = host.cells[cell] ?? -1
  const busy = values[0] ?? 0
  host.cells[cell] = usual < 0 ? busy : usual + 0.2 * (Math.min(busy, usual + 1) - usual)
  host.hours += 1
}

const fresh = (hour: number): Host => ({
  ...{ hour, since: hour, hours: 0, connections: 0, failed: 0, bytesOut: 0, bytesIn: 0 },
  peers: new Distinct(),
  ports: new Distinct(),
  means: new Array<number>(COUNT).fill(0),
  deviations: new Array<number>(COUNT).fill(0),
  cells: new Array<number>(HOUR_CELLS).fill(-1),
})

const load = (state: HostState): Host => ({
  ...state,
  means: [...state.means],
  deviations: [...state.deviations],
  cells: [...state.cells],
  peers: new Distinct(state.peers),
  ports: new Distinct(state.ports),
})

const store = (host: Host): HostState => ({
  ...host,
  means: [...host.means],
  deviations: [...host.deviations],
  cells: [...host.cells],
  peers: host.peers.save(),
  ports: host.ports.save(),
})
