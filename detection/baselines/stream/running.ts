import type { Event } from '../../../pipeline/index.ts'
import { HISTORY_MAX, STATE_BYTES_AN_EVENT } from '../limits.ts'
import type { Deviation, LearningState } from '../types.ts'
import type { Baseline, RunningModel } from './baseline.ts'
import { GradualSave, readSaved } from './gradual-save.ts'
import type { Held } from './settings.ts'

/** A deviation that is over, as it is remembered. */
export interface PastDeviation extends Omit<Deviation, 'detector' | 'standing'> {
  readonly findingId: string
  /** Why it was not told; absent where it was. */
  readonly held?: Held
}

/** What is kept of a baseline beside its model. */
interface Head {
  readonly samples: number
  readonly history: readonly PastDeviation[]
}

/** A part of a shard's state as it is kept: the events below the offset are in it. */
export interface KeptState {
  readonly version: number
  readonly offset: number
  /** Empty where nothing was written yet: then the offset is that of the first event that was looked at. */
  readonly bytes: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** One baseline over the events of one shard. */
export class RunningBaseline {
  readonly baseline: Baseline
  readonly #model: RunningModel
  #samples: number
  readonly #history: PastDeviation[]
  #kept: KeptState & { readonly samples: number }
  /** What is being written, and as of when. */
  #saving: { readonly save: GradualSave; readonly offset: number; readonly samples: number } | undefined

  /** @param kept what was kept of it, or from which offset on it begins with nothing
   * @throws detection.state.unreadable */
  constructor(baseline: Baseline, key: Uint8Array, kept: KeptState | { readonly offset: number }) {
    // What was learned under another version means something else.
    const usable = 'bytes' in kept && kept.version === baseline.version && kept.bytes.length > 0 ? kept : undefined
    const state = usable && readSaved(usable.bytes, readHead)
    this.baseline = baseline
    this.#model = baseline.start({ key, ...(state ? { state: state.model } : {}) })
    this.#samples = state?.head.samples ?? 0
    this.#history = [...(state?.head.history ?? [])]
    this.#kept = {
      ...(usable ?? { version: baseline.version, offset: kept.offset, bytes: NOTHING }),
      samples: this.#samples,
    }
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
    return this.#kept.offset
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

  /** What is kept of it. */
  get kept(): KeptState {
    return this.#kept
  }

  get isSaving(): boolean {
    return this.#saving !== undefined
  }

  /** Whether its state should be written anew as of `nextOffset`: not while that would cost more than what a restart has to
   * look at again. */
  isDue(nextOffset: number): boolean {
    const { bytes, offset, samples } = this.#kept
    if (this.isSaving) return false
    if (samples === this.#samples) {
      // Nothing was learned since; so what is kept is that of now.
      this.#kept = { ...this.#kept, offset: nextOffset }
      return false
    }
    return (nextOffset - offset) * STATE_BYTES_AN_EVENT >= bytes.length
  }

  /** Begins to write its state as it is now; `continueSave` goes on. */
  beginSave(nextOffset: number): void {
    const head: Head = { samples: this.#samples, history: this.#history }
    this.#saving = { save: new GradualSave(head, this.#model.save()), offset: nextOffset, samples: this.#samples }
  }

  /** @returns the characters that are left of `charsMax`; 0 where there is more to write */
  continueSave(charsMax: number): number {
    if (!this.#saving) return charsMax
    const { save, offset, samples } = this.#saving
    const { bytes, left } = save.step(charsMax)
    if (!bytes) return 0
    this.#kept = { version: this.baseline.version, offset, bytes, samples }
    this.#saving = undefined
    return left
  }
}

const readHead = (json: unknown): Head | undefined => {
  const head = json as Partial<Head> | null
  return head && typeof head.samples === 'number' && Array.isArray(head.history) ? (head as Head) : undefined
}
