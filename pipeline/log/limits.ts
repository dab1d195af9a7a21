const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** The bounds of the log. Each can be set when it is opened. */
export interface LogLimits {
  /** A segment that would grow above this is followed by a new one. Retention and a replay's first seek work in these. */
  readonly segmentBytes: number
  /** What one write and sync takes at most, before compression; a single larger call still goes as one. More does not
   * make the disk faster, but each call waits longer. */
  readonly groupBytesMax: number
  /** What is compressed at a time. A damaged byte costs at most a block; below 64 KiB compression gets slow and poor. */
  readonly blockBytes: number
  /** Blocks below this are written plain: a compressor's start-up costs more than they hold. */
  readonly compressBytesMin: number
  /** One record's payload. */
  readonly recordBytesMax: number
  readonly sourceBytesMax: number
  /** One record's headers, as JSON. The columns of a wide CSV are the longest of them. */
  readonly headersBytesMax: number
  /** All records of one `append`. */
  readonly callBytesMax: number
  /** What waits for its sync, all shards together: above it, 429. This is the log's main use of memory. */
  readonly waitingBytesMax: number
  /** What waits in one shard, so that a loud one leaves room to the others. */
  readonly shardWaitingBytesMax: number
  /** Shards written at a time. Each holds one thread of libuv's pool, which everything else shares. */
  readonly flushesMax: number
  /** Segment files held open: for writing, and as many again for each reader. */
  readonly openFilesMax: number
  /** Names of consumers a shard can know: each holds retention back. */
  readonly consumersMax: number
  /** Part of the disk below which writing is slowed, and the bytes that are enough whatever the disk's size. */
  readonly slowBelow: DiskShare
  /** Part of the disk below which writing is refused. */
  readonly refuseBelow: DiskShare
  /** The longest pause before a write while the disk is nearly full; it grows from `slowBelow` to `refuseBelow`. */
  readonly slowMsMax: number
  /** A shard above this loses its oldest segments even if a consumer still needs them (counted and logged as errors).
   * Infinity: rather refuse to write. */
  readonly shardBytesHardMax: number
}

/** A part of a disk: `ratio` of it, but never more than `bytes`. Zero turns a threshold off. */
export interface DiskShare {
  readonly ratio: number
  readonly bytes: number
}

export const logLimitDefaults: LogLimits = {
  segmentBytes: 128 * MiB,
  groupBytesMax: 4 * MiB,
  blockBytes: 128 * KiB,
  compressBytesMin: 4 * KiB,
  recordBytesMax: 16 * MiB,
  sourceBytesMax: 1 * KiB,
  headersBytesMax: 64 * KiB,
  callBytesMax: 32 * MiB,
  waitingBytesMax: 128 * MiB,
  shardWaitingBytesMax: 64 * MiB,
  flushesMax: 3,
  openFilesMax: 256,
  consumersMax: 64,
  slowBelow: { ratio: 0.1, bytes: 16 * GiB },
  refuseBelow: { ratio: 0.05, bytes: 8 * GiB },
  slowMsMax: 200,
  shardBytesHardMax: Number.POSITIVE_INFINITY,
}
