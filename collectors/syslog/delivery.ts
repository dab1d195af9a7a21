import { setTimeout as sleep } from 'node:timers/promises'
import type { LogRecord, PartitionLog, ShardAddress } from '../../pipeline/index.ts'
import { RampartError } from '../../platform/base/index.ts'
import type { SyslogLimits } from '../limits.ts'

/** Who gave a record, and is told when it is durable. */
export interface Giver {
  /** `bytes` of its records, as `Delivery` counts them, have become durable. */
  released(bytes: number): void
}

export interface DeliveryDeps {
  readonly log: PartitionLog
  readonly target: ShardAddress
  readonly limits: SyslogLimits
  readonly onDurable: (records: number, bytes: number) => void
  readonly onRefused: (code: string) => void
}

interface Waiting {
  readonly record: LogRecord
  readonly giver: Giver | undefined
}

/** Carries records into the log in the order they came: one append at a time, and whatever came meanwhile goes with the
 * next. An append that is refused is tried again until it goes through; the bound on what waits is the caller's, by
 * `waitingBytes`. */
export class Delivery {
  readonly #deps: DeliveryDeps
  #queue: Waiting[] = []
  /** What waits or is being written: bytes with the overhead of each record, and records. */
  #waitingBytes = 0
  #waitingCount = 0
  #running: Promise<void> | undefined
  readonly #abandon = new AbortController()

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  costOf(record: LogRecord): number {
    return record.payload.length + this.#deps.limits.recordOverheadBytes
  }

  add(record: LogRecord, giver?: Giver): void {
    this.#waitingBytes += this.costOf(record)
    this.#waitingCount += 1
    this.#queue.push({ record, giver })
    this.#running ??= this.#run()
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Gives up what waits; for a process that has to leave. @returns how many records are not known to be durable */
  abandon(): number {
    this.#abandon.abort()
    this.#queue = []
    return this.#waitingCount
  }

  async #run(): Promise<void> {
    // Lets all that is in the sockets now come into the first append.
    await new Promise((resume) => setImmediate(resume))
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch()
      const records = batch.map(({ record }) => record)
      const isDurable = await this.#append(records)
      this.#release(batch)
      if (isDurable) {
        this.#deps.onDurable(
          records.length,
          records.reduce((sum, { payload }) => sum + payload.length, 0),
        )
      }
    }
    this.#running = undefined
  }

  #takeBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { record } of this.#queue) {
      bytes += this.costOf(record)
      if (bytes > this.#deps.limits.batchBytesMax && count > 0) break
      count += 1
    }
    if (count === this.#queue.length) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    return this.#queue.splice(0, count)
  }

  #release(batch: readonly Waiting[]): void {
    this.#waitingCount -= batch.length
    const byGiver = new Map<Giver, number>()
    for (const { record, giver } of batch) {
      const cost = this.costOf(record)
      this.#waitingBytes -= cost
      if (giver !== undefined) byGiver.set(giver, (byGiver.get(giver) ?? 0) + cost)
    }
    for (const [giver, bytes] of byGiver) giver.released(bytes)
  }

  /** False when it was abandoned. */
  async #append(records: readonly LogRecord[]): Promise<boolean> {
    const { log, target, limits, onRefused } = this.#deps
    const { signal } = this.#abandon
    for (let pauseMs = limits.retryMsMin; !signal.aborted; pauseMs = Math.min(pauseMs * 2, limits.retryMsMax)) {
      try {
        await log.append(target, records)
        return true
      } catch (error) {
        // Full disk or too much waiting: both pass. What does not pass is seen by the count and by silence at the end.
        onRefused(error instanceof RampartError ? error.code : 'unknown')
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    }
    return false
  }
}
