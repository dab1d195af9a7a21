import type { Io } from './command.ts'

const BAR_CHARS = 30
const REDRAW_MS = 100

/** A bar on the terminal that grows with the work done; nothing where standard error is no terminal. */
export class ProgressBar {
  readonly #stream: Io['stderr']
  readonly #total: number
  readonly #shown: boolean
  #done = 0
  #drawnAt = 0n

  constructor(stream: Io['stderr'], total: number) {
    this.#stream = stream
    this.#total = total
    this.#shown = stream.isTTY === true && total > 0
  }

  add(amount: number): void {
    this.#done += amount
    if (!this.#shown) return
    const now = process.hrtime.bigint()
    if (now - this.#drawnAt < BigInt(REDRAW_MS * 1e6)) return
    this.#drawnAt = now
    const share = Math.min(1, this.#done / this.#total)
    const full = Math.round(share * BAR_CHARS)
    this.#stream.write(`\r[${'#'.repeat(full)}${'.'.repeat(BAR_CHARS - full)}] ${Math.floor(share * 100)} %`)
  }

  end(): void {
    if (this.#shown) this.#stream.write('\r\u001b[K')
  }
}
