import type { Event } from '../../../pipeline/index.ts'
import { decodeState, encodeState } from '../../online/shard-state.ts'
import { HISTORY_MAX, STATE_BYTES_AN_EVENT } from '../limits.ts'
import type { Deviation, LearningState } from '../types.ts'
import type { Baseline, RunningModel } from './baseline.ts'
import type { Held } from './settings.ts'

/** A deviation that is over, as it is remembered. */
export interface PastDeviation extends Omit<Deviation, 'detector' | 'standing'> {
  readonly findingId: string
  /** Why it was not told; absent where it was. */
  readonly held?: Held
}

interface State {
  readonly model: unknown
  readonly samples: number
  readonly history: readonly PastDeviation[]
}

/** A part of a shard's state as it is kept: the events below the offset are in it. */
export interface KeptState {
  readonly version: number
  readonly offset: number
  readonly bytes: Uint8Array
}

/** One baseline over the events of one shard. */
export class RunningBaseline {
  readonly baseline: Baseline
  readonly #model: RunningModel
  #samples: number
  readonly #history: PastDeviation[]
  #kept: (KeptState & { readonly samples: number }) | undefined

  /** @throws detection.state.unreadable */
  constructor(baseline: Baseline, key: Uint8Array, kept?: KeptState) {
    // What was learned under another version means something else.
    const usable = kept?.version === baseline.version ? kept : undefined
    const state = usable && decodeState(usable.bytes, readState)
    this.baseline = baseline
    this.#model = baseline.start({ key, ...(state ? { state: state.model } : {}) })
    this.#samples = state?.samples ?? 0
    this.#history = [...(state?.history ?? [])]
    this.#kept = usable && { ...usable, samples: this.#samples }
  }

  /** Observations so far. */
  get samples(): number {
    return this.#samples
  }

  /** Oldest first. */
  get history(): readonly PastDeviation[] {
    return this.#history
  }

  /** The first event that it has not seen. */
  get from(): number {
    return this.#kept?.offset ?? 0
  }

  observe(event: Event, at: number, isFrozen: (entity: string) => boolean): Deviation | undefined {
    const observed = this.#model.observe(event, at, isFrozen)
    if (observed === undefined) return undefined
    this.#samples += 1
    return observed.deviation
  }

  remember(past: PastDeviation): void {
    this.#history.push(past)
    if (this.#history.length > HISTORY_MAX) this.#history.shift()
  }

  names(): Iterable<string> {
    return this.#model.names()
  }

  learning(entity: string): LearningState {
    return this.#model.learning(entity)
  }

  /** The state as of `nextOffset`, or an older one where writing it anew would cost more than what a restart then has to
   * look at again, or more than is left of `bytesMax`. What was never written always is. */
  keep(nextOffset: number, bytesMax: number): KeptState & { readonly isNew: boolean } {
    const kept = this.#kept
    if (kept?.samples === this.#samples) {
      this.#kept = { ...kept, offset: nextOffset }
      return { ...this.#kept, isNew: false }
    }
    const size = kept?.bytes.length ?? 0
    if (kept && (size > bytesMax || (nextOffset - kept.offset) * STATE_BYTES_AN_EVENT < size))
      return { ...kept, isNew: false }
    const state: State = { model: this.#model.save(), samples: this.#samples, history: this.#history }
    const { version } = this.baseline
    this.#kept = { version, offset: nextOffset, bytes: encodeState(state), samples: this.#samples }
    return { ...this.#kept, isNew: true }
  }
}

const readState = (json: unknown): State | undefined => {
  const state = json as Partial<State> | null
  return state && typeof state.samples === 'number' && Array.isArray(state.history) ? (state as State) : undefined
}
