import { Transform, type TransformCallback } from 'node:stream'
import { collectError } from '../errors.ts'
import { RECORDS_LIMITS } from '../limits.ts'

/** Bytes of request bodies that are held in memory, and the decoders at work. */
export class InFlight {
  #bytes = 0
  #decodes = 0
  readonly #waiting: (() => void)[] = []

  get bytes(): number {
    return this.#bytes
  }

  /** Passes a body on and counts its bytes as they arrive, not as they are announced: a caller that announces much and
   * sends nothing holds nothing. `release` gives them back, once. */
  meter(): { readonly stream: Transform; readonly release: () => void } {
    let held = 0
    let isReleased = false
    const add = (count: number): boolean => {
      if (this.#bytes + count > RECORDS_LIMITS.inFlightBytesMax || isReleased) return false
      this.#bytes += count
      held += count
      return true
    }
    const stream = new Transform({
      transform(chunk: Buffer, _encoding, done: TransformCallback) {
        if (add(chunk.length)) done(null, chunk)
        else done(busy())
      },
    })
    const release = () => {
      if (isReleased) return
      isReleased = true
      this.#bytes -= held
      stream.destroy()
    }
    return { stream, release }
  }

  /** Runs `work` with at most `decodesMax` of its kind at a time, first come first served. */
  async decode<T>(work: () => Promise<T>): Promise<T> {
    if (this.#decodes >= RECORDS_LIMITS.decodesMax) await new Promise<void>((resume) => this.#waiting.push(resume))
    else this.#decodes += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#decodes -= 1
      else next()
    }
  }
}

function busy(): Error {
  return collectError(
    'collect.body.busy',
    `bodies of ${RECORDS_LIMITS.inFlightBytesMax} bytes wait to be written; try again in a second`,
    { retryAfterSec: 1 },
  )
}
