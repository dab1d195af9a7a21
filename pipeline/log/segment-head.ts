import { crc32c } from '@node-rs/crc32'
import type { LogId } from './log-id.ts'

/* The first bytes of a segment, little-endian:
 *   0  8 bytes  "RMPTLOG" and a zero
 *   8  u32      crc32c of what follows
 *  12  u16      version
 *  14  u16      length of this head
 *  16  u64      base offset
 *  24  u64      when it was made, ms
 *  32  u64      newest receive time of all records in the segments before it, ms: how old those are
 *  40  16 bytes the log's id */
export const SEGMENT_HEAD_BYTES = 64
const VERSION = 1
const MAGIC = Buffer.from('RMPTLOG\0', 'latin1')

export interface SegmentHead {
  readonly base: number
  readonly createdAt: number
  readonly newestBefore: number
  readonly id: LogId
}

export function encodeSegmentHead(head: SegmentHead): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
  MAGIC.copy(bytes)
  bytes.writeUInt16LE(VERSION, 12)
  bytes.writeUInt16LE(SEGMENT_HEAD_BYTES, 14)
  bytes.writeBigUInt64LE(BigInt(head.base), 16)
  bytes.writeBigUInt64LE(BigInt(Math.max(0, Math.trunc(head.createdAt))), 24)
  bytes.writeBigUInt64LE(BigInt(head.newestBefore), 32)
  head.id.copy(bytes, 40)
  bytes.writeUInt32LE(crc32c(bytes.subarray(12)), 8)
  return bytes
}

/** The head of a segment; `damaged` where there is no sound one, `newer` when a later version of Rampart wrote it: every
 * version keeps these 64 bytes and their checksum. */
export function readSegmentHead(bytes: Buffer): SegmentHead | 'damaged' | 'newer' {
  if (bytes.length < SEGMENT_HEAD_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return 'damaged'
  if (bytes.readUInt32LE(8) !== crc32c(bytes.subarray(12, SEGMENT_HEAD_BYTES))) return 'damaged'
  if (bytes.readUInt16LE(12) > VERSION) return 'newer'
  return {
    base: Number(bytes.readBigUInt64LE(16)),
    createdAt: Number(bytes.readBigUInt64LE(24)),
    newestBefore: Number(bytes.readBigUInt64LE(32)),
    id: Buffer.from(bytes.subarray(40, 56)),
  }
}
