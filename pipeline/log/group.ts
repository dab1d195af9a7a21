import { constants, zstdCompressSync } from 'node:zlib'
import { assert } from '../../platform/index.ts'
import type { LogRecord } from '../types.ts'
import { logError } from './errors.ts'
import {
  blockFrame,
  type EncodedMeta,
  encodeMeta,
  type FrameKey,
  INSTANT_MAX,
  innerFrameBytes,
  putRecordFrame,
  recordFrameBytes,
  sealFrame,
  viewOf,
} from './frame.ts'
import type { LogLimits } from './limits.ts'

/** Who waits for a group to be durable. */
interface Waiter {
  readonly firstOffset: number
  readonly resolve: (result: { readonly firstOffset: number }) => void
  readonly reject: (error: unknown) => void
}

const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** A compressed block must be this much smaller to be worth inflating again. */
const RATIO_MAX = 0.9
const FIRST_BUFFER_BYTES = 8 * 1024

/** The records of one `append`, found to be within the limits. */
export interface MeasuredCall {
  readonly records: readonly { readonly record: LogRecord; readonly meta: EncodedMeta }[]
  readonly contentBytes: number
}

/** @throws pipeline.log.tooLarge */
export function measureCall(records: readonly LogRecord[], limits: LogLimits): MeasuredCall {
  const measured: { record: LogRecord; meta: EncodedMeta }[] = []
  let contentBytes = 0
  let last: LogRecord | undefined
  let meta: EncodedMeta | undefined
  for (const record of records) {
    if (meta === undefined || record.source !== last?.source || record.headers !== last.headers) {
      meta = encodeMeta(record)
      const headersBytes = meta.bytes.length - meta.sourceBytes
      if (meta.sourceBytes > limits.sourceBytesMax) throw tooLarge('source', meta.sourceBytes, limits.sourceBytesMax)
      if (headersBytes > limits.headersBytesMax) throw tooLarge('headers', headersBytes, limits.headersBytesMax)
    }
    last = record
    const payloadBytes = record.payload.length
    if (payloadBytes > limits.recordBytesMax) throw tooLarge('payload', payloadBytes, limits.recordBytesMax)
    assert(isInstant(record.receivedAt), 'a receive time is whole milliseconds since the epoch')
    contentBytes += recordFrameBytes(meta, record)
    measured.push({ record, meta })
  }
  if (contentBytes > limits.callBytesMax) throw tooLarge('records of one append', contentBytes, limits.callBytesMax)
  return { records: measured, contentBytes }
}

function tooLarge(what: string, bytes: number, bytesMax: number): Error {
  return logError('pipeline.log.tooLarge', `the ${what} would take ${bytes} bytes of the log; ${bytesMax} are allowed`)
}

function isInstant(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= INSTANT_MAX
}

/** What one write and one sync make durable: the records of one or many calls, encoded as they come, block by block,
 * so that only the last block is left to do when the disk is free. */
export class Group {
  readonly firstOffset: number
  nextOffset: number
  newestAt = 0
  /** As records, before compression. */
  contentBytes = 0
  readonly waiters: Waiter[] = []
  readonly #key: FrameKey
  readonly #limits: LogLimits
  readonly #pieces: Uint8Array[] = []
  #block: Buffer
  #view: DataView
  #usedBytes = 0
  #blockOffset: number
  #blockCount = 0
  #blockNewestAt = 0

  constructor(firstOffset: number, key: FrameKey, limits: LogLimits) {
    this.firstOffset = firstOffset
    this.nextOffset = firstOffset
    this.#blockOffset = firstOffset
    this.#key = key
    this.#limits = limits
    this.#block = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES)
    this.#view = viewOf(this.#block)
  }

  /** Copies the records in; they are the caller's again when this returns. */
  add(call: MeasuredCall): void {
    for (const { record, meta } of call.records) {
      const length = recordFrameBytes(meta, record)
      this.#makeRoom(length)
      putRecordFrame(this.#block, this.#view, this.#usedBytes, { offset: this.nextOffset, record, meta })
      this.#usedBytes += length
      this.#blockCount += 1
      this.#blockNewestAt = Math.max(this.#blockNewestAt, record.receivedAt)
      this.contentBytes += length
      this.nextOffset += 1
    }
  }

  /** The bytes to write. Nothing is added to the group afterwards. */
  seal(): readonly Uint8Array[] {
    this.#sealBlock()
    return this.#pieces
  }

  #makeRoom(length: number): void {
    const { blockBytes } = this.#limits
    if (this.#usedBytes + length > blockBytes) this.#sealBlock()
    if (this.#usedBytes + length <= this.#block.length) return
    const bytes = Buffer.allocUnsafeSlow(Math.max(length, blockBytes))
    bytes.set(this.#block.subarray(0, this.#usedBytes))
    this.#block = bytes
    this.#view = viewOf(bytes)
  }

  /** Compresses the block if that pays, else gives each record its own checksum. */
  #sealBlock(): void {
    const content = this.#block.subarray(0, this.#usedBytes)
    if (content.length === 0) return
    this.newestAt = Math.max(this.newestAt, this.#blockNewestAt)
    const compressed = content.length < this.#limits.compressBytesMin ? undefined : zstdCompressSync(content, ZSTD)
    if (compressed !== undefined && compressed.length < content.length * RATIO_MAX) {
      const block = {
        firstOffset: this.#blockOffset,
        count: this.#blockCount,
        newestAt: this.#blockNewestAt,
        contentBytes: content.length,
      }
      this.#pieces.push(blockFrame(block, compressed, this.#key))
    } else {
      for (let at = 0; at < content.length; ) {
        const length = innerFrameBytes(this.#view, at, content.length)
        sealFrame(this.#block, this.#view, at, length, this.#key)
        at += length
      }
      this.#pieces.push(content)
      this.#block = Buffer.alloc(0)
      this.#view = viewOf(this.#block)
    }
    this.#usedBytes = 0
    this.#blockOffset = this.nextOffset
    this.#blockCount = 0
    this.#blockNewestAt = 0
  }
}
