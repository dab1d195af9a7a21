import { EVTX_STEPS_MAX } from '../../limits.ts'

/** What is wrong with a stretch of an event log; the event that it stands in cannot be read. */
export class DamagedEvent extends Error {}

/** Reads a chunk of an event log from a place on, little endian.   @throws DamagedEvent past the end */
export class Cursor {
  readonly bytes: Buffer
  at: number
  readonly end: number

  constructor(bytes: Buffer, at: number, end = bytes.length) {
    if (at < 0 || end > bytes.length) throw new DamagedEvent('a place outside its chunk')
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Passes over so many bytes.   @returns where they begin */
  skip(length: number): number {
    const { at } = this
    if (length < 0 || at + length > this.end) throw new DamagedEvent('cut off')
    this.at = at + length
    return at
  }

  u8(): number {
    return this.bytes[this.skip(1)] as number
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.skip(2))
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.skip(4))
  }

  /** So many UTF-16 units as text. */
  chars(count: number): string {
    const at = this.skip(2 * count)
    return this.bytes.toString('utf16le', at, at + 2 * count)
  }
}

/** What a chunk may cost to read. */
export class Budget {
  #left = EVTX_STEPS_MAX

  /** @param chars that come with it   @throws DamagedEvent when nothing is left */
  take(chars = 0): void {
    this.#left -= 1 + (chars >>> 4)
    if (this.#left < 0) throw new DamagedEvent(`its chunk comes to more than ${EVTX_STEPS_MAX} steps`)
  }
}
