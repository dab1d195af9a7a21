import { crc32c } from '@node-rs/crc32'
import { assert } from '../../platform/index.ts'
import { type LogRecord, type RecordFormat, recordFormats, type StoredRecord } from '../types.ts'

/* A segment is a header and then frames. A frame is one record, or a zstd block whose content is frames of records.
 *
 *   0 u32  mark      the log's own secret word: where a scan after damage looks for the next frame
 *   4 u32  crc32c    of everything after it, seeded by the log
 *   8 u32  length    of the whole frame
 *  12 u48  offset    of its first record
 *  18 u8   kind      1 record, 2 zstd block
 *  19 u8   format    of the record; 0 in a block
 *  20 u48  time      receive time, ms; in a block the newest of it
 *  26 u16  source    bytes of the source; 0 in a block
 *  28 u32  headers   bytes of the headers (JSON); in a block the number of records
 *  32      source, headers, payload; in a block u32 length of its content, then zstd
 *
 * All numbers are little-endian. Another kind needs another version of the segment's head. Frames inside a block carry no mark and no checksum of their own: the block's covers
 * them. INVARIANT (unguessable): mark and seed are random and never leave the directory, so that no payload can pass
 * for a frame when a damaged stretch is scanned. */
const FRAME_HEAD_BYTES = 32
/** Longer frames, and blocks with more in them, do not exist: what says so is damaged. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024
/** Offsets and times have 48 bits. */
export const INSTANT_MAX = 2 ** 48 - 1

const KIND_RECORD = 1
const KIND_BLOCK = 2
/** The numbers on disk; never renumbered. */
const formatCodes: Readonly<Record<RecordFormat, number>> = { auto: 0, json: 1, text: 2, csv: 3, syslog: 4 }
const formatsByCode = new Map(recordFormats.map((format) => [formatCodes[format], format]))

/** What makes a log's frames its own. */
export interface FrameKey {
  readonly mark: number
  readonly seed: number
}

export interface FrameHead {
  readonly kind: 'record' | 'block'
  readonly lengthBytes: number
  readonly firstOffset: number
  readonly count: number
  readonly newestAt: number
}

/** Source and headers of a record as they stand in a frame, one after the other. */
export interface EncodedMeta {
  readonly bytes: Uint8Array
  readonly sourceBytes: number
}

export function recordFrameBytes(meta: EncodedMeta, record: LogRecord): number {
  return FRAME_HEAD_BYTES + meta.bytes.length + record.payload.length
}

/** Writes a record's frame without mark and checksum, as it stands inside a block; `sealFrame` adds them. */
export function putRecordFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  { offset, record, meta }: { readonly offset: number; readonly record: LogRecord; readonly meta: EncodedMeta },
): void {
  const length = recordFrameBytes(meta, record)
  assert(at + length <= bytes.length, 'a frame fits the buffer it is written to')
  view.setUint32(at, 0, true)
  view.setUint32(at + 4, 0, true)
  view.setUint32(at + 8, length, true)
  putUint48(view, at + 12, offset)
  view.setUint8(at + 18, KIND_RECORD)
  view.setUint8(at + 19, formatCodes[record.format])
  putUint48(view, at + 20, record.receivedAt)
  view.setUint16(at + 26, meta.sourceBytes, true)
  view.setUint32(at + 28, meta.bytes.length - meta.sourceBytes, true)
  bytes.set(meta.bytes, at + FRAME_HEAD_BYTES)
  bytes.set(record.payload, at + FRAME_HEAD_BYTES + meta.bytes.length)
}

/** A frame around a compressed block. */
export function blockFrame(
  block: {
    readonly firstOffset: number
    readonly count: number
    readonly newestAt: number
    readonly contentBytes: number
  },
  compressed: Uint8Array,
  key: FrameKey,
): Uint8Array {
  const length = FRAME_HEAD_BYTES + 4 + compressed.length
  const bytes = Buffer.allocUnsafeSlow(length)
  const view = viewOf(bytes)
  view.setUint32(8, length, true)
  putUint48(view, 12, block.firstOffset)
  view.setUint8(18, KIND_BLOCK)
  view.setUint8(19, 0)
  putUint48(view, 20, block.newestAt)
  view.setUint16(26, 0, true)
  view.setUint32(28, block.count, true)
  view.setUint32(FRAME_HEAD_BYTES, block.contentBytes, true)
  bytes.set(compressed, FRAME_HEAD_BYTES + 4)
  sealFrame(bytes, view, 0, length, key)
  return bytes
}

/** Adds mark and checksum to a frame. */
export function sealFrame(bytes: Uint8Array, view: DataView, at: number, length: number, key: FrameKey): void {
  view.setUint32(at, key.mark, true)
  view.setUint32(at + 4, crc32c(bytes.subarray(at + 8, at + length), key.seed), true)
}

/** What stands at `at`: a sound frame; `undefined` when it is not one; or how many bytes from `at` on are needed to
 * tell. `bytes` ends at `end`. */
export function readFrameHead(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  key: FrameKey,
): FrameHead | number | undefined {
  if (end - at < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES
  if (view.getUint32(at, true) !== key.mark) return undefined
  const length = view.getUint32(at + 8, true)
  if (length < FRAME_HEAD_BYTES || length > FRAME_BYTES_MAX) return undefined
  if (end - at < length) return length
  if (view.getUint32(at + 4, true) !== crc32c(bytes.subarray(at + 8, at + length), key.seed)) return undefined
  const kind = view.getUint8(at + 18)
  const firstOffset = getUint48(view, at + 12)
  const newestAt = getUint48(view, at + 20)
  if (kind === KIND_BLOCK && length >= FRAME_HEAD_BYTES + 4) {
    return { kind: 'block', lengthBytes: length, firstOffset, count: view.getUint32(at + 28, true), newestAt }
  }
  const metaBytes = view.getUint16(at + 26, true) + view.getUint32(at + 28, true)
  if (kind !== KIND_RECORD || FRAME_HEAD_BYTES + metaBytes > length) return undefined
  return { kind: 'record', lengthBytes: length, firstOffset, count: 1, newestAt }
}

/** The compressed content of the block whose frame stands at `at`, and its length once inflated. */
export function blockContent(
  bytes: Uint8Array,
  view: DataView,
  at: number,
): { readonly compressed: Uint8Array; readonly contentBytes: number } {
  const length = view.getUint32(at + 8, true)
  return {
    compressed: bytes.subarray(at + FRAME_HEAD_BYTES + 4, at + length),
    contentBytes: view.getUint32(at + FRAME_HEAD_BYTES, true),
  }
}

export function frameBytes(view: DataView, at: number): number {
  return view.getUint32(at + 8, true)
}

/** Length of the record frame at `at` of a block's content; 0 when it is none. */
export function innerFrameBytes(view: DataView, at: number, end: number): number {
  if (end - at < FRAME_HEAD_BYTES) return 0
  const length = view.getUint32(at + 8, true)
  const metaBytes = view.getUint16(at + 26, true) + view.getUint32(at + 28, true)
  return length > end - at || FRAME_HEAD_BYTES + metaBytes > length ? 0 : length
}

export function frameOffset(view: DataView, at: number): number {
  return getUint48(view, at + 12)
}

/** The record frames of an inflated block, one after the other, by their place; undefined when they do not add up. */
export function innerFrames(view: DataView): readonly number[] | undefined {
  const places: number[] = []
  for (let at = 0; at < view.byteLength; ) {
    const length = innerFrameBytes(view, at, view.byteLength)
    if (length === 0) return undefined
    places.push(at)
    at += length
  }
  return places
}

/** Turns sound record frames into records, sharing the bytes. Neighbours with the same source and headers share these
 * too. */
export class RecordReader {
  #meta: Uint8Array = new Uint8Array(0)
  #sourceBytes = 0
  #source = ''
  #headers: Readonly<Record<string, string>> = {}

  record(bytes: Buffer, view: DataView, at: number): StoredRecord {
    const length = view.getUint32(at + 8, true)
    const sourceBytes = view.getUint16(at + 26, true)
    const metaEnd = at + FRAME_HEAD_BYTES + sourceBytes + view.getUint32(at + 28, true)
    this.#readMeta(bytes, at + FRAME_HEAD_BYTES, sourceBytes, metaEnd)
    return {
      offset: getUint48(view, at + 12),
      receivedAt: getUint48(view, at + 20),
      source: this.#source,
      format: formatsByCode.get(view.getUint8(at + 19)) ?? 'auto',
      headers: this.#headers,
      payload: bytes.subarray(metaEnd, at + length),
    }
  }

  #readMeta(bytes: Buffer, from: number, sourceBytes: number, end: number): void {
    if (sourceBytes === this.#sourceBytes && sameBytes(this.#meta, bytes, from, end)) return
    this.#meta = bytes.subarray(from, end)
    this.#sourceBytes = sourceBytes
    this.#source = bytes.toString('utf8', from, from + sourceBytes)
    this.#headers =
      end === from + sourceBytes ? noHeaders : parseHeaders(bytes.toString('utf8', from + sourceBytes, end))
  }
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze({})

function parseHeaders(text: string): Readonly<Record<string, string>> {
  return Object.freeze(JSON.parse(text) as Record<string, string>)
}

function sameBytes(known: Uint8Array, bytes: Uint8Array, from: number, end: number): boolean {
  if (known.length !== end - from) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false
  return true
}

export function encodeMeta(record: Pick<LogRecord, 'source' | 'headers'>): EncodedMeta {
  const source = Buffer.from(record.source, 'utf8')
  for (const _ in record.headers) {
    const headers = Buffer.from(JSON.stringify(record.headers), 'utf8')
    return { bytes: Buffer.concat([source, headers]), sourceBytes: source.length }
  }
  return { bytes: source, sourceBytes: source.length }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function putUint48(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint16(at + 4, Math.floor(value / 2 ** 32), true)
}

function getUint48(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32
}
