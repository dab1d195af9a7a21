import { assert } from '../../platform/index.ts'
import type { LogRecord } from '../types.ts'
import type { Compressor } from './compressor.ts'
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

const FIRST_BUFFER_BYTES = 2 * 1024
/** What a call that waits takes besides its records. */
const CALL_BYTES = 256

/** The records of one `append`, found to be within the limits. */
export interface MeasuredCall {
  readonly records: readonly LogRecord[]
  /** Source and headers of the records up to an index; neighbours mostly share them. */
  readonly metas: readonly { readonly meta: EncodedMeta; readonly upTo: number }[]
  readonly contentBytes: number
  /** Memory the call takes while it waits: many tiny ones are to be bounded like few large ones. */
  readonly waitingBytes: number
}

/** @throws pipeline.log.tooLarge */
export function measureCall(records: readonly LogRecord[], limits: LogLimits): MeasuredCall {
  const metas: { readonly meta: EncodedMeta; upTo: number }[] = []
  let contentBytes = 0
  let last: { readonly meta: EncodedMeta; upTo: number } | undefined
  let source: string | undefined
  let headers: LogRecord['headers'] = {}
  for (const record of records) {
    if (last === undefined || record.source !== source || !sameHeaders(record.headers, headers)) {
      last = { meta: measureMeta(record, limits), upTo: last?.upTo ?? 0 }
      metas.push(last)
      source = record.source
      headers = record.headers
    }
    last.upTo += 1
    const payloadBytes = record.payload.length
    if (payloadBytes > limits.recordBytesMax) throw tooLarge('payload', payloadBytes, limits.recordBytesMax)
    assert(isInstant(record.receivedAt), 'a receive time is whole milliseconds since the epoch')
    contentBytes += recordFrameBytes(last.meta, record)
  }
  if (contentBytes > limits.callBytesMax) throw tooLarge('records of one append', contentBytes, limits.callBytesMax)
  return { records, metas, contentBytes, waitingBytes: contentBytes + CALL_BYTES }
}

/** True for the same object, and for two without any header: most records have none. */
function sameHeaders(a: LogRecord['headers'], b: LogRecord['headers']): boolean {
  if (a === b) return true
  for (const _ in a) return false
  for (const _ in b) return false
  return true
}

function measureMeta(record: LogRecord, limits: LogLimits): EncodedMeta {
  const meta = encodeMeta(record)
  const headersBytes = meta.bytes.length - meta.sourceBytes
  if (meta.sourceBytes > limits.sourceBytesMax) throw tooLarge('source', meta.sourceBytes, limits.sourceBytesMax)
  if (headersBytes > limits.headersBytesMax) throw tooLarge('headers', headersBytes, limits.headersBytesMax)
  return meta
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
  /** Memory it holds, as far as it is counted. */
  waitingBytes = 0
  readonly waiters: Waiter[] = []
  readonly #key: FrameKey
  readonly #compressor: Compressor
  readonly #blockBytes: number
  readonly #pieces: Uint8Array[] = []
  #block: Buffer
  #view: DataView
  #usedBytes = 0
  #blockOffset: number
  #blockCount = 0
  #blockNewestAt = 0

  constructor(
    firstOffset: number,
    options: { readonly key: FrameKey; readonly compressor: Compressor; readonly blockBytes: number },
  ) {
    this.firstOffset = firstOffset
    this.nextOffset = firstOffset
    this.#blockOffset = firstOffset
    this.#key = options.key
    this.#compressor = options.compressor
    this.#blockBytes = options.blockBytes
    this.#block = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES)
    this.#view = viewOf(this.#block)
  }

  /** Copies the records in; they are the caller's again when this returns. */
  add(call: MeasuredCall): void {
    this.waitingBytes += call.waitingBytes
    let index = 0
    for (const { meta, upTo } of call.metas) {
      for (; index < upTo; index++) {
        const record = call.records[index]
        if (record !== undefined) this.#addRecord(record, meta)
      }
    }
  }

  /** The bytes to write. Nothing is added to the group afterwards. */
  seal(): readonly Uint8Array[] {
    this.#sealBlock()
    return this.#pieces
  }

  #addRecord(record: LogRecord, meta: EncodedMeta): void {
    const length = recordFrameBytes(meta, record)
    this.#makeRoom(length)
    putRecordFrame(this.#block, this.#view, this.#usedBytes, { offset: this.nextOffset, record, meta })
    this.#usedBytes += length
    this.#blockCount += 1
    this.#blockNewestAt = Math.max(this.#blockNewestAt, record.receivedAt)
    this.contentBytes += length
    this.nextOffset += 1
  }

  #makeRoom(length: number): void {
    if (this.#usedBytes + length > this.#blockBytes) this.#sealBlock()
    if (this.#usedBytes + length <= this.#block.length) return
    const doubled = Math.min(this.#blockBytes, this.#block.length * 2)
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#usedBytes + length, doubled, FIRST_BUFFER_BYTES))
    bytes.set(this.#block.subarray(0, this.#usedBytes))
    this.#block = bytes
    this.#view = viewOf(bytes)
  }

  /** Compresses the block if that pays, else gives each record its own checksum. */
  #sealBlock(): void {
    const content = this.#block.subarray(0, this.#usedBytes)
    if (content.length === 0) return
    this.newestAt = Math.max(this.newestAt, this.#blockNewestAt)
    const compressed = this.#compressor.tryCompress(content)
    if (compressed !== undefined) {
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
