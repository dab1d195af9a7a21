import { type GroupDisk, liveOf, recordsOf } from './group-disk.ts'
import { type GroupRecord, moveRecord } from './group-record.ts'
import type { GroupTable } from './group-table.ts'
import type { Segment } from './segments.ts'

/** The disk may hold so many times what counts, and always so many segments: groups that change often leave segments behind
 * of which soon nothing counts, without anybody reading them. */
const KEPT_FACTOR = 3
const KEPT_SEGMENTS = 4

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

/** Writes anew what is good of segments of which most is not, a slice at a time, so that the disk holds a few times what
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
    const table = this.#deps.tableOf(record.table)
    // Of correlations that are gone nothing is found any more, and the index lets go of it with the segment.
    if (!table) return false
    const { key } = record
    const window = table.hot.get(key)
    if (window) {
      if (window.location !== location) return false
      // One that changed is written with the next checkpoint anyway.
      if (dropping) this.#disk.touch(table, key, window)
      else if (window.changedIn === 0) {
        window.location = this.#move(record, location)
        this.#disk.release(table, location)
      }
      return false
    }
    const hash = this.#disk.hashOf(table, key)
    if (!index.has(hash, location)) return false
    const isOver = record.arrivedAt < this.#deps.overBefore(table)
    if (isOver || dropping) index.remove(hash, location)
    else index.move(hash, location, this.#move(record, location))
    this.#disk.release(table, location)
    return dropping && !isOver
  }

  #move(record: GroupRecord, location: number): number {
    this.#disk.isMoved = true
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

  /** The one of which least counts. */
  #toCompact(): Work | undefined {
    let live = 0
    let count = 0
    let worst: Segment | undefined
    for (const segment of this.#closed()) {
      count++
      live += segment.length * shareOf(segment)
      if (this.#compacted.has(segment)) continue
      if (!worst || shareOf(segment) < shareOf(worst)) worst = segment
    }
    const isTooMuch = count >= KEPT_SEGMENTS && this.#disk.segments.bytes > KEPT_FACTOR * live
    return worst && isTooMuch ? this.#begin(worst, false) : undefined
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

/** Which share of its records counts. */
function shareOf(segment: Segment): number {
  return segment.records === 0 ? 0 : liveOf(segment) / segment.records
}
