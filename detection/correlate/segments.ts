import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { syncDir } from '../../platform/base/index.ts'
import { detectionError } from '../errors.ts'
import { type GroupRecord, makeRecordBuffer, RECORD_HEAD_BYTES, type RecordBuffer, recordAt } from './group-record.ts'

/** Locations of one segment; a segment may outgrow its size by one record. */
const SPAN = 2 ** 32
const NAME = /^([0-9]{10})\.groups$/
const BUFFER_BYTES = 256 * 1024
/** What is read to see a record: most are smaller. */
const GLANCE_BYTES = 512
const syncLater = promisify(fdatasync)

/** Records of one correlation's groups in a segment. */
interface Share {
  /** Those that still say how a group stands. */
  live: number
  /** When the latest of their groups was last heard of, ms. */
  latestAt: number
}

/** A file of records. */
export interface Segment {
  readonly number: number
  readonly fd: number
  /** Bytes, those that wait in memory included. */
  length: number
  /** Records that were ever written to it. */
  records: number
  /** By table. */
  readonly shares: Map<number, Share>
}

/** A segment and how much of it counts. */
export type SegmentExtent = readonly [number: number, length: number]

/** Append-only files of records in one folder. A location names a record for ever: it is never given twice while anything
 * may ask for it. What is written waits in memory until `flush`, and may be gone after a power cut until it is synced. */
export class Segments {
  readonly #dir: string
  readonly #segmentBytes: number
  readonly #segments = new Map<number, Segment>()
  #tail: Segment | undefined
  #buffer = makeRecordBuffer(BUFFER_BYTES)
  #waiting = 0
  #glance = Buffer.allocUnsafe(GLANCE_BYTES)
  readonly #unsynced = new Set<Segment>()
  /** The outermost folder with an entry that is not synced. */
  #newFolder: string | undefined
  #syncing = 0
  readonly #retired = new Set<Segment>()
  #bytes = 0
  #written = 0
  #nextNumber = 1

  /** Opens the segments named and takes everything else away: what was written after them belongs to no checkpoint.
   * @returns the segments, and the numbers of those that are missing or too short */
  static open(
    dir: string,
    { extents, segmentBytes }: { readonly extents: readonly SegmentExtent[]; readonly segmentBytes: number },
  ): { segments: Segments; damaged: number[] } {
    const segments = new Segments(dir, segmentBytes)
    const damaged: number[] = []
    const known = new Map(extents)
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      if (!known.has(Number(NAME.exec(name)?.[1]))) rmSync(join(dir, name), { recursive: true, force: true })
    }
    for (const [number, length] of [...extents].sort(([left], [right]) => left - right)) {
      if (!existsSync(segments.#path(number))) {
        damaged.push(number)
        continue
      }
      const segment = segments.#adopt(number)
      ftruncateSync(segment.fd, length)
      segment.length = length
      segments.#bytes += length
    }
    return { segments, damaged }
  }

  private constructor(dir: string, segmentBytes: number) {
    this.#dir = dir
    this.#segmentBytes = segmentBytes
  }

  /** Bytes appended since it was opened. */
  get written(): number {
    return this.#written
  }

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#bytes
  }

  /** In the order in which they were begun. */
  all(): Iterable<Segment> {
    return this.#segments.values()
  }

  get tail(): Segment | undefined {
    return this.#tail
  }

  segmentOf(location: number): Segment | undefined {
    return this.#segments.get(Math.floor(location / SPAN))
  }

  locationIn({ number }: Segment, at: number): number {
    return number * SPAN + at
  }

  extents(): SegmentExtent[] {
    return [...this.#segments.values()].map(({ number, length }) => [number, length])
  }

  /** Appends a record of at most so many bytes.
   * @param write writes it and says how long it is
   * @returns its location
   * @throws detection.state.notWritten when there is no room on the disk, or the disk fails */
  append(
    bytesMax: number,
    write: (into: RecordBuffer, at: number) => number,
    group: { table: number; arrivedAt: number },
  ): number {
    let tail = this.#tail
    if (!tail || tail.length >= this.#segmentBytes) tail = this.#begin()
    if (this.#waiting + bytesMax > this.#buffer.bytes.length) {
      this.flush()
      if (bytesMax > this.#buffer.bytes.length) this.#buffer = makeRecordBuffer(bytesMax)
    }
    const length = write(this.#buffer, this.#waiting)
    const location = this.locationIn(tail, tail.length)
    this.#waiting += length
    tail.length += length
    tail.records++
    this.#bytes += length
    this.#written += length
    this.count(tail, group)
    return location
  }

  /** Counts a record that stands for a group. */
  count({ shares }: Segment, { table, arrivedAt }: { table: number; arrivedAt: number }): void {
    const share = shares.get(table)
    if (!share) shares.set(table, { live: 1, latestAt: arrivedAt })
    else {
      share.live++
      if (arrivedAt > share.latestAt) share.latestAt = arrivedAt
    }
  }

  /** A record that stood for a group does so no more. */
  release(location: number, table: number): void {
    const share = this.segmentOf(location)?.shares.get(table)
    if (share) share.live--
  }

  /** The record at a location; undefined when it is damaged. Good until the next call. */
  read(location: number): GroupRecord | undefined {
    const segment = this.segmentOf(location)
    if (!segment) return undefined
    const at = location % SPAN
    const written = segment === this.#tail ? segment.length - this.#waiting : segment.length
    if (at >= written) {
      return recordAt(this.#buffer.bytes.subarray(at - written, this.#waiting), 0)
    }
    let bytes = this.#glance
    let read = readSync(segment.fd, bytes, 0, GLANCE_BYTES, at)
    if (read < RECORD_HEAD_BYTES) return undefined
    const length = bytes.readUInt32LE(8)
    if (length > segment.length - at) return undefined
    if (length > read) {
      bytes = Buffer.allocUnsafe(length)
      read = readSync(segment.fd, bytes, 0, length, at)
    }
    return recordAt(bytes.subarray(0, read), 0)
  }

  /** Reads a stretch of a segment that was flushed; fewer bytes at its end. */
  readAt({ fd, length }: Segment, at: number, into: Buffer): Buffer {
    const bytes = into.subarray(0, Math.min(into.length, length - at))
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, at))
  }

  /** Writes over what stands there, as it is known to be. */
  overwrite(segment: Segment, at: number, bytes: Buffer): void {
    writeSync(segment.fd, bytes, 0, bytes.length, at)
    this.#unsynced.add(segment)
  }

  /** Hands what waits to the operating system. */
  flush(): void {
    const tail = this.#tail
    if (!tail || this.#waiting === 0) return
    let at = 0
    try {
      while (at < this.#waiting) {
        const position = tail.length - this.#waiting + at
        at += writeSync(tail.fd, this.#buffer.bytes, at, this.#waiting - at, position)
      }
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    }
    this.#waiting = 0
    this.#unsynced.add(tail)
  }

  /** Resolves when everything flushed until now is on the disk.   @throws detection.state.notWritten */
  async sync(): Promise<void> {
    const segments = [...this.#unsynced]
    this.#unsynced.clear()
    this.#syncFolders()
    this.#syncing++
    try {
      for (const { fd } of segments) await syncLater(fd)
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    } finally {
      this.#syncing--
      this.#closeRetired()
    }
  }

  /** As `sync`, at once: for little. */
  syncNow(): void {
    try {
      for (const { fd } of this.#unsynced) fdatasyncSync(fd)
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    }
    this.#unsynced.clear()
    this.#syncFolders()
    this.#closeRetired()
  }

  /** Takes a segment out: nothing stands there any more, though its file is still there until `remove`. */
  retire(segment: Segment): void {
    this.#segments.delete(segment.number)
    this.#bytes -= segment.length
    this.#retired.add(segment)
    this.#closeRetired()
  }

  /** Deletes the file of a segment that was retired. */
  remove(number: number): void {
    rmSync(this.#path(number), { force: true })
  }

  close(): void {
    for (const segment of this.#segments.values()) this.#retired.add(segment)
    this.#segments.clear()
    this.#unsynced.clear()
    this.#closeRetired()
  }

  /** A checkpoint may still need what was retired, so it is synced before it is closed; and a file number must not become
   * that of another file while a sync under way uses it. */
  #closeRetired(): void {
    if (this.#syncing > 0) return
    for (const segment of this.#retired) {
      if (this.#unsynced.has(segment)) continue
      closeSync(segment.fd)
      this.#retired.delete(segment)
    }
  }

  #begin(): Segment {
    this.flush()
    const number = this.#nextNumber
    try {
      const made = mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
      this.#newFolder = made === undefined ? (this.#newFolder ?? this.#dir) : dirname(made)
      this.#tail = this.#adopt(number)
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    }
    return this.#tail
  }

  #adopt(number: number): Segment {
    const fd = openSync(this.#path(number), existsSync(this.#path(number)) ? 'r+' : 'w+', 0o600)
    const segment: Segment = { number, fd, length: 0, records: 0, shares: new Map() }
    this.#segments.set(number, segment)
    this.#nextNumber = number + 1
    return segment
  }

  #path(number: number): string {
    return join(this.#dir, `${String(number).padStart(10, '0')}.groups`)
  }

  /** Of the folders, those that are new are synced from within, so that none is reached that is not there. */
  #syncFolders(): void {
    if (this.#newFolder === undefined) return
    let folder = this.#dir
    for (; folder !== this.#newFolder; folder = dirname(folder)) syncDir(folder)
    syncDir(folder)
    this.#newFolder = undefined
  }
}

function notWritten(dir: string, cause: unknown) {
  const code = (cause as NodeJS.ErrnoException).code ?? 'no reason given'
  return detectionError(
    'detection.state.notWritten',
    `the windows of correlations cannot be written to \`${dir}\` (${code}); the shard waits until they can`,
    { cause },
  )
}
