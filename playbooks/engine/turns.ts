import type { Log } from '../types.ts'

/** Calls a piece of work again and again: at once when poked, else after the rest it asks for, at most `restMs`. One
 * call at a time; a call that throws is logged and tried again after the rest. */
export class Turns {
  readonly #name: string
  readonly #work: () => Promise<number | undefined>
  readonly #log: Log
  readonly #restMs: number
  #poked = false
  #stopped = true
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(name: string, work: () => Promise<number | undefined>, log: Log, restMs: number) {
    this.#name = name
    this.#work = work
    this.#log = log
    this.#restMs = restMs
  }

  start(): void {
    this.#stopped = false
    this.#running ??= this.#loop()
  }

  poke(): void {
    this.#poked = true
    this.#wake?.()
  }

  /** Resolves when the call under way has ended; none begins after. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake?.()
    await this.#running
    this.#running = undefined
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      this.#poked = false
      try {
        const restMs = Math.min((await this.#work()) ?? this.#restMs, this.#restMs)
        if (!this.#poked) await this.#rest(restMs)
      } catch (error) {
        if (!this.#stopped) this.#log.error({ err: error, work: this.#name }, 'playbook work failed and is tried again')
        await this.#rest(this.#restMs)
      }
    }
  }

  #rest(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
