import { join } from 'node:path'
import { segmentBase, segmentName } from './address.ts'
import type { LogCounters } from './counters.ts'
import type { Disk, DiskFile } from './disk.ts'
import { logError } from './errors.ts'
import type { FrameHead, FrameKey } from './frame.ts'
import type { LogId } from './log-id.ts'
import type { LogMessages } from './messages.ts'
import { FrameScan } from './scan.ts'
import { readSegmentHead, SEGMENT_HEAD_BYTES } from './segment-head.ts'
import type { Place } from './segment-read.ts'
import { newerVersion } from './segment-reader.ts'
import { readShardState, type ShardState } from './shard-state.ts'

/** How a shard was found. */
export interface RecoveredShard {
  /** Everything below it is durable and was given out; INVARIANT (offsetOnce): no offset below it is given out again. */
  readonly end: number
  /** The segment to go on writing; undefined when a new one is to be begun. */
  readonly active: { readonly base: number; readonly position: number; readonly createdAt: number } | undefined
  readonly newestAt: number
  readonly consumers: ReadonlyMap<string, number>
}

interface RecoveryParts {
  readonly disk: Disk
  readonly id: LogId
  readonly key: FrameKey
  readonly counters: LogCounters
  readonly messages: LogMessages
}

const WINDOW_BYTES = 1024 * 1024
/** More records than any segment can hold. */
const OFFSETS_OF_UNREADABLE = 2 ** 32

/** Finds where a shard ends: walks its last segment from the last place known to be durable, cuts off what a crash left
 * unfinished, and makes the rest durable before anybody is told of it.
 *
 * A torn write leaves nothing sound behind it, so it is cut. Where sound frames follow unsound bytes, something was
 * damaged: the frames are kept, the hole is reported by every read, and writing goes on in a new segment. */
export async function recoverShard(parts: RecoveryParts, dir: string): Promise<RecoveredShard> {
  const { disk, messages } = parts
  const names = (await disk.list(dir)).map((entry) => entry.name)
  const state = await readShardState(disk, dir)
  const consumers = state?.consumers ?? new Map<string, number>()
  const known = Math.max(state?.offset ?? 0, ...consumers.values())
  const base = names.flatMap((name) => segmentBase(name) ?? []).reduce((a, b) => Math.max(a, b), -1)
  const found =
    base < 0 ? undefined : await recoverSegment(parts, { dir, path: join(dir, segmentName(base)), base, state, known })
  const newestAt = Math.max(state?.newestAt ?? 0, found?.newestAt ?? 0)
  const end = Math.max(found?.end ?? 0, base, 0)
  if (known > end) {
    messages.error({ shard: dir, fromOffset: end, toOffset: known }, 'records of the log that were durable are gone')
    parts.counters.gaps += 1
    return { end: known, active: undefined, newestAt, consumers }
  }
  return { end, active: found?.active, newestAt, consumers }
}

interface RecoveredSegment {
  readonly end: number
  readonly active: RecoveredShard['active']
  readonly newestAt: number
}

async function recoverSegment(
  parts: RecoveryParts,
  segment: {
    readonly dir: string
    readonly path: string
    readonly base: number
    readonly state: ShardState | undefined
    /** The highest offset that is known to have been given out. */
    readonly known: number
  },
): Promise<RecoveredSegment> {
  const { path, base } = segment
  const file = await parts.disk.open(path, 'write')
  let found: RecoveredSegment | undefined
  try {
    found = await recoverFile(parts, file, segment)
  } finally {
    await file.close()
  }
  // Made, but its first write was never finished: nothing in it was acknowledged.
  if (found === undefined && segment.known <= base) await parts.disk.remove(path)
  // The last run may have died before the file's name was durable.
  if (segment.state?.segmentBase !== base) await parts.disk.syncDir(segment.dir)
  return found ?? { end: base, active: undefined, newestAt: 0 }
}

async function recoverFile(
  parts: RecoveryParts,
  file: DiskFile,
  { path, base, state }: { readonly path: string; readonly base: number; readonly state: ShardState | undefined },
): Promise<RecoveredSegment | undefined> {
  const sizeBytes = await file.sizeBytes()
  const headBytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
  await file.read(headBytes, 0)
  const head = readSegmentHead(headBytes)
  if (head === 'newer') throw newerVersion(path)
  if (head !== 'damaged' && (!head.id.equals(parts.id) || head.base !== base)) {
    throw logError(
      'pipeline.log.unreadable',
      `\`${path}\` belongs to another log or another place in it; put back the file that was here, or move this one away`,
    )
  }
  const trusted = state?.segmentBase === base && state.position <= sizeBytes ? state : undefined
  const start = trusted ?? { position: SEGMENT_HEAD_BYTES, offset: base }
  const walk = await walkFrames(parts, file, { path, start, sizeBytes })
  if (head === 'damaged' && walk.end === base && trusted === undefined) return undefined
  if (walk.position > start.position || trusted === undefined) await file.sync()
  if (walk.unreadable) {
    // Nobody can say how many records stand where the disk cannot be read, so their offsets are passed over.
    parts.messages.error({ file: path, fromOffset: walk.end }, 'the disk cannot read the end of the log')
    return { end: walk.end + OFFSETS_OF_UNREADABLE, active: undefined, newestAt: walk.newestAt }
  }
  const torn = sizeBytes - walk.position
  if (torn > 0 && trusted === undefined && state?.segmentBase === base) {
    // The file was longer once: this is no torn write. Leave what is there to be looked at, and go on elsewhere.
    return { end: walk.end, active: undefined, newestAt: walk.newestAt }
  }
  if (torn > 0) {
    parts.messages.warn({ file: path, position: walk.position, bytes: torn }, 'cut an unfinished write off the log')
    parts.counters.tornBytes += torn
    await file.truncate(walk.position)
  }
  const createdAt = head === 'damaged' ? 0 : head.createdAt
  const newestBefore = head === 'damaged' ? 0 : head.newestBefore
  return {
    end: walk.end,
    active: walk.damaged || head === 'damaged' ? undefined : { base, position: walk.position, createdAt },
    newestAt: Math.max(walk.newestAt, newestBefore),
  }
}

interface Walk {
  readonly end: number
  readonly position: number
  readonly newestAt: number
  readonly damaged: boolean
  readonly unreadable: boolean
}

async function walkFrames(
  parts: RecoveryParts,
  file: DiskFile,
  { path, start, sizeBytes }: { readonly path: string; readonly start: Place; readonly sizeBytes: number },
): Promise<Walk> {
  const scan = new FrameScan(file, parts.key, { position: start.position, sizeBytes, windowBytes: WINDOW_BYTES })
  let end = start.offset
  let newestAt = 0
  let damaged = false
  for (;;) {
    let head = scan.peek()
    if (head === 'more') head = await scan.look()
    if (typeof head === 'object' && head.firstOffset === end) {
      end += head.count
      newestAt = Math.max(newestAt, head.newestAt)
      scan.skip(head)
      continue
    }
    const position = scan.position
    const expected = end
    const wanted = (later: FrameHead): boolean => later.firstOffset >= expected
    if (!(typeof head === 'object' && wanted(head)) && !(await scan.resync(wanted))) break
    const next = scan.peek()
    end = typeof next === 'object' ? next.firstOffset : end
    damaged = true
    parts.counters.gaps += 1
    parts.messages.error(
      { file: path, position, fromOffset: expected, toOffset: end },
      'the log is damaged; the records behind are kept',
    )
  }
  return { end, position: scan.position, newestAt, damaged, unreadable: scan.unreadable }
}
