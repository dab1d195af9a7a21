import { dirname, join } from 'node:path'
import { assert, type Clock, RampartError } from '../../platform/index.ts'
import type { LogRecord, ShardAddress } from '../types.ts'
import { segmentName } from './address.ts'
import { Compressor } from './compressor.ts'
import type { LogCounters } from './counters.ts'
import { type Disk, errorCode, isNoRoom, makeDirs } from './disk.ts'
import { logError } from './errors.ts'
import { type FrameKey, INSTANT_MAX } from './frame.ts'
import { Group, measureCall } from './group.ts'
import type { LogLimits } from './limits.ts'
import type { LogId } from './log-id.ts'
import type { LogMessages } from './messages.ts'
import type { OpenFiles } from './open-files.ts'
import type { RecoveredShard } from './recovery.ts'
import type { Room } from './room.ts'
import { encodeSegmentHead, SEGMENT_HEAD_BYTES } from './segment-head.ts'
import type { ShardState } from './shard-state.ts'

/** What all shards of a log share. */
export interface ShardParts {
  readonly root: string
  readonly disk: Disk
  readonly clock: Clock
  readonly limits: LogLimits
  readonly id: LogId
  readonly key: FrameKey
  readonly files: OpenFiles
  readonly room: Room
  readonly counters: LogCounters
  readonly messages: LogMessages
}

/** Segments tried for one group before its calls are refused. */
const TRIES_MAX = 3
const BUSY_RETRY_AFTER_SEC = 1
const FAILED_RETRY_AFTER_SEC = 5

/** A receive time more than this after now is a clock's mistake. */
const CLOCK_AHEAD_MS = 24 * 60 * 60 * 1000

interface ActiveSegment {
  readonly base: number
  readonly createdAt: number
  /** All below it is durable. */
  position: number
}

/** The writing side of a shard: takes records in, and writes them group by group.
 *
 * INVARIANT (ackAfterSync): `append` resolves, and `end` moves, only after the write of the group is durable.
 * INVARIANT (noHoles): offsets are given out when records come in; when a group cannot be written, it and all that
 * waits behind it are refused together, and giving out starts again at `end`. */
export class Shard {
  readonly address: ShardAddress
  readonly dir: string
  readonly key: string
  readonly consumers: Map<string, number>
  /** After the last durable record. */
  end: number
  /** True once the shard has a directory to write its state to. */
  onDisk: boolean
  readonly #parts: ShardParts
  readonly #groupOptions: ConstructorParameters<typeof Group>[1]
  #nextOffset: number
  #active: ActiveSegment | undefined
  #newestAt: number
  /** When the last segment was begun, where that is known. */
  #lastCreatedAt: number | undefined
  #dirMade: boolean
  #waitingBytes = 0
  readonly #groups: Group[] = []
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    parts: ShardParts,
    shard: { readonly address: ShardAddress; readonly key: string; readonly dir: string },
    found: RecoveredShard | undefined,
  ) {
    this.#parts = parts
    const { key, limits } = parts
    this.#groupOptions = { key, compressor: new Compressor(limits), blockBytes: limits.blockBytes }
    this.address = shard.address
    this.key = shard.key
    this.dir = shard.dir
    this.end = found?.end ?? 0
    this.#nextOffset = this.end
    this.#active = found?.active && { ...found.active }
    this.#newestAt = found?.newestAt ?? 0
    this.consumers = new Map(found?.consumers)
    this.#lastCreatedAt = this.#active?.createdAt
    this.#dirMade = this.#active !== undefined
    this.onDisk = found !== undefined
  }

  get waits(): boolean {
    return this.#groups.length > 0
  }

  /** What to remember of the shard, so that recovery need not read it all. */
  get state(): ShardState {
    return {
      segmentBase: this.#active?.base ?? -1,
      position: this.#active?.position ?? 0,
      offset: this.end,
      newestAt: this.#newestAt,
      consumers: this.consumers,
    }
  }

  /** Takes records in; they are encoded when this returns. The promise is the caller's `append`.
   * @throws pipeline.log.busy, pipeline.log.tooLarge */
  take(records: readonly LogRecord[]): Promise<{ readonly firstOffset: number }> {
    const { limits, counters } = this.#parts
    const call = measureCall(records, limits)
    if (
      counters.waitingBytes + call.waitingBytes > limits.waitingBytesMax ||
      this.#waitingBytes + call.waitingBytes > limits.shardWaitingBytesMax
    ) {
      counters.refusedBusy += 1
      throw logError(
        'pipeline.log.busy',
        `${counters.waitingBytes} bytes wait to be written, ${this.#waitingBytes} of them to this pipe; send again a little later`,
        { retryAfterSec: BUSY_RETRY_AFTER_SEC },
      )
    }
    let group = this.#groups.at(-1)
    if (group === undefined || group.contentBytes + call.contentBytes > limits.groupBytesMax) {
      group = new Group(this.#nextOffset, this.#groupOptions)
      this.#groups.push(group)
    }
    const firstOffset = group.nextOffset
    group.add(call)
    this.#nextOffset = group.nextOffset
    this.#waitingBytes += call.waitingBytes
    counters.waitingBytes += call.waitingBytes
    const { waiters } = group
    return new Promise((resolve, reject) => {
      waiters.push({ firstOffset, resolve, reject })
    })
  }

  /** Writes the oldest group. Never fails: who waits for it is told. */
  flush(): Promise<void> {
    return this.exclusively(() => this.#flush())
  }

  async commit(consumer: string, nextOffset: number): Promise<void> {
    if (nextOffset > this.end) await this.exclusively(async () => this.#skipTo(nextOffset))
    this.consumers.set(consumer, Math.max(nextOffset, this.consumers.get(consumer) ?? 0))
  }

  /** The offset that all of `required`, and all others who ever committed, have read up to. */
  readBelow(required: readonly string[]): number {
    const named = required.map((consumer) => this.consumers.get(consumer) ?? 0)
    return Math.min(...named, ...this.consumers.values(), Number.POSITIVE_INFINITY)
  }

  /** Lets retention take the last segment: when all its records were received before `before`, a new one begins behind
   * it; when it was begun before `rollBefore`, or by a clock that was ahead, the next write begins a new one. Only
   * inside `exclusively`. */
  async leaveSegment({ before, rollBefore }: { readonly before: number; readonly rollBefore: number }): Promise<void> {
    const aheadOf = this.#parts.clock.now() + CLOCK_AHEAD_MS
    const active = this.#active
    if (this.#newestAt < before && (active === undefined ? this.end > 0 : active.base < this.end)) {
      await this.#begin([], 0)
    } else if (
      active !== undefined &&
      active.base < this.end &&
      (active.createdAt < rollBefore || active.createdAt > aheadOf)
    ) {
      this.#active = undefined
      await this.#parts.files.forget(this.#path(active.base))
    }
  }

  /** Runs `work` while nothing else changes the shard's files. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #flush(): Promise<void> {
    const group = this.#groups.shift()
    if (group === undefined) return
    let bytes = 0
    try {
      assert(group.firstOffset === this.end, 'a group begins where the durable records end')
      const pieces = group.seal()
      bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
      await this.#parts.room.beforeWrite(bytes)
      await this.#writeTrying(pieces, bytes)
    } catch (error) {
      this.#refuseAll([group, ...this.#groups.splice(0)], error)
      return
    }
    this.end = group.nextOffset
    this.#newestAt = Math.max(this.#newestAt, group.newestAt)
    this.#release(group)
    const { counters } = this.#parts
    counters.groups += 1
    counters.appendedRecords += group.nextOffset - group.firstOffset
    counters.appendedBytes += group.contentBytes
    counters.writtenBytes += bytes
    for (const waiter of group.waiters) waiter.resolve({ firstOffset: waiter.firstOffset })
  }

  /** An error of the disk is fatal for the segment it came from: the kernel may have forgotten what it could not write,
   * and a second sync would succeed without it. So the group is written again, to a new segment. */
  async #writeTrying(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#write(pieces, bytes)
        return
      } catch (error) {
        if (isNoRoom(error)) {
          await this.#undo()
          throw this.#parts.room.fullError(error)
        }
        await this.#abandon(error)
        if (tries === TRIES_MAX) {
          throw logError(
            'pipeline.log.failed',
            `the disk of the log fails to write (${errorCode(error) || 'unknown error'}); look at its health`,
            { retryAfterSec: FAILED_RETRY_AFTER_SEC, cause: error },
          )
        }
      }
    }
  }

  async #write(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    const active = this.#active
    const long = active !== undefined && active.position + bytes > this.#parts.limits.segmentBytes
    if (active === undefined || (long && active.position > SEGMENT_HEAD_BYTES)) {
      await this.#begin(pieces, bytes)
      return
    }
    await this.#parts.files.with(this.#path(active.base), (file) => file.writeDurably(pieces, active.position))
    active.position += bytes
  }

  /** Begins a new segment with `pieces` in it. */
  async #begin(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    const { disk, id, clock, files, counters, root } = this.#parts
    const base = this.end
    const path = this.#path(base)
    if (!this.#dirMade) await makeDirs(disk, root, this.dir)
    this.#dirMade = true
    this.onDisk = true
    // One that is there holds nothing acknowledged, else the shard's end would be above its base.
    await files.forget(path)
    await disk.remove(path)
    const file = await disk.create(path)
    const createdAt = clock.now()
    // A clock that ran ahead for a while must not keep all older records until its time comes. That it was ahead, and
    // is not behind now, is told by the last segment's.
    const clockWasAhead = createdAt >= (this.#lastCreatedAt ?? Number.POSITIVE_INFINITY)
    if (clockWasAhead && this.#newestAt > createdAt + CLOCK_AHEAD_MS) this.#newestAt = createdAt
    const head = encodeSegmentHead({ base, createdAt, newestBefore: this.#newestAt, id })
    try {
      await file.writeDurably([head, ...pieces], 0)
      await disk.syncDir(dirname(path))
    } catch (error) {
      await file.close().catch(() => undefined)
      await disk.remove(path).catch(() => undefined)
      throw error
    }
    const old = this.#active
    this.#lastCreatedAt = createdAt
    await files.adopt(path, file)
    this.#active = { base, createdAt, position: SEGMENT_HEAD_BYTES + bytes }
    counters.segmentsCreated += 1
    if (old !== undefined) await files.forget(this.#path(old.base))
  }

  /** Takes back what a write without room may have left, so that nothing torn lies between acknowledged records. */
  async #undo(): Promise<void> {
    const active = this.#active
    if (active === undefined) return
    try {
      await this.#parts.files.with(this.#path(active.base), (file) => file.truncate(active.position))
    } catch (error) {
      await this.#abandon(error)
    }
  }

  /** Never writes to the segment again. What may stand behind its last durable frame is not acknowledged: it is cut off
   * if the disk still does that, else hidden by the base of the next segment. */
  async #abandon(cause: unknown): Promise<void> {
    const active = this.#active
    this.#parts.messages.error(
      { shard: this.key, segment: active?.base, offset: this.end, code: errorCode(cause), cause: String(cause) },
      'writing to the log failed; going on in a new segment',
    )
    this.#parts.counters.segmentsAbandoned += 1
    this.#active = undefined
    if (active === undefined) return
    const path = this.#path(active.base)
    await this.#parts.files.with(path, (file) => file.truncate(active.position)).catch(() => undefined)
    await this.#parts.files.forget(path)
  }

  /** A consumer has seen records that are no longer there: the disk lost them. Giving their offsets to others would make
   * every consumer that remembers where it was pass those over. */
  #skipTo(offset: number): void {
    assert(Number.isInteger(offset) && offset <= INSTANT_MAX, 'a committed offset is one that a log can have')
    if (offset <= this.end) return
    this.#parts.messages.error(
      { shard: this.key, fromOffset: this.end, toOffset: offset },
      'a consumer has read records that the log no longer has; going on behind them',
    )
    this.#refuseAll(
      this.#groups.splice(0),
      logError('pipeline.log.failed', 'the log lost records and starts anew behind them; send again', {
        retryAfterSec: BUSY_RETRY_AFTER_SEC,
      }),
    )
    this.end = offset
    this.#nextOffset = offset
    this.#active = undefined
  }

  #refuseAll(groups: readonly Group[], error: unknown): void {
    const { counters } = this.#parts
    const full = error instanceof RampartError && error.code === 'pipeline.log.full'
    for (const group of groups) {
      this.#release(group)
      if (full) counters.refusedFull += group.waiters.length
      else counters.refusedFailed += group.waiters.length
      for (const waiter of group.waiters) waiter.reject(error)
    }
    this.#nextOffset = this.end
  }

  #release(group: Group): void {
    this.#waitingBytes -= group.waitingBytes
    this.#parts.counters.waitingBytes -= group.waitingBytes
  }

  #path(base: number): string {
    return join(this.dir, segmentName(base))
  }
}
