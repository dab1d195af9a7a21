import type { LogReader, ReadBatch, ShardAddress } from '../types.ts'
import { shardKey } from './address.ts'
import { zeroCounters } from './counters.ts'
import { type Disk, nodeDisk } from './disk.ts'
import { logError, translated } from './errors.ts'
import { logLimitDefaults } from './limits.ts'
import { frameKeyOf, readLogId } from './log-id.ts'
import { type LogMessages, silent } from './messages.ts'
import { SegmentReader } from './segment-reader.ts'

/** Reads the log's files beside the thread that writes them. */
export interface EmbeddedLogReader extends LogReader {
  /** Tells the reader how far a shard is durable, as the writer's `onDurable` says; it reads no further. Ends only grow:
   * an older one, come late, changes nothing. */
  setEnd(shard: ShardAddress, end: number): void
  close(): Promise<void>
}

/** A reader of the log in `dir`, for another thread than the one that writes. It looks at nothing above the ends it is
 * told, so it needs no lock.
 * @throws pipeline.log.unreadable when there is no log yet */
export async function openLogReader(options: {
  readonly dir: string
  readonly log?: LogMessages
  readonly disk?: Disk
}): Promise<EmbeddedLogReader> {
  const disk = options.disk ?? nodeDisk
  const id = await translated(`read the log in \`${options.dir}\``, () => readLogId(disk, options.dir))
  if (id === undefined) {
    throw logError('pipeline.log.unreadable', `there is no log in \`${options.dir}\` yet: open it for writing first`)
  }
  const reader = new SegmentReader({
    disk,
    dir: options.dir,
    key: frameKeyOf(id),
    filesMax: logLimitDefaults.openFilesMax,
    counters: zeroCounters(),
    messages: options.log ?? silent,
  })
  const ends = new Map<string, number>()
  return {
    setEnd(shard, end) {
      const key = shardKey(shard)
      ends.set(key, Math.max(end, ends.get(key) ?? 0))
    },
    read(shard, fromOffset, bytesMax): Promise<ReadBatch> {
      const key = shardKey(shard)
      const end = ends.get(key) ?? 0
      return translated('read the log', () => reader.read(key, { fromOffset, bytesMax, end }))
    },
    close: () => reader.close(),
  }
}
