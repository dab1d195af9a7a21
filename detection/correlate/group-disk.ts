import { randomBytes } from 'node:crypto'
import { ColdIndex } from './cold-index.ts'
import {
  type GroupRecord,
  mayBeginAt,
  RECORD_BYTES_MIN,
  recordAt,
  recordBytesMax,
  writeRecord,
} from './group-record.ts'
import type { GroupTable } from './group-table.ts'
import { HalfSipHash } from './half-siphash.ts'
import { type Segment, type SegmentExtent, Segments } from './segments.ts'
import type { StateDisk } from './state-disk.ts'
import type { Window } from './window.ts'

/** Groups that a checkpoint has to write, unless that happened meanwhile: in columns, since there may be millions. */
export class ChangedGroups {
  readonly tables: GroupTable[] = []
  readonly windows: Window[] = []

  get length(): number {
    return this.windows.length
  }

  push(table: GroupTable, window: Window): void {
    this.tables.push(table)
    this.windows.push(window)
  }

  /** Those of which the last change is still to be written. */
  unwritten(version: number): ChangedGroups {
    const left = new ChangedGroups()
    for (const [at, window] of this.windows.entries()) {
      if (window.changedIn === version) left.push(this.tables[at] as GroupTable, window)
    }
    return left
  }
}

/** Changed groups that are listed before the list is looked through for what need not be there. */
const CHANGED_MIN = 100_000
const SCAN_BYTES = 512 * 1024

/** What a checkpoint comes to: with the files that it names it says how every group stood before the event at `offset`. */
export interface Checkpoint {
  readonly version: number
  readonly offset: number
  /** Of the hash; secret. */
  readonly seed: readonly [number, number]
  readonly tables: readonly (readonly [number: number, id: string, fingerprint: string])[]
  readonly nextTable: number
  readonly segments: readonly SegmentExtent[]
}

/** The groups of a shard as far as they are on the disk: a log of records, each a whole group, the last one of a group being
 * the one that counts. Groups out of memory are found by an index over their keys' hashes.
 *
 * INVARIANT (versions): every record bears the checkpoint that it belongs to. Until checkpoint n is complete, groups that
 * change again are written as they were before (version n) and bear n + 1 from then on, so that the records up to version n
 * say how all groups stood at one offset, however long writing them takes. */
export class GroupDisk {
  readonly segments: Segments
  readonly index: ColdIndex
  readonly seed: readonly [number, number]
  /** What changes now belongs to. */
  version: number
  /** Records were moved since the last checkpoint began. */
  isMoved = false
  /** Groups that changed since. */
  #changed = new ChangedGroups()
  #changedMax = CHANGED_MIN
  /** Groups whose records are damaged. */
  lostGroups = 0
  readonly #hash: HalfSipHash
  /** Segments without a record that counts, by the version in which they became so: checkpoints before it need them. */
  #retired: { readonly version: number; readonly extent: SegmentExtent }[] = []

  /** Takes up the groups of a checkpoint, all of them out of memory; without one, begins with none.
   * @param options tableOf: the table of a number, where its correlation is still the same
   * @throws detection.state.notWritten */
  constructor({
    dir,
    segmentBytes,
    files,
    from,
    tableOf,
  }: {
    readonly dir: string
    readonly segmentBytes: number
    readonly files: StateDisk
    readonly from: Checkpoint | undefined
    readonly tableOf: (number: number) => GroupTable | undefined
  }) {
    this.seed = from?.seed ?? [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()]
    const extents = from?.segments ?? []
    const { segments, missing } = Segments.open(dir, { extents, segmentBytes, secret: this.seed[0], disk: files })
    this.segments = segments
    this.#hash = new HalfSipHash(this.seed)
    this.version = (from?.version ?? 0) + 1
    this.index = new ColdIndex((location) => segments.segmentOf(location) === undefined)
    this.lostGroups = missing.length
    try {
      if (from) for (const segment of segments.all()) this.#scan(segment, from.version, tableOf)
    } catch (error) {
      segments.close()
      throw error
    }
  }

  hashOf(table: GroupTable, key: string): number {
    return this.#hash.hash(table.number, key)
  }

  /** To be called before a group changes. */
  touch(table: GroupTable, window: Window): void {
    if (window.changedIn === this.version) return
    this.preserve(table, window)
    window.changedIn = this.version
    this.#changed.push(table, window)
    if (this.#changed.length < this.#changedMax) return
    // Those that left memory meanwhile are written, and not to be held on to.
    this.#changed = this.#changed.unwritten(this.version)
    this.#changedMax = Math.max(CHANGED_MIN, 2 * this.#changed.length)
  }

  /** Writes how a group stood when the checkpoint under way began, if that is still to be done. */
  preserve(table: GroupTable, window: Window): void {
    if (window.changedIn !== 0 && window.changedIn !== this.version) this.write(table, window)
  }

  /** Lets the next version begin.
   * @returns the groups that changed in the last one; undefined when it is as the one before */
  beginVersion(): ChangedGroups | undefined {
    const changed = this.#changed
    const isSame = changed.length === 0 && !this.isMoved
    this.#changed = new ChangedGroups()
    this.#changedMax = CHANGED_MIN
    this.isMoved = false
    this.version++
    return isSame ? undefined : changed
  }

  /** Writes how a changed group stands. */
  write(table: GroupTable, window: Window): void {
    const { location: supersedes, changedIn: version } = window
    const head = { version, table: table.number, supersedes }
    window.location = this.segments.append(recordBytesMax(window), (into, at) => writeRecord(into, at, head, window), {
      table: table.number,
      arrivedAt: window.arrivedAt,
    })
    window.changedIn = 0
    if (supersedes !== 0) this.release(table, supersedes)
  }

  /** A group leaves memory. */
  putAway(table: GroupTable, window: Window): void {
    if (window.changedIn !== 0) this.write(table, window)
    this.index.add(this.hashOf(table, window.key), window.location)
  }

  /** A group that is not in memory comes back; undefined when there is none. */
  recall(table: GroupTable, key: string): Window | undefined {
    if (this.index.size === 0) return undefined
    const hash = this.hashOf(table, key)
    for (const location of this.index.locationsOf(hash)) {
      const isThere = this.segments.segmentOf(location) !== undefined
      const record = isThere ? this.segments.read(location) : undefined
      if (record && (record.table !== table.number || record.key !== key)) continue
      this.index.remove(hash, location)
      if (isThere && !record) this.lostGroups++
      if (!record) continue
      const window = record.window(key)
      window.location = location
      return window
    }
    return undefined
  }

  /** The record at `location` says nothing of its group any more. */
  release(table: GroupTable, location: number): void {
    this.segments.release(location, table.number)
    const segment = this.segments.segmentOf(location)
    if (segment && segment !== this.segments.tail && liveOf(segment) === 0) this.retire(segment)
  }

  /** Records of correlations that are gone, and of groups whose time is over, do not count any more.
   * @returns whether the index may lead to what is gone */
  retireOver(tableOf: (number: number) => GroupTable | undefined, before: (table: GroupTable) => number): boolean {
    let isAnyRetired = false
    for (const segment of [...this.segments.all()]) {
      if (segment === this.segments.tail) continue
      for (const [number, { latestAt }] of segment.shares) {
        const table = tableOf(number)
        if (!table || latestAt < before(table)) segment.shares.delete(number)
      }
      if (liveOf(segment) > 0) continue
      this.retire(segment)
      isAnyRetired = true
    }
    return isAnyRetired
  }

  /** Nothing that stands in a segment counts any more. */
  retire(segment: Segment): void {
    this.#retired.push({ version: this.version, extent: [segment.number, segment.length] })
    this.segments.retire(segment)
  }

  /** What the checkpoint of a version needs. */
  extentsFor(version: number): SegmentExtent[] {
    return [...this.#retired.flatMap((one) => (one.version > version ? [one.extent] : [])), ...this.segments.extents()]
  }

  /** Deletes files that only checkpoints before this version need. */
  forgetBefore(version: number): void {
    for (const { version: retiredIn, extent } of this.#retired)
      if (retiredIn <= version) this.segments.remove(extent[0])
    this.#retired = this.#retired.filter(({ version: retiredIn }) => retiredIn > version)
  }

  close(): void {
    this.segments.close()
  }

  /** Reads which groups a segment holds. Records of later versions than the checkpoint's are made void: their versions will
   * be given again.
   *
   * INVARIANT (order): of the records of a group the last one counts, whatever stands between them: one that it took the
   * place of may be damaged or in a file that is gone, and then an older one is found first. */
  #scan(segment: Segment, version: number, tableOf: (number: number) => GroupTable | undefined): void {
    for (const { record, at } of recordsOf(this.segments, segment, () => void this.lostGroups++)) {
      segment.records++
      const location = this.segments.locationIn(segment, at)
      if (record.version > version || record.version === 0) {
        // Also one that is void: that may not be on the disk yet, or not be written by a sync that comes after a failed one.
        this.segments.overwrite(segment, at, record.voided(this.segments.placeOf(location)))
        continue
      }
      const { table: number, supersedes, arrivedAt } = record
      const table = tableOf(number)
      if (!table) continue
      const { key } = record
      const hash = this.hashOf(table, key)
      if (supersedes !== 0 && this.index.move(hash, supersedes, location)) this.segments.release(supersedes, number)
      else {
        this.#forgetEarlier(table, key, hash)
        this.index.add(hash, location)
      }
      this.segments.count(segment, { table: number, arrivedAt })
    }
  }

  #forgetEarlier(table: GroupTable, key: string, hash: number): void {
    for (const location of this.index.locationsOf(hash)) {
      const record = this.segments.read(location)
      if (record?.table !== table.number || record.key !== key) continue
      this.index.remove(hash, location)
      this.segments.release(location, table.number)
    }
  }
}

/** Records that count. */
export function liveOf({ shares }: Segment): number {
  let live = 0
  for (const share of shares.values()) live += share.live
  return live
}

/** The records of a segment and where they stand. A record is good until the next one is asked for. What is damaged is
 * stepped over: to the next record that says of itself that it stands where it does.
 * @param onDamage a stretch cannot be read */
export function* recordsOf(
  segments: Segments,
  segment: Segment,
  onDamage: () => void = () => {},
): Generator<{ readonly record: GroupRecord; readonly at: number }> {
  let buffer = Buffer.allocUnsafe(SCAN_BYTES)
  for (let at = 0; at < segment.length; ) {
    const bytes = segments.readAt(segment, at, buffer)
    let used = 0
    const next = () => recordAt(bytes, used, segments.placeOf(segments.locationIn(segment, at + used)))
    for (let record = next(); record; record = next()) {
      yield { record, at: at + used }
      used += record.length
    }
    at += used
    if (used > 0) continue
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const length = mayBeginAt({ bytes, view }, 0, segment.length - at) ? view.getUint32(8, true) : 0
    if (length > buffer.length) buffer = Buffer.allocUnsafe(length)
    else {
      onDamage()
      at = nextRecord(segments, segment, at + 1)
    }
  }
}

/** Where the next record begins, from `from` on; the end of the segment where there is none. */
function nextRecord(segments: Segments, segment: Segment, from: number): number {
  const buffer = Buffer.allocUnsafe(SCAN_BYTES)
  for (let start = from; start + RECORD_BYTES_MIN <= segment.length; start += SCAN_BYTES - RECORD_BYTES_MIN + 1) {
    const bytes = segments.readAt(segment, start, buffer)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at + RECORD_BYTES_MIN <= bytes.length; at++) {
      if (!mayBeginAt({ bytes, view }, at, segment.length - start - at)) continue
      if (segments.read(segments.locationIn(segment, start + at))?.isPlaced) return start + at
    }
  }
  return segment.length
}
