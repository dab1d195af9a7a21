import { setTimeout as pause } from 'node:timers/promises'
import type { LogCounters } from './counters.ts'
import type { Disk } from './disk.ts'
import { logError } from './errors.ts'
import type { DiskShare, LogLimits } from './limits.ts'

/** When the disk is asked again: after so many bytes, such a part of what was free, or so many writes. */
const CHECK_EACH_BYTES = 8 * 1024 * 1024
const CHECK_EACH_PART = 64
const CHECK_EACH_WRITES = 64
const RETRY_AFTER_SEC = 10

/** Watches how much room the disk has: slows writing when it gets low, refuses before it is gone, so that what else
 * lives there (the event store, the operating system) still has some. */
export class Room {
  readonly #disk: Disk
  readonly #dir: string
  readonly #limits: LogLimits
  readonly #counters: LogCounters
  #level = 0
  #uncheckedBytes = 0
  #uncheckedWrites = 0
  #checking: Promise<void> | undefined

  constructor(options: {
    readonly disk: Disk
    readonly dir: string
    readonly limits: LogLimits
    readonly counters: LogCounters
  }) {
    this.#disk = options.disk
    this.#dir = options.dir
    this.#limits = options.limits
    this.#counters = options.counters
  }

  /** True when the disk was too full when last asked. */
  get refuses(): boolean {
    return this.#level >= 1
  }

  /** Asks the disk; those who ask meanwhile share the answer. */
  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /** To be awaited before a write. @throws pipeline.log.full */
  async beforeWrite(bytes: number): Promise<void> {
    this.#uncheckedBytes += bytes
    this.#uncheckedWrites += 1
    const bytesMax = Math.min(CHECK_EACH_BYTES, this.#counters.freeBytes / CHECK_EACH_PART)
    const due = this.#uncheckedBytes >= bytesMax || this.#uncheckedWrites >= CHECK_EACH_WRITES
    if (due || this.#level > 0) await this.check()
    if (this.refuses) throw this.fullError()
    if (this.#level > 0) await pause(Math.ceil(this.#level * this.#limits.slowMsMax))
  }

  fullError(cause?: unknown): Error {
    return logError(
      'pipeline.log.full',
      'the disk of the log has no room left; free some, or shorten the retention of pipes. Reading goes on, writing does again as soon as there is room',
      { retryAfterSec: RETRY_AFTER_SEC, ...(cause === undefined ? {} : { cause }) },
    )
  }

  async #check(): Promise<void> {
    this.#uncheckedBytes = 0
    this.#uncheckedWrites = 0
    const room = await this.#disk.room(this.#dir).catch(() => undefined)
    // A file system that cannot tell: the write itself will.
    if (room === undefined) return
    const { freeBytes, totalBytes } = room
    this.#counters.freeBytes = freeBytes
    this.#level = fullness(
      freeBytes,
      threshold(this.#limits.slowBelow, totalBytes),
      threshold(this.#limits.refuseBelow, totalBytes),
    )
  }
}

/** 0 with enough room, up to 1 where writing is refused. */
function fullness(freeBytes: number, slowBelow: number, refuseBelow: number): number {
  if (freeBytes < refuseBelow) return 1
  if (freeBytes >= slowBelow) return 0
  return Math.min(0.99, (slowBelow - freeBytes) / Math.max(1, slowBelow - refuseBelow))
}

function threshold(share: DiskShare, totalBytes: number): number {
  return Math.min(share.ratio * totalBytes, share.bytes)
}
