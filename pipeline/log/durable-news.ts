import type { ShardAddress } from '../types.ts'
import type { LogMessages } from './messages.ts'
import type { Shard } from './shard.ts'

type Listener = (shard: ShardAddress, end: number) => void

/** Tells listeners how far shards are durable: soon after, once for many groups, never from inside an append. */
export class DurableNews {
  readonly #messages: LogMessages
  readonly #listeners: Listener[] = []
  readonly #moved = new Set<Shard>()
  readonly #toldEnds = new WeakMap<Shard, number>()

  constructor(messages: LogMessages) {
    this.#messages = messages
  }

  listen(listener: Listener, known: Iterable<Shard>): void {
    this.#listeners.push(listener)
    const shards = [...known]
    setImmediate(() => {
      for (const shard of shards) this.#tell(listener, shard)
    })
  }

  moved(shard: Shard): void {
    if (this.#moved.size === 0) setImmediate(() => this.#tellAll())
    this.#moved.add(shard)
  }

  #tellAll(): void {
    const shards = [...this.#moved]
    this.#moved.clear()
    for (const shard of shards) {
      if (this.#toldEnds.get(shard) === shard.end) continue
      this.#toldEnds.set(shard, shard.end)
      for (const listener of this.#listeners) this.#tell(listener, shard)
    }
  }

  #tell(listener: Listener, shard: Shard): void {
    try {
      listener(shard.address, shard.end)
    } catch (error) {
      this.#messages.error({ shard: shard.key, cause: String(error) }, 'a listener to the log failed')
    }
  }
}
