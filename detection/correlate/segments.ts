import { dirname, join } from 'node:path'
import { detectionError } from '../errors.ts'
import { mix } from './checksum.ts'
import { type GroupRecord, makeRecordBuffer, RECORD_HEAD_BYTES, type RecordBuffer, recordAt } from './group-record.ts'
import type { StateDisk } from './state-disk.ts'

/** Locations of one segment; a segment may outgrow its size by one record. */
const SPAN = 2 ** 32
const NAME = /^([0-9]{10})\.groups$/
const BUFFER_BYTES = 256 * 1024
/** What is read to see a record: most are smaller. */
const GLANCE_BYTES = 512
/** A disk that cannot read a stretch often can all of it but one of these. */
const PAGE_BYTES = 4096

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
  readonly file: number
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
  readonly #disk: StateDisk
  readonly #dir: string
  readonly #segmentBytes: number
  readonly #secret: number
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
   * @param options secret: of the sums of records
   * @returns the segments, and the numbers of those that are missing
   * @throws detection.state.notWritten */
  static open(
    dir: string,
    {
      extents,
      ...options
    }: {
      readonly extents: readonly SegmentExtent[]
      readonly segmentBytes: number
      readonly secret: number
      readonly disk: StateDisk
    },
  ): { segments: Segments; missing: number[] } {
    const segments = new Segments(dir, options)
    try {
      return { segments, missing: segments.#open(extents) }
    } catch (error) {
      segments.close()
      throw error
    }
  }

  private constructor(
    dir: string,
    {
      segmentBytes,
      secret,
      disk,
    }: { readonly segmentBytes: number; readonly secret: number; readonly disk: StateDisk },
  ) {
    this.#dir = dir
    this.#segmentBytes = segmentBytes
    this.#secret = secret
    this.#disk = disk
  }

  #open(extents: readonly SegmentExtent[]): number[] {
    return this.#changing(() => {
      const known = new Map(extents)
      const there = new Set<number>()
      for (const name of this.#disk.list(this.#dir)) {
        const number = Number(NAME.exec(name)?.[1])
        if (known.has(number)) there.add(number)
        else this.#disk.remove(join(this.#dir, name))
      }
      const missing: number[] = []
      for (const [number, length] of [...extents].sort(([left], [right]) => left - right)) {
        if (!there.has(number)) {
          missing.push(number)
          this.#nextNumber = number + 1
          continue
        }
        const segment = this.#adopt(number)
        this.#disk.truncate(segment.file, length)
        segment.length = length
        this.#bytes += length
      }
      return missing
    })
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

  /** What the sum of a record begins with that stands there, so that it is good nowhere else. */
  placeOf(location: number): number {
    return mix(mix(this.#secret, Math.floor(location / SPAN)), location % SPAN)
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
    const location = this.locationIn(tail, tail.length)
    this.#buffer.place = this.placeOf(location)
    const length = write(this.#buffer, this.#waiting)
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
      return recordAt(this.#buffer.bytes.subarray(at - written, this.#waiting), 0, this.placeOf(location))
    }
    let bytes = this.#glance
    let read = this.#read(segment, bytes, at)
    if (read < RECORD_HEAD_BYTES) return undefined
    const length = bytes.readUInt32LE(8)
    if (length > segment.length - at) return undefined
    if (length > read) {
      bytes = Buffer.allocUnsafe(length)
      read = this.#read(segment, bytes, at)
    }
    return recordAt(bytes.subarray(0, read), 0, this.placeOf(location))
  }

  /** Reads a stretch of a segment that was flushed; fewer bytes at its end. */
  readAt(segment: Segment, at: number, into: Buffer): Buffer {
    const bytes = into.subarray(0, Math.min(into.length, segment.length - at))
    bytes.fill(0, this.#read(segment, bytes, at))
    return bytes
  }

  /** @returns how many bytes were read, those that the disk cannot give back being zeros: damaged, as it were */
  #read({ file }: Segment, into: Buffer, at: number): number {
    try {
      return this.#disk.read(file, into, at)
    } catch {
      for (let from = 0; from < into.length; ) {
        const part = into.subarray(from, from + PAGE_BYTES - ((at + from) % PAGE_BYTES))
        from += part.length
        try {
          part.fill(0, this.#disk.read(file, part, at + from - part.length))
        } catch {
          part.fill(0)
        }
      }
      return into.length
    }
  }

  /** Writes over what stands there, as it is known to be.   @throws detection.state.notWritten */
  overwrite(segment: Segment, at: number, bytes: Buffer): void {
    this.#changing(() => this.#write(segment, bytes, at))
    this.#unsynced.add(segment)
  }

  /** Hands what waits to the operating system. */
  flush(): void {
    const tail = this.#tail
    if (!tail || this.#waiting === 0) return
    const bytes = this.#buffer.bytes.subarray(0, this.#waiting)
    this.#changing(() => this.#write(tail, bytes, tail.length - bytes.length))
    this.#waiting = 0
    this.#unsynced.add(tail)
  }

  /** Resolves when everything flushed until now is on the disk. When it fails, nobody knows what is: the files must not be
   * gone on with, but be opened anew.   @throws detection.state.notWritten
   * @see Rebello and others: Can applications recover from fsync failures? (2020) */
  async sync(): Promise<void> {
    const segments = [...this.#unsynced]
    this.#unsynced.clear()
    this.#syncing++
    try {
      this.#syncFolders()
      for (const { file } of segments) await this.#disk.syncLater(file)
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    } finally {
      this.#syncing--
      this.#closeRetired()
    }
  }

  /** As `sync`, at once: for little. */
  syncNow(): void {
    this.#changing(() => {
      for (const { file } of this.#unsynced) this.#disk.sync(file)
      this.#syncFolders()
    })
    this.#unsynced.clear()
    this.#closeRetired()
  }

  /** Takes a segment out: nothing stands there any more, though its file is still there until `remove`. */
  retire(segment: Segment): void {
    this.#segments.delete(segment.number)
    this.#bytes -= segment.length
    this.#retired.add(segment)
    this.#closeRetired()
  }

  /** Deletes the file of a segment that was retired.   @throws detection.state.notWritten */
  remove(number: number): void {
    this.#changing(() => this.#disk.remove(this.#path(number)))
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
      this.#disk.close(segment.file)
      this.#retired.delete(segment)
    }
  }

  #begin(): Segment {
    this.flush()
    return this.#changing(() => {
      const made = this.#disk.makeDir(this.#dir)
      this.#newFolder = made === undefined ? (this.#newFolder ?? this.#dir) : dirname(made)
      this.#tail = this.#adopt(this.#nextNumber)
      return this.#tail
    })
  }

  #adopt(number: number): Segment {
    const file = this.#disk.open(this.#path(number))
    const segment: Segment = { number, file, length: 0, records: 0, shares: new Map() }
    this.#segments.set(number, segment)
    this.#nextNumber = number + 1
    return segment
  }

  #write({ file }: Segment, bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length; ) at += this.#disk.write(file, bytes.subarray(at), position + at)
  }

  /** @throws detection.state.notWritten when there is no room on the disk, or the disk fails */
  #changing<Value>(work: () => Value): Value {
    try {
      return work()
    } catch (cause) {
      throw notWritten(this.#dir, cause)
    }
  }

  #path(number: number): string {
    return join(this.#dir, `${String(number).padStart(10, '0')}.groups`)
  }

  /** Of the folders, those that are new are synced from within, so that none is reached that is not there. */
  #syncFolders(): void {
    if (this.#newFolder === undefined) return
    let folder = this.#dir
    for (; folder !== this.#newFolder; folder = dirname(folder)) this.#disk.syncDir(folder)
    this.#disk.syncDir(folder)
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
