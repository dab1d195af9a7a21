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
  #compacting: Work | undefined
  #dropping: Work | undefined
  readonly #compacted = new WeakSet<Segment>()
  readonly #dropped = new WeakSet<Segment>()

  constructor(disk: GroupDisk, deps: CompactionDeps) {
    this.#disk = disk
    this.#deps = deps
  }

  /** Writes the next slice anew, if there is anything to gain. */
  advance(): void {
    this.#compacting ??= this.#toCompact()
    const work = this.#compacting
    if (!work) return
    const isOver = this.#slice(work, (record, location) => {
      this.#writeAnew(record, location)
    })
    if (isOver) this.#compacting = undefined
  }

  /** Drops the next slice of the oldest segment: there is more than there may be.
   * @returns how many groups were dropped */
  drop(): number {
    this.#dropping ??= this.#toDrop()
    const work = this.#dropping
    if (!work) return 0
    let dropped = 0
    const isOver = this.#slice(work, (record, location) => {
      if (this.#letGo(record, location)) dropped++
    })
    if (isOver) this.#dropping = undefined
    return dropped
  }

  /** @returns whether there is no more of it */
  #slice({ segment, records }: Work, take: (record: GroupRecord, location: number) => void): boolean {
    const { segments } = this.#disk
    for (let bytes = 0; bytes < this.#deps.sliceBytes; ) {
      // It may have been retired meanwhile.
      const isThere = segments.segmentOf(segments.locationIn(segment, 0)) === segment
      const next = isThere ? records.next() : undefined
      if (!next || next.done) return true
      const { record, at } = next.value
      bytes += record.length
      take(record, segments.locationIn(segment, at))
    }
    return false
  }

  /** Writes a record anew if it counts. */
  #writeAnew(record: GroupRecord, location: number): void {
    // Of correlations that are gone nothing is found any more, and the index lets go of it with the segment.
    const table = this.#deps.tableOf(record.table)
    if (!table) return
    const { index } = this.#disk
    const { key } = record
    const window = table.hot.get(key)
    if (window) {
      // One that changed is written with the next checkpoint anyway.
      if (window.location !== location || window.changedIn !== 0) return
      window.location = this.#move(record, location)
    } else {
      const hash = this.#disk.hashOf(table, key)
      if (!index.has(hash, location)) return
      if (this.#isOver(table, record)) index.remove(hash, location)
      else index.move(hash, location, this.#move(record, location))
    }
    this.#disk.release(table, location)
  }

  /** Lets a group go that is on the disk only. One in memory stays, and its record is written anew, so that the file can go.
   * @returns whether a group was dropped whose time was not over */
  #letGo(record: GroupRecord, location: number): boolean {
    const table = this.#deps.tableOf(record.table)
    if (!table) return false
    const { key } = record
    const window = table.hot.get(key)
    if (window) {
      if (window.location !== location) return false
      if (window.changedIn !== 0) this.#disk.write(table, window)
      else {
        window.location = this.#move(record, location)
        this.#disk.release(table, location)
      }
      return false
    }
    if (!this.#disk.index.remove(this.#disk.hashOf(table, key), location)) return false
    this.#disk.release(table, location)
    return !this.#isOver(table, record)
  }

  #isOver(table: GroupTable, { arrivedAt }: GroupRecord): boolean {
    return arrivedAt < this.#deps.overBefore(table)
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
    for (const segment of this.#closed()) {
      if (this.#dropped.has(segment)) continue
      this.#dropped.add(segment)
      return this.#begin(segment)
    }
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
    if (!worst || count < KEPT_SEGMENTS || this.#disk.segments.bytes <= KEPT_FACTOR * live) return undefined
    this.#compacted.add(worst)
    return this.#begin(worst)
  }

  #begin(segment: Segment): Work {
    return { segment, records: recordsOf(this.#disk.segments, segment) }
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
