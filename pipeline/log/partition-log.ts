import { dirname, join } from 'node:path'
import { assert, type Clock } from '../../platform/index.ts'
import type { LogRecord, PartitionLog, ReadBatch, ShardAddress } from '../types.ts'
import { checkConsumer, keyUnchecked, shardDir, shardKey } from './address.ts'
import { type LogCounters, zeroCounters } from './counters.ts'
import { type Disk, nodeDisk } from './disk.ts'
import { DurableNews } from './durable-news.ts'
import { logError, translated } from './errors.ts'
import { findShards, inTurns, logIdOfSegments } from './find-shards.ts'
import { Flusher } from './flusher.ts'
import { FRAME_BYTES_MAX } from './frame.ts'
import { type LogLimits, logLimitDefaults } from './limits.ts'
import { frameKeyOf, type LogId, newLogId, readLogId, writeLogId } from './log-id.ts'
import { type LogMessages, silent } from './messages.ts'
import { OpenFiles } from './open-files.ts'
import { recoverShard } from './recovery.ts'
import { segmentsToDrop } from './retention.ts'
import { Room } from './room.ts'
import { SegmentReader } from './segment-reader.ts'
import { Shard, type ShardParts } from './shard.ts'
import { StateKeeper } from './state-keeper.ts'

export interface EmbeddedLogOptions {
  /** Made when it is absent; the directory above it must exist. One process at a time: the caller holds its lock. */
  readonly dir: string
  readonly clock: Clock
  /** Consumers that retention waits for from a shard's first record on, before they have committed anything. */
  readonly consumers?: readonly string[]
  readonly limits?: Partial<LogLimits>
  readonly log?: LogMessages
  readonly disk?: Disk
}

/** The log in segment files of this machine. */
export interface EmbeddedLog extends PartitionLog {
  /** Live figures; read them when metrics are asked for. */
  readonly counters: Readonly<LogCounters>
}

/** A shard's part of its age after which its last segment is closed, so that records go at most this much late. */
const ROLL_PART_OF_AGE = 4

/** Opens the log in `dir`: finds its shards, recovers each (cutting off what a crash left unfinished), and is ready to
 * append and read.
 * @throws pipeline.log.unreadable when the directory holds what this version cannot safely write to */
export async function openPartitionLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  return await translated(`open the log in \`${options.dir}\``, () => open(options))
}

async function open(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { dir, clock } = options
  const disk = options.disk ?? nodeDisk
  const limits = { ...logLimitDefaults, ...options.limits }
  const { recordBytesMax, sourceBytesMax, headersBytesMax } = limits
  assert(recordBytesMax + sourceBytesMax + headersBytesMax < FRAME_BYTES_MAX / 2, 'the largest record fits a frame')
  assert(sourceBytesMax < 2 ** 16, 'the length of a source fits its field')
  const messages = options.log ?? silent
  const counters = zeroCounters()
  for (const consumer of options.consumers ?? []) checkConsumer(consumer)
  await disk.makeDir(dir)
  await disk.syncDir(dirname(dir))
  const found = await findShards(disk, dir)
  const id = await openLogId(disk, dir, () => logIdOfSegments(disk, found))
  const key = frameKeyOf(id)
  const files = new OpenFiles(limits.openFilesMax, (path) => disk.open(path, 'write'))
  const room = new Room({ disk, dir, limits, counters })
  await room.check()
  const parts: ShardParts = { root: dir, disk, clock, limits, id, key, files, room, counters, messages }
  const shards = new Map<string, Shard>()
  const recovered = await inTurns(
    found,
    async (shard) => new Shard(parts, shard, await recoverShard({ disk, id, key, counters, messages }, shard.dir)),
  )
  for (const shard of recovered) shards.set(shard.key, shard)
  const reader = new SegmentReader({ disk, dir, key, filesMax: limits.openFilesMax, counters, messages })
  return new Embedded(parts, { shards, reader, requiredConsumers: options.consumers ?? [] })
}

async function openLogId(
  disk: Disk,
  dir: string,
  ofSegments: () => Promise<LogId | 'empty' | undefined>,
): Promise<LogId> {
  const kept = await readLogId(disk, dir)
  if (kept !== undefined) return kept
  const told = await ofSegments()
  if (told === undefined) {
    throw logError(
      'pipeline.log.unreadable',
      `\`${join(dir, 'log.json')}\` is lost, and no segment has a sound head to tell the log's id; put the file back`,
    )
  }
  const id = told === 'empty' ? newLogId() : told
  await writeLogId(disk, dir, id)
  return id
}

/** How often the disk is asked for its room, besides before writes. */
const ROOM_CHECK_MS = 5_000

class Embedded implements EmbeddedLog {
  readonly counters: LogCounters
  readonly #parts: ShardParts
  readonly #shards: Map<string, Shard>
  readonly #reader: SegmentReader
  readonly #requiredConsumers: readonly string[]
  readonly #flusher: Flusher
  readonly #states: StateKeeper
  readonly #news: DurableNews
  readonly #roomTimer: NodeJS.Timeout
  #closed: Promise<void> | undefined

  constructor(
    parts: ShardParts,
    found: {
      readonly shards: Map<string, Shard>
      readonly reader: SegmentReader
      readonly requiredConsumers: readonly string[]
    },
  ) {
    this.counters = parts.counters
    this.#parts = parts
    this.#shards = found.shards
    this.#reader = found.reader
    this.#requiredConsumers = found.requiredConsumers
    this.#news = new DurableNews(parts.messages)
    this.#states = new StateKeeper(parts.disk, parts.messages)
    this.#flusher = new Flusher(parts.limits.flushesMax, (shard) => {
      this.#news.moved(shard)
      this.#states.changed(shard)
    })
    this.#roomTimer = setInterval(() => void parts.room.check(), ROOM_CHECK_MS).unref()
  }

  async append(address: ShardAddress, records: readonly LogRecord[]): Promise<{ readonly firstOffset: number }> {
    this.#requireOpen()
    const shard = this.#shards.get(keyUnchecked(address)) ?? this.#newShard(address)
    if (records.length === 0) return { firstOffset: shard.end }
    const { room } = this.#parts
    if (room.refuses) {
      await room.check()
      if (room.refuses) {
        this.counters.refusedFull += 1
        throw room.fullError()
      }
      this.#requireOpen()
    }
    const done = shard.take(records)
    this.#flusher.wake(shard)
    return await done
  }

  async read(address: ShardAddress, fromOffset: number, bytesMax: number): Promise<ReadBatch> {
    this.#requireOpen()
    const key = shardKey(address)
    const end = this.#shards.get(key)?.end ?? 0
    return await translated('read the log', () => this.#reader.read(key, { fromOffset, bytesMax, end }))
  }

  end(address: ShardAddress): number {
    return this.#shards.get(shardKey(address))?.end ?? 0
  }

  onDurable(listener: (shard: ShardAddress, end: number) => void): void {
    this.#news.listen(listener, this.#shards.values())
  }

  async commit(consumer: string, address: ShardAddress, nextOffset: number): Promise<void> {
    this.#requireOpen()
    checkConsumer(consumer)
    const shard = this.#shards.get(shardKey(address)) ?? this.#newShard(address)
    if (!shard.consumers.has(consumer) && shard.consumers.size >= this.#parts.limits.consumersMax) {
      throw logError(
        'pipeline.log.badConsumer',
        `the pipe has ${shard.consumers.size} consumers, as many as it may; give \`${consumer}\` another's place`,
      )
    }
    await shard.commit(consumer, nextOffset)
    this.#states.changed(shard)
  }

  committed(consumer: string, address: ShardAddress): number {
    return this.#shards.get(shardKey(address))?.consumers.get(consumer) ?? 0
  }

  shards(): readonly ShardAddress[] {
    return [...this.#shards.values()].map((shard) => shard.address)
  }

  async applyRetention(
    address: ShardAddress,
    { ageMsMax, bytesMax }: { readonly ageMsMax?: number; readonly bytesMax?: number },
  ): Promise<number> {
    this.#requireOpen()
    const shard = this.#shards.get(shardKey(address))
    if (shard === undefined) return 0
    return await translated('drop old segments of the log', () => this.#dropSegments(shard, { ageMsMax, bytesMax }))
  }

  async #dropSegments(
    shard: Shard,
    { ageMsMax, bytesMax }: { readonly ageMsMax: number | undefined; readonly bytesMax: number | undefined },
  ): Promise<number> {
    const now = this.#parts.clock.now()
    return await shard.exclusively(async () => {
      const receivedBefore = ageMsMax === undefined ? Number.NEGATIVE_INFINITY : now - ageMsMax
      const rollBefore = ageMsMax === undefined ? Number.NEGATIVE_INFINITY : now - ageMsMax / ROLL_PART_OF_AGE
      await shard.leaveSegment({ before: receivedBefore, rollBefore })
      const drops = await segmentsToDrop(this.#parts.disk, shard.dir, {
        receivedBefore,
        bytesMax: bytesMax ?? Number.POSITIVE_INFINITY,
        bytesHardMax: this.#parts.limits.shardBytesHardMax,
        readBelow: shard.readBelow(this.#requiredConsumers),
      })
      let bytes = 0
      for (const drop of drops) {
        await this.#parts.disk.remove(drop.path)
        await this.#reader.forget(shard.key, drop.path)
        bytes += drop.bytes
        this.counters.segmentsDropped += 1
        this.counters.droppedBytes += drop.bytes
        if (drop.unread) {
          this.counters.segmentsDroppedUnread += 1
          this.#parts.messages.error(
            { shard: shard.key, segment: drop.base, bytes: drop.bytes },
            'dropped records that a consumer has not read: the shard is above its hard maximum',
          )
        }
      }
      return bytes
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    clearInterval(this.#roomTimer)
    await this.#flusher.drain()
    await this.#states.close()
    await this.#parts.files.closeAll()
    await this.#reader.close()
  }

  #newShard(address: ShardAddress): Shard {
    const key = shardKey(address)
    const { account, workspace, dataspace, pipe, shard: number } = address
    const own = { account, workspace, dataspace, pipe, shard: number }
    const shard = new Shard(this.#parts, { address: own, key, dir: shardDir(this.#parts.root, key) }, undefined)
    this.#shards.set(key, shard)
    return shard
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw logError('pipeline.log.closed', 'the log is closed: the service is stopping')
  }
}
