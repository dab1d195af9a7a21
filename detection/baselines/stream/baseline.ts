import type { Event } from '../../../pipeline/index.ts'
import type { EntityKind } from '../../online/entities.ts'
import type { Severity } from '../../types.ts'
import type { EntityDetector } from '../types.ts'

/** What a baseline is, to those who read of it and tune it. */
export interface BaselineInfo {
  /** Names it in paths, in findings (`baseline/<name>`) and in its state, for ever. */
  readonly name: string
  /** Goes up with whatever changes a score: what was learned under another version is learned anew. */
  readonly version: number
  /** Title of its alerts. */
  readonly title: string
  /** What it watches. */
  readonly watches: string
  /** Which events it needs, and which of their members. */
  readonly needs: string
  /** What must have been seen before it states anything. */
  readonly learns: string
  /** What a name of its entities stands for; of a pair, each. */
  readonly entity: readonly (EntityKind | 'network' | 'value')[]
  readonly severity: Severity
  /** ATT&CK. */
  readonly techniques: readonly string[]
  readonly tactics: readonly string[]
  /** Learns nothing of an entity while an alert of it is open, for an attack that lasts would become normal. */
  readonly freezes: boolean
}

/** A baseline on the stream: which events it looks at, what it takes from them, and what judges that. */
export interface Baseline extends BaselineInfo {
  /** OCSF `class_uid`s. */
  readonly classes: readonly number[]
  /** Looks at observations from a state on; `observe` gives undefined for events that are none of its. */
  start(options: StartOptions): RunningModel
}

export interface StartOptions {
  /** Secret; the same for ever. Whoever knew it could choose names that count as one. */
  readonly key: Uint8Array
  /** What `save` of the same version gave. */
  readonly state?: unknown
}

/** A detector that takes events. */
export interface RunningModel extends Pick<EntityDetector<unknown>, 'learning' | 'names' | 'save'> {
  /** @param at when it happened, as far as that can be trusted
   * @returns `undefined` where the event is none of the baseline's, else what was stated, which may be nothing */
  observe(event: Event, at: number, isFrozen: (entity: string) => boolean): Observed | undefined
}

export interface Observed {
  readonly deviation: import('../types.ts').Deviation | undefined
}

const NOTHING: Observed = { deviation: undefined }

/** A baseline made of a reader and a detector. */
export function defineBaseline<Observation>(
  info: BaselineInfo & {
    readonly classes: readonly number[]
    /** What it takes from an event of its classes. */
    readonly read: (event: Event, at: number) => Observation | undefined
    /** Whom an observation is of, as the detector names it; needed where `freezes`. */
    readonly entityOf?: (observation: Observation) => string
    readonly create: (key: Uint8Array, state: unknown) => EntityDetector<Observation>
  },
): Baseline {
  const { read, create, entityOf, ...rest } = info
  return {
    ...rest,
    start({ key, state }) {
      const detector = create(key, state)
      return {
        observe(event, at, isFrozen) {
          const observation = read(event, at)
          if (observation === undefined) return undefined
          const deviation = detector.observe(observation, entityOf !== undefined && isFrozen(entityOf(observation)))
          return deviation === undefined ? NOTHING : { deviation }
        },
        learning: (entity) => detector.learning(entity),
        names: () => detector.names(),
        save: () => detector.save(),
      }
    },
  }
}
