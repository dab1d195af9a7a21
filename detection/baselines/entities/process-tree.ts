import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { Transitions, type TransitionsState } from '../blocks/transitions.ts'
import { ENTITIES_MAX, PROGRAMS_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** A program that a program started. */
export interface Launch {
  readonly at: number
  readonly host: string
  /** Names without their paths, in lower case. */
  readonly parent: string
  readonly child: string
}

const NAME = 'process-tree'
const VERSION = 2
const HOUR_MS = 3_600_000
const LEARNING_MS = 7 * 24 * HOUR_MS
const LEARNING_LAUNCHES = 2_000
/** Launches of a parent from which on it says something that it never started this child. */
const PARENT_MIN = 100
/** Decades below which a launch is ordinary. */
const ORDINARY_DECADES = 1.7
/** Decades of an hour, of launches never seen before, that are stated. */
const STATED_DECADES = 2
/** Pairs that are named in a statement. */
const NAMED_MAX = 5

interface Host {
  hour: number
  since: number
  /** Beyond what is ordinary, of the hour that runs. */
  decades: number
  pairs: string[]
  statedDecades: number
}

export interface ProcessTreeState extends TransitionsState {
  readonly startedAt: number | null
  readonly latestAt: number
  readonly hosts: Saved<Host>
}

/** Programs that start programs they never start. All launches of a workspace make a Markov chain of parents and children.
 * A pair nobody saw before, of a parent well known (100 launches), surprises by how rarely that parent starts anything new,
 * by Good and Turing's estimate (blocks/transitions.ts): what starts new programs all day is not surprising when it does.
 * What is above 1.7 decades is summed up for its host over the hour, stated from 2 on, and again when it doubled. Every
 * launch is learned, so a pair surprises once; hosts are peers of each other. The score is s/(s+2). Before a week and 2,000
 * launches nothing is stated.
 * @see Ye, Zhang, Xu: A Markov Chain Model of Temporal Behavior for Anomaly Detection, IEEE SMC 2000; Good 1953 */
export class ProcessTreeDetector implements EntityDetector<Launch> {
  readonly #transitions: Transitions
  readonly #hosts: QuietestOut<Host>
  #startedAt: number | null
  #latestAt: number

  constructor(state?: ProcessTreeState) {
    this.#transitions = new Transitions(PROGRAMS_MAX, state)
    this.#hosts = mapOf(ENTITIES_MAX, state?.hosts, (host) => ({ ...host, pairs: [...host.pairs] }))
    this.#startedAt = state?.startedAt ?? null
    this.#latestAt = state?.latestAt ?? 0
  }

  observe({ at, host: name, parent, child }: Launch): Deviation | undefined {
    if (!isSound(at)) return undefined
    this.#startedAt = Math.min(this.#startedAt ?? at, at)
    this.#latestAt = Math.max(this.#latestAt, at)
    const hour = Math.floor(at / HOUR_MS)
    const now = this.#latestAt
    const host = this.#hosts.touch(name, now) ?? this.#hosts.add(name, fresh(hour, at), now)
    const surprise = this.#transitions.learn(parent, child, { now, knownMin: PARENT_MIN })
    if (surprise <= ORDINARY_DECADES || this.#progress() < 1) return undefined
    if (hour > host.hour + 1 || (hour > host.hour && at - host.since > HOUR_MS)) Object.assign(host, fresh(hour, at))
    host.decades += surprise - ORDINARY_DECADES
    if (host.pairs.length < NAMED_MAX) host.pairs.push(`${parent} > ${child}`)
    if (host.decades < Math.max(STATED_DECADES, 2 * host.statedDecades)) return undefined
    host.statedDecades = host.decades
    return {
      ...{ detector: NAME, version: VERSION, entity: name, at, since: host.since },
      score: host.decades / (host.decades + STATED_DECADES),
      expected: `${parent} to start ${this.#transitions.usual(parent, 3).join(', ')}, as in ${this.#transitions.seen(parent)} launches`,
      seen: `${host.pairs.join(', ')}, on no host before: ${host.decades.toFixed(1)} decades within the hour`,
    }
  }

  #progress(): number {
    const lasted = (this.#latestAt - (this.#startedAt ?? this.#latestAt)) / LEARNING_MS
    return Math.min(1, lasted, this.#transitions.total / LEARNING_LAUNCHES)
  }

  learning(name: string): LearningState {
    if (!this.#hosts.peek(name)) return { state: 'unknown', progress: 0 }
    const progress = this.#progress()
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#hosts.keys()
  }

  save(): Savable {
    return {
      rest: { startedAt: this.#startedAt, latestAt: this.#latestAt, total: this.#transitions.total },
      tables: { froms: this.#transitions.froms, hosts: tableOf(this.#hosts, (host) => host) },
    }
  }
}

const fresh = (hour: number, at: number): Host => ({ hour, since: at, decades: 0, pairs: [], statedDecades: 0 })
