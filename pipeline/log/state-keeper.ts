import type { Disk } from './disk.ts'
import type { LogMessages } from './messages.ts'
import type { Shard } from './shard.ts'
import { writeShardState } from './shard-state.ts'

const WRITE_AFTER_MS = 1_000

/** Writes down, now and then, where shards and their consumers stand. Losing it costs time, not records: recovery reads
 * more, retention waits longer. */
export class StateKeeper {
  readonly #disk: Disk
  readonly #messages: LogMessages
  readonly #changed = new Set<Shard>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #failed = false

  constructor(disk: Disk, messages: LogMessages) {
    this.#disk = disk
    this.#messages = messages
  }

  changed(shard: Shard): void {
    this.#changed.add(shard)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#writeChanged())
    }, WRITE_AFTER_MS).unref()
  }

  /** Writes what is left to write. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
    await this.#writeChanged()
  }

  async #writeChanged(): Promise<void> {
    for (const shard of this.#changed) {
      this.#changed.delete(shard)
      if (!shard.onDisk) continue
      try {
        await writeShardState(this.#disk, shard.dir, shard.state)
        this.#failed = false
      } catch (error) {
        if (!this.#failed)
          this.#messages.warn({ shard: shard.key, cause: String(error) }, 'cannot write down where a shard stands')
        this.#failed = true
      }
    }
  }
}
