/** `cut`: longer than the limit, its front. `partial`: the connection ended before the message did. */
export type FrameKind = 'whole' | 'cut' | 'partial'

/** Takes frames as they become whole. The payload may be a part of the chunk that was pushed. */
export type OnFrame = (payload: Buffer, kind: FrameKind) => void

const NUL = 0x00
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const ZERO = 0x30
const NINE = 0x39
const LESS = 0x3c

/** Digits of a length; more are a line of digits.   @see RFC 6587 3.4.1 */
const COUNT_DIGITS_MAX = 10
/** The first buffer for a frame that comes in pieces; it doubles as needed. */
const FIRST_BUFFER_BYTES = 256

/** Takes a TCP stream apart into syslog messages. The framing is decided for each frame anew: digits, a space and `<`
 * are octet counting, anything else runs to LF or NUL (a CR before LF is dropped). Empty lines are no frames.
 *
 * INVARIANT (chunks): the frames depend on the bytes alone, not on how they were cut into chunks.
 * INVARIANT (memory): never holds more than `frameBytesMax` bytes of an unfinished frame.
 * @see RFC 6587 3.4.1 (octet counting), 3.4.2 (trailer) */
export class FrameSplitter {
  readonly #frameBytesMax: number
  readonly #onFrame: OnFrame
  readonly #onDropped: (bytes: number) => void
  #state: 'start' | 'digits' | 'space' | 'line' | 'count' | 'skipLine' | 'skipCount' = 'start'
  #pending: Buffer | undefined
  #pendingLength = 0
  /** Octet counting: the length as read so far, then what is left of the frame. */
  #count = 0

  constructor(options: {
    readonly frameBytesMax: number
    readonly onFrame: OnFrame
    /** Bytes beyond the limit that are thrown away. */
    readonly onDropped: (bytes: number) => void
  }) {
    this.#frameBytesMax = options.frameBytesMax
    this.#onFrame = options.onFrame
    this.#onDropped = options.onDropped
  }

  /** Memory held for a frame that is not whole yet. */
  get heldBytes(): number {
    return this.#pending?.length ?? 0
  }

  push(chunk: Buffer): void {
    // Kept from line to line: searching anew for each would make a chunk without one of them quadratic.
    let nul = -2
    let feed = -2
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case 'start':
        case 'digits':
        case 'space':
          at = this.#decide(chunk, at)
          break
        case 'count':
          at = this.#takeCounted(chunk, at)
          break
        case 'skipCount': {
          const skipped = Math.min(this.#count, chunk.length - at)
          this.#onDropped(skipped)
          this.#count -= skipped
          at += skipped
          if (this.#count === 0) this.#state = 'start'
          break
        }
        case 'line':
        case 'skipLine': {
          if (nul !== -1 && nul < at) nul = chunk.indexOf(NUL, at)
          if (feed !== -1 && feed < at) feed = chunk.indexOf(LF, at)
          const end = feed < 0 ? nul : nul < 0 ? feed : Math.min(feed, nul)
          at = this.#takeLine(chunk, { from: at, end })
          break
        }
      }
    }
  }

  /** The connection has ended: what has come of an unfinished frame is one. */
  end(): void {
    if (this.#pendingLength > 0) this.#emit(this.#takePending(), 'partial')
    this.#pending = undefined
    this.#state = 'start'
  }

  /** Reads the front of a frame until its framing is known; where reading goes on. */
  #decide(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0
    if (this.#state === 'start') {
      if (byte === LF || byte === NUL || byte === CR) return at + 1
      if (!(byte > ZERO && byte <= NINE)) {
        this.#state = 'line'
        return at
      }
      this.#state = 'digits'
      this.#count = 0
    }
    if (this.#state === 'digits') {
      if (byte >= ZERO && byte <= NINE && this.#pendingLength < COUNT_DIGITS_MAX) {
        this.#count = this.#count * 10 + (byte - ZERO)
        this.#append(chunk, at, at + 1)
        return at + 1
      }
      if (byte === SPACE) {
        this.#append(chunk, at, at + 1)
        this.#state = 'space'
        return at + 1
      }
      this.#state = 'line'
      return at
    }
    if (byte === LESS) {
      this.#pendingLength = 0
      this.#state = 'count'
    } else this.#state = 'line'
    return at
  }

  #takeCounted(chunk: Buffer, at: number): number {
    const wanted = Math.min(this.#count, this.#frameBytesMax - this.#pendingLength)
    const taken = Math.min(wanted, chunk.length - at)
    const isComplete = taken === wanted
    this.#count -= taken
    if (!isComplete) {
      this.#append(chunk, at, at + taken)
      return at + taken
    }
    const kind = this.#count === 0 ? 'whole' : 'cut'
    this.#state = this.#count === 0 ? 'start' : 'skipCount'
    this.#emitWith(chunk, { from: at, to: at + taken }, kind)
    return at + taken
  }

  /** `end` is where the line's trailer stands in the chunk, -1 when it has not come. */
  #takeLine(chunk: Buffer, { from, end }: { readonly from: number; readonly end: number }): number {
    const to = end < 0 ? chunk.length : end
    if (this.#state === 'skipLine') {
      this.#onDropped(to - from)
      if (end >= 0) this.#state = 'start'
      return end < 0 ? to : to + 1
    }
    const room = this.#frameBytesMax - this.#pendingLength
    if (to - from > room) {
      this.#emitWith(chunk, { from, to: from + room }, 'cut')
      this.#state = 'skipLine'
      return from + room
    }
    if (end < 0) {
      this.#append(chunk, from, to)
      return to
    }
    this.#state = 'start'
    this.#emitWith(chunk, { from, to }, 'whole', true)
    return to + 1
  }

  /** Emits what is pending together with a part of the chunk; without a copy when nothing is pending. */
  #emitWith(
    chunk: Buffer,
    part: { readonly from: number; readonly to: number },
    kind: FrameKind,
    isLine = false,
  ): void {
    let payload: Buffer
    if (this.#pendingLength === 0) payload = chunk.subarray(part.from, part.to)
    else {
      this.#append(chunk, part.from, part.to)
      payload = this.#takePending()
    }
    const hasReturn = isLine && payload[payload.length - 1] === CR
    this.#emit(hasReturn ? payload.subarray(0, -1) : payload, kind)
  }

  #emit(payload: Buffer, kind: FrameKind): void {
    if (payload.length > 0) this.#onFrame(payload, kind)
  }

  #takePending(): Buffer {
    const payload = this.#pending?.subarray(0, this.#pendingLength) ?? Buffer.alloc(0)
    // The frame may live on in a queue: its buffer is not used again.
    this.#pending = undefined
    this.#pendingLength = 0
    return payload
  }

  /** INVARIANT (cost): doubling keeps a frame that comes byte by byte linear. The buffer is its own, not a slice of a
   * shared pool, so that an idle connection does not hold a pool. */
  #append(chunk: Buffer, from: number, to: number): void {
    const length = this.#pendingLength + (to - from)
    let pending = this.#pending
    if (pending === undefined || pending.length < length) {
      const size = Math.max(FIRST_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(Math.max(length, 1))))
      const larger = Buffer.allocUnsafeSlow(size)
      pending?.copy(larger, 0, 0, this.#pendingLength)
      pending = larger
      this.#pending = larger
    }
    chunk.copy(pending, this.#pendingLength, from, to)
    this.#pendingLength = length
  }
}
