import { type GroupDisk, liveOf, recordsOf } from './group-disk.ts'
import { type GroupRecord, moveRecord } from './group-record.ts'
import type { GroupTable } from './group-table.ts'
import type { Segment } from './segments.ts'

interface Work {
  readonly segment: Segment
  readonly records: ReturnType<typeof recordsOf>
  /** What is good is dropped instead of written anew. */
  readonly dropping: boolean
}

interface CompactionDeps {
  readonly tableOf: (number: number) => GroupTable | undefined
  /** Groups of the table that were last heard of before are over, ms. */
  readonly overBefore: (table: GroupTable) => number
  /** Bytes of records that a slice looks at. */
  readonly sliceBytes: number
}

/** Writes anew what is good of segments of which most is not, a slice at a time, so that the disk holds about twice what
 * counts; and where that is too much, drops the oldest. */
export class Compaction {
  readonly #disk: GroupDisk
  readonly #deps: CompactionDeps
  #work: Work | undefined
  readonly #compacted = new WeakSet<Segment>()
  readonly #dropped = new WeakSet<Segment>()

  constructor(disk: GroupDisk, deps: CompactionDeps) {
    this.#disk = disk
    this.#deps = deps
  }

  /** Does the next slice, if there is anything to do.
   * @param mustDrop there is more than there may be
   * @returns how many groups were dropped */
  advance(mustDrop: boolean): number {
    const { segments } = this.#disk
    if (mustDrop && !this.#work?.dropping) this.#work = this.#toDrop() ?? this.#work
    this.#work ??= this.#toCompact()
    const work = this.#work
    if (!work) return 0
    let dropped = 0
    for (let bytes = 0; bytes < this.#deps.sliceBytes; ) {
      // It may have been retired meanwhile.
      const isThere = segments.segmentOf(segments.locationIn(work.segment, 0)) === work.segment
      const next = isThere ? work.records.next() : undefined
      if (!next || next.done) {
        this.#work = undefined
        break
      }
      const { record, at } = next.value
      bytes += record.length
      if (this.#take(work, record, segments.locationIn(work.segment, at))) dropped++
    }
    return dropped
  }

  /** @returns whether a group was dropped */
  #take({ dropping }: Work, record: GroupRecord, location: number): boolean {
    const { index } = this.#disk
    const { hash } = record
    const table = this.#deps.tableOf(record.table)
    if (index.has(hash, location)) {
      const isOver = !table || record.arrivedAt < this.#deps.overBefore(table)
      if (!isOver && !dropping) {
        const to = this.#move(record, location)
        index.move(hash, location, to)
        this.#disk.release(table, location)
        return false
      }
      index.remove(hash, location)
      if (table) this.#disk.release(table, location)
      return !isOver
    }
    const key = record.key
    const window = table?.hot.get(key)
    if (!table || window?.location !== location) return false
    // One that changed is written with the next checkpoint anyway.
    if (dropping) this.#disk.touch(table, key, window)
    else if (window.changedIn === 0) {
      window.location = this.#move(record, location)
      this.#disk.release(table, location)
    }
    return false
  }

  #move(record: GroupRecord, location: number): number {
    this.#disk.isChanged = true
    const { version, segments } = this.#disk
    const { length, table, arrivedAt } = record
    return segments.append(length, (into, at) => moveRecord(record, into, at, { supersedes: location, version }), {
      table,
      arrivedAt,
    })
  }

  #toDrop(): Work | undefined {
    for (const segment of this.#closed()) if (!this.#dropped.has(segment)) return this.#begin(segment, true)
    return undefined
  }

  #toCompact(): Work | undefined {
    for (const segment of this.#closed()) {
      if (liveOf(segment) * 2 < segment.records && !this.#compacted.has(segment)) return this.#begin(segment, false)
    }
    return undefined
  }

  #begin(segment: Segment, dropping: boolean): Work {
    const done = dropping ? this.#dropped : this.#compacted
    done.add(segment)
    return { segment, dropping, records: recordsOf(this.#disk.segments, segment, () => void this.#disk.lostGroups++) }
  }

  *#closed(): Generator<Segment> {
    const { segments } = this.#disk
    for (const segment of segments.all()) if (segment !== segments.tail) yield segment
  }
}
