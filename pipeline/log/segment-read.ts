import { zstdDecompressSync } from 'node:zlib'
import type { LogGap, StoredRecord } from '../types.ts'
import type { DiskFile } from './disk.ts'
import {
  blockContent,
  FRAME_BYTES_MAX,
  type FrameHead,
  type FrameKey,
  frameBytes,
  frameOffset,
  innerFrames,
  RecordReader,
  viewOf,
} from './frame.ts'
import { FrameScan } from './scan.ts'

/** A place in a segment: a frame's position and its first offset. */
export interface Place {
  readonly position: number
  readonly offset: number
}

const WINDOW_BYTES_MIN = 16 * 1024
const WINDOW_BYTES_MAX = 512 * 1024

/** Collects what one read returns. */
export class Harvest {
  readonly records: StoredRecord[] = []
  readonly gaps: LogGap[] = []
  bytes = 0
  /** Nothing more fits. */
  full = false
  readonly bytesMax: number
  readonly #reader = new RecordReader()

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** False when the record no longer fits. The first one always does. */
  take(bytes: Buffer, view: DataView, at: number): boolean {
    const length = frameBytes(view, at)
    if (this.records.length > 0 && this.bytes + length > this.bytesMax) {
      this.full = true
      return false
    }
    this.records.push(this.#reader.record(bytes, view, at))
    this.bytes += length
    if (this.bytes >= this.bytesMax) this.full = true
    return true
  }
}

interface SegmentRange {
  readonly path: string
  /** Where the walk starts, at or before `fromOffset`. */
  readonly start: Place
  readonly fromOffset: number
  readonly toOffset: number
}

/** Reads a segment's records from `fromOffset` up to `toOffset` into the harvest.
 * INVARIANT (oneNewer): nothing at or above `toOffset` is taken; where that is the base of the next segment, what stands
 * behind it in this one was never acknowledged.
 * @returns the next offset, and the place to go on from */
export async function readSegment(
  file: DiskFile,
  key: FrameKey,
  range: SegmentRange,
  harvest: Harvest,
  passed: (place: Place) => void,
): Promise<{ readonly nextOffset: number; readonly place: Place }> {
  const windowBytes = Math.min(WINDOW_BYTES_MAX, Math.max(WINDOW_BYTES_MIN, harvest.bytesMax))
  const sizeBytes = await file.sizeBytes()
  const scan = new FrameScan(file, key, { position: range.start.position, sizeBytes, windowBytes })
  let offset = range.start.offset
  while (offset < range.toOffset && !harvest.full) {
    const place = { position: scan.position, offset }
    let head = scan.peek()
    if (head === 'more') head = await scan.look()
    if (typeof head !== 'object' || head.firstOffset !== offset) {
      offset = await skipDamage(scan, { offset, head }, range, harvest)
      continue
    }
    passed(place)
    const taken = takeFrame(scan, head, range, harvest)
    if (taken !== undefined) return { nextOffset: taken, place }
    // A block may reach behind the range: its rest is for the next read.
    if (offset + head.count > range.toOffset) return { nextOffset: range.toOffset, place }
    offset += head.count
    scan.skip(head)
  }
  return { nextOffset: Math.max(offset, range.fromOffset), place: { position: scan.position, offset } }
}

/** Takes a frame's records that are in range. @returns the offset of the first that no longer fits, if one does not */
function takeFrame(scan: FrameScan, head: FrameHead, range: SegmentRange, harvest: Harvest): number | undefined {
  const { fromOffset, toOffset } = range
  if (head.firstOffset + head.count <= fromOffset) return undefined
  if (head.kind === 'record') {
    return harvest.take(scan.bytes, scan.view, scan.at) ? undefined : head.firstOffset
  }
  const content = inflate(scan)
  const view = content && viewOf(content)
  const places = view && innerFrames(view)
  if (content === undefined || view === undefined || places?.length !== head.count) {
    harvest.gaps.push({
      fromOffset: Math.max(head.firstOffset, fromOffset),
      toOffset: Math.min(head.firstOffset + head.count, toOffset),
      file: range.path,
      position: scan.position,
      reason: 'the block is sound but does not inflate',
    })
    return undefined
  }
  for (const at of places) {
    const offset = frameOffset(view, at)
    if (offset < fromOffset || offset >= toOffset) continue
    if (!harvest.take(content, view, at)) return offset
  }
  return undefined
}

function inflate(scan: FrameScan): Buffer | undefined {
  const { compressed, contentBytes } = blockContent(scan.bytes, scan.view, scan.at)
  if (contentBytes > FRAME_BYTES_MAX) return undefined
  try {
    return zstdDecompressSync(compressed, { maxOutputLength: contentBytes })
  } catch {
    return undefined
  }
}

/** Goes to the next sound frame of the range and reports what lies between. @returns its offset, or the range's end */
async function skipDamage(
  scan: FrameScan,
  at: { readonly offset: number; readonly head: FrameHead | 'damaged' },
  range: SegmentRange,
  harvest: Harvest,
): Promise<number> {
  const wanted = (head: FrameHead): boolean => head.firstOffset >= at.offset && head.firstOffset < range.toOffset
  const position = scan.position
  const ended = scan.bytesLeft === 0
  let next = range.toOffset
  if (typeof at.head === 'object' && wanted(at.head)) next = at.head.firstOffset
  else if (!ended && (await scan.resync(wanted))) next = (scan.peek() as FrameHead).firstOffset
  const fromOffset = Math.max(at.offset, range.fromOffset)
  if (next > fromOffset) {
    harvest.gaps.push({
      fromOffset,
      toOffset: next,
      file: range.path,
      position,
      reason: ended ? 'the segment ends before its records do' : 'length or checksum is wrong',
    })
  }
  return next
}
