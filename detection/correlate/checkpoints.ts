import type { ChangedGroups, Checkpoint, GroupDisk } from './group-disk.ts'
import type { GroupTable } from './group-table.ts'
import type { Pace } from './pace.ts'
import type { Window } from './window.ts'

interface UnderWay {
  readonly offset: number
  readonly version: number
  /** What has to be written; undefined once all is, and the disk is waited for. */
  changed: ChangedGroups | undefined
  /** How many of them are done with. */
  done: number
}

/** Checkpoints of a shard's groups, a slice at a time, so that events never wait for one. */
export class Checkpoints {
  readonly #disk: GroupDisk
  readonly #pace: Pace
  readonly #extras: () => Pick<Checkpoint, 'tables' | 'nextTable'>
  #underWay: UnderWay | undefined
  /** What the shard begins from after a crash now. */
  #complete: Checkpoint
  /** Versions that the caller was given, the last one last. */
  #given: readonly number[] = []
  #bytesAt = 0
  /** Of a sync. */
  #failure: unknown

  /** @param complete what the groups were taken up from, or the offset before which there were none */
  constructor(
    disk: GroupDisk,
    deps: {
      readonly extras: () => Pick<Checkpoint, 'tables' | 'nextTable'>
      readonly complete: Checkpoint | number
      readonly pace: Pace
    },
  ) {
    this.#disk = disk
    this.#pace = deps.pace
    this.#extras = deps.extras
    const { complete } = deps
    this.#complete = typeof complete === 'number' ? this.#checkpoint({ offset: complete, version: 0 }) : complete
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  /** Begins a checkpoint before the event at `offset`, unless one is under way.
   * @returns the last one that is complete
   * @throws detection.state.notWritten */
  keep(offset: number): Checkpoint {
    this.#requireSound()
    if (!this.#underWay) {
      const { version } = this.#disk
      const changed = this.#disk.beginVersion()
      this.#underWay = { offset, version, changed, done: 0 }
      if (changed) this.advance()
      else this.#finish()
    }
    // What was given two calls ago is durable: else the shard would have begun anew.
    const [durable, ...last] = this.#given
    if (durable !== undefined && last.length > 0) this.#disk.forgetBefore(durable)
    this.#given = [...this.#given.slice(-1), this.#complete.version]
    return this.#complete
  }

  /** Does the next slice of the checkpoint under way.   @throws detection.state.notWritten */
  advance(): void {
    this.#requireSound()
    const underWay = this.#underWay
    if (!underWay?.changed) return
    const { changed, version } = underWay
    const { segments } = this.#disk
    const until = segments.written + this.#pace.sliceBytes
    const end = Math.min(changed.length, underWay.done + this.#pace.sliceGroups)
    for (; underWay.done < end && segments.written < until; underWay.done++) {
      const window = changed.windows[underWay.done] as Window
      if (window.changedIn !== version) continue
      this.#disk.write(changed.tables[underWay.done] as GroupTable, window)
    }
    if (underWay.done === changed.length) this.#sync(underWay)
  }

  /** Completes a checkpoint before the event at `offset` at once.   @throws detection.state.notWritten */
  keepNow(offset: number): void {
    this.keep(offset)
    while (this.#underWay?.changed) this.advance()
    if (this.#underWay) this.#finish()
  }

  #sync(underWay: UnderWay): void {
    const { segments } = this.#disk
    underWay.changed = undefined
    segments.flush()
    if (segments.written - this.#bytesAt <= this.#pace.atOnceBytes) {
      this.#finish()
      return
    }
    const extents = this.#disk.extentsFor(underWay.version)
    const { written } = segments
    segments.sync().then(
      () => {
        if (this.#underWay === underWay) this.#completed(underWay, extents, written)
      },
      (error: unknown) => {
        this.#failure = error
      },
    )
  }

  #finish(): void {
    const { segments } = this.#disk
    const underWay = this.#underWay as UnderWay
    segments.flush()
    try {
      segments.syncNow()
    } catch (error) {
      this.#failure = error
      throw error
    }
    this.#completed(underWay, this.#disk.extentsFor(underWay.version), segments.written)
  }

  /** Once a sync failed it fails for good: what is on the disk is known only of the last complete checkpoint, from which the
   * groups have to be taken up again. */
  #requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #completed(underWay: UnderWay, extents: Checkpoint['segments'], written: number): void {
    this.#bytesAt = written
    this.#underWay = undefined
    this.#complete = this.#checkpoint(underWay, extents)
  }

  #checkpoint(
    { offset, version }: Pick<UnderWay, 'offset' | 'version'>,
    segments: Checkpoint['segments'] = [],
  ): Checkpoint {
    return { version, offset, seed: this.#disk.seed, ...this.#extras(), segments }
  }
}
