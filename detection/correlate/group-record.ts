import { checksum } from './checksum.ts'
import type { EntryValue } from './measure.ts'
import { Window } from './window.ts'

// A group as it stands in a segment, little endian:
//   0 u32 checksum of everything from 4 on, and of where it stands
//   4 u32 version: the checkpoint that it belongs to; 0 = void
//   8 u32 length of the record
//  12 u32 table   16 u32 entries   20 u16 characters of the key   22 u16 flags
//  24 f64 location of the record that this one takes the place of; 0 = none
//  32 f64 arrived at   40 f64 told at   48 u32 entries that left
//  52 time and reference of each entry (f64), tags (u16), the key, values (a byte of kind before each)
const HEADER_BYTES = 52
const SUMMED_FROM = 4
const KEY_IS_WIDE = 1
const HAS_TAGS = 2
const HAS_VALUES = 4
/** The sum says where it stands. That of records of an earlier version does not, and begins behind the version. */
const IS_PLACED = 8
const SUMMED_FROM_EARLIER = 8
const NO_VALUE = 0
const NUMBER = 1
const TEXT = 2
const WIDE_TEXT = 3

/** Bytes that show how long a record is. */
export const RECORD_HEAD_BYTES = 12
/** Bytes that show whether a record may begin there. */
export const RECORD_BYTES_MIN = HEADER_BYTES

/** What identifies a group's record and where it stands in time. */
export interface RecordHead {
  readonly version: number
  readonly table: number
  readonly supersedes: number
}

/** Bytes to write records into. */
export interface RecordBuffer {
  readonly bytes: Buffer
  readonly view: DataView
  /** What the sum of the next record begins with. */
  place: number
}

export function makeRecordBuffer(size: number): RecordBuffer {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: new DataView(bytes.buffer), place: 0 }
}

/** A record that was read: its bytes begin with it and may go on. */
export class GroupRecord {
  readonly bytes: Buffer
  readonly #view: DataView

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get length(): number {
    return this.#view.getUint32(8, true)
  }

  /** Whether it is all there, as it was written, and at this place. */
  isWhole(place: number): boolean {
    const { length } = this
    if (length < HEADER_BYTES || length > this.bytes.length) return false
    const sum = this.isPlaced
      ? checksum(this.#view, SUMMED_FROM, length, place)
      : checksum(this.#view, SUMMED_FROM_EARLIER, length)
    return sum === this.#view.getUint32(0, true)
  }

  get isPlaced(): boolean {
    return (this.#flags & IS_PLACED) !== 0
  }

  /** Its first bytes when it is made void in its place. */
  voided(place: number): Buffer {
    const head = Buffer.alloc(SUMMED_FROM + 4)
    if (this.isPlaced) {
      this.#view.setUint32(4, 0, true)
      head.writeUInt32LE(checksum(this.#view, SUMMED_FROM, this.length, place))
    } else this.bytes.copy(head, 0, 0, SUMMED_FROM)
    return head
  }

  get version(): number {
    return this.#view.getUint32(4, true)
  }

  get table(): number {
    return this.#view.getUint32(12, true)
  }

  get supersedes(): number {
    return this.#view.getFloat64(24, true)
  }

  get arrivedAt(): number {
    return this.#view.getFloat64(32, true)
  }

  get key(): string {
    const flags = this.#flags
    const at = HEADER_BYTES + this.#entries * (flags & HAS_TAGS ? 18 : 16)
    const chars = this.#view.getUint16(20, true)
    return flags & KEY_IS_WIDE
      ? this.bytes.toString('utf16le', at, at + 2 * chars)
      : this.bytes.toString('latin1', at, at + chars)
  }

  /** The group's window, as it was when it was written.
   * @param key as it is already in memory */
  window(key: string): Window {
    const view = this.#view
    const entries = this.#entries
    const flags = this.#flags
    const numbers: number[] = []
    let at = HEADER_BYTES
    for (let i = 0; i < 2 * entries; i++, at += 8) numbers.push(view.getFloat64(at, true))
    let tags: number[] | undefined
    if (flags & HAS_TAGS) {
      tags = []
      for (let i = 0; i < entries; i++, at += 2) tags.push(view.getUint16(at, true))
    }
    at += view.getUint16(20, true) * (flags & KEY_IS_WIDE ? 2 : 1)
    let values: EntryValue[] | undefined
    if (flags & HAS_VALUES) {
      values = []
      for (let i = 0; i < entries; i++) {
        const kind = this.bytes[at++]
        if (kind === NO_VALUE) values.push(undefined)
        else if (kind === NUMBER) {
          values.push(view.getFloat64(at, true))
          at += 8
        } else {
          const chars = view.getUint16(at, true)
          at += 2
          const end = at + (kind === WIDE_TEXT ? 2 * chars : chars)
          values.push(this.bytes.toString(kind === WIDE_TEXT ? 'utf16le' : 'latin1', at, end))
          at = end
        }
      }
    }
    const toldAt = view.getFloat64(40, true)
    const left = view.getUint32(48, true)
    return Window.of({ arrivedAt: this.arrivedAt, toldAt, numbers, tags, values, left, key })
  }

  get #entries(): number {
    return this.#view.getUint32(16, true)
  }

  get #flags(): number {
    return this.#view.getUint16(22, true)
  }
}

/** The record that begins at `at`; undefined when no whole and unharmed one does.
 * @param place as `placeOf` says of where it stands */
export function recordAt(bytes: Buffer, at: number, place: number): GroupRecord | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined
  const record = new GroupRecord(at === 0 ? bytes : bytes.subarray(at))
  return record.isWhole(place) ? record : undefined
}

/** Whether a record of at most so many bytes may begin at `at`: its numbers go together. A sum over everything that may be
 * one would take too long. */
export function mayBeginAt(
  { bytes, view }: Pick<RecordBuffer, 'bytes' | 'view'>,
  at: number,
  bytesMax: number,
): boolean {
  if (at + HEADER_BYTES > bytes.length) return false
  const length = view.getUint32(at + 8, true)
  if (length < HEADER_BYTES || length > bytesMax) return false
  const entries = view.getUint32(at + 16, true)
  const flags = view.getUint16(at + 22, true)
  const chars = view.getUint16(at + 20, true) * (flags & KEY_IS_WIDE ? 2 : 1)
  const least = HEADER_BYTES + entries * (flags & HAS_TAGS ? 18 : 16) + chars
  return flags & HAS_VALUES ? length >= least + entries : length === least
}

/** Bytes that the record of this group has at most. */
export function recordBytesMax(window: Window): number {
  const { size, key } = window
  return HEADER_BYTES + 2 * key.length + 18 * size + (window.hasValues ? 11 * size + 2 * window.valueChars : 0)
}

/** Writes a group's record at `at`.   @returns its length */
export function writeRecord(into: RecordBuffer, at: number, head: RecordHead, window: Window): number {
  const { view } = into
  const { size, hasTags, hasValues, key } = window
  let end = at + HEADER_BYTES
  for (let i = 0; i < size; i++, end += 16) {
    view.setFloat64(end, window.timeAt(i), true)
    view.setFloat64(end + 8, window.refAt(i), true)
  }
  if (hasTags) for (let i = 0; i < size; i++, end += 2) view.setUint16(end, window.tagAt(i), true)
  const keyEnd = writeText(into, end, key)
  const isWide = keyEnd !== end + key.length
  end = keyEnd
  if (hasValues) for (let i = 0; i < size; i++) end = writeValue(into, end, window.valueAt(i))
  view.setUint32(at + 12, head.table, true)
  view.setUint32(at + 16, size, true)
  view.setUint16(at + 20, key.length, true)
  const flags = (isWide ? KEY_IS_WIDE : 0) | (hasTags ? HAS_TAGS : 0) | (hasValues ? HAS_VALUES : 0)
  view.setUint16(at + 22, flags | IS_PLACED, true)
  view.setFloat64(at + 24, head.supersedes, true)
  view.setFloat64(at + 32, window.arrivedAt, true)
  view.setFloat64(at + 40, window.toldAt, true)
  view.setUint32(at + 48, window.left, true)
  return seal(into, at, end, head.version)
}

/** Copies a record to another place, where it takes the place of itself.   @returns its length */
export function moveRecord(
  record: GroupRecord,
  into: RecordBuffer,
  at: number,
  { supersedes, version }: Pick<RecordHead, 'supersedes' | 'version'>,
): number {
  const { length } = record
  record.bytes.copy(into.bytes, at, 0, length)
  into.view.setUint16(at + 22, into.view.getUint16(at + 22, true) | IS_PLACED, true)
  into.view.setFloat64(at + 24, supersedes, true)
  return seal(into, at, at + length, version)
}

function seal({ view, place }: RecordBuffer, at: number, end: number, version: number): number {
  view.setUint32(at + 4, version, true)
  view.setUint32(at + 8, end - at, true)
  view.setUint32(at, checksum(view, at + SUMMED_FROM, end, place), true)
  return end - at
}

function writeValue(into: RecordBuffer, at: number, value: EntryValue): number {
  const { bytes, view } = into
  if (value === undefined) {
    bytes[at] = NO_VALUE
    return at + 1
  }
  if (typeof value === 'number') {
    bytes[at] = NUMBER
    view.setFloat64(at + 1, value, true)
    return at + 9
  }
  view.setUint16(at + 1, value.length, true)
  const end = writeText(into, at + 3, value)
  bytes[at] = end === at + 3 + value.length ? TEXT : WIDE_TEXT
  return end
}

/** A byte a character where all have room in one; else UTF-16: whatever an outsider put in, half a surrogate pair too, comes
 * back as it was.   @returns where it ends */
function writeText({ bytes, view }: RecordBuffer, at: number, text: string): number {
  const { length } = text
  let all = 0
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    all |= unit
    bytes[at + i] = unit
  }
  if (all <= 0xff) return at + length
  for (let i = 0; i < length; i++) view.setUint16(at + 2 * i, text.charCodeAt(i), true)
  return at + 2 * length
}
