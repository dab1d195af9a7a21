import type { Shard } from './shard.ts'

/** Decides which shard writes next: each that has something waiting gets a turn of one group, in order, so that a loud
 * one cannot starve the others. */
export class Flusher {
  readonly #flushesMax: number
  readonly #flushed: (shard: Shard) => void
  readonly #ready = new Set<Shard>()
  readonly #running = new Set<Shard>()
  #planned = false
  #drained: (() => void) | undefined

  /** @param flushed is told after each turn of a shard */
  constructor(flushesMax: number, flushed: (shard: Shard) => void) {
    this.#flushesMax = flushesMax
    this.#flushed = flushed
  }

  /** The shard has something to write. Its turn comes after the current events are handled: what they bring, and what
   * those acknowledged just now send next, shares it. */
  wake(shard: Shard): void {
    if (!this.#running.has(shard)) this.#ready.add(shard)
    this.#plan()
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    if (this.#ready.size === 0 && this.#running.size === 0) return
    await new Promise<void>((resolve) => {
      this.#drained = resolve
    })
  }

  #plan(): void {
    if (this.#planned || this.#ready.size === 0 || this.#running.size >= this.#flushesMax) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      for (const shard of this.#ready) {
        if (this.#running.size >= this.#flushesMax) break
        this.#ready.delete(shard)
        this.#running.add(shard)
        void this.#turn(shard)
      }
    })
  }

  async #turn(shard: Shard): Promise<void> {
    await shard.flush()
    this.#running.delete(shard)
    if (shard.waits) this.#ready.add(shard)
    this.#flushed(shard)
    this.#plan()
    if (this.#ready.size === 0 && this.#running.size === 0) this.#drained?.()
  }
}
