import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SCREEN_BYTES_MAX } from '../limits.ts'

/** What `line-screen.wasm` has. Addresses are offsets in its memory. */
interface Program {
  setUp(
    names: number,
    namesMask: number,
    kinds: number,
    kindsMask: number,
    plans: number,
    members: number,
    found: number,
    scratch: number,
    result: number,
    heap: number,
  ): void
  takeUp(heap: number, lastEpoch: number): void
  epochNow(): number
  allocate(bytes: number): number
  hashOf(at: number, length: number): number
  hashOfKind(channel: number, channelLength: number, eventId: number, eventIdLength: number): number
  begin(automaton: number): number
  open(start: number, end: number): void
  next(): number
}

const PAGE_BYTES = 65_536
/** Addresses, which the system fills with memory where they are written to. It never grows: that would take away views. */
const PAGES = SCREEN_BYTES_MAX / PAGE_BYTES
/** Nothing lies at 0, which means none. */
const FIRST_ADDRESS = 64
/** Reading goes in steps of 16 bytes, beyond the end of a line. */
export const MARGIN_BYTES = 64

const file = readFileSync(new URL('./line-screen.wasm', import.meta.url))
const compiled = new WebAssembly.Module(file)
/** Changes whenever the program does. */
export const programHash = hash('sha256', file, 'hex')

/** The memory of a screen and the program that works on it. */
export class ScreenMemory {
  readonly program: Program
  readonly bytes: Buffer
  /** By address / 4. */
  readonly words: Uint32Array
  #next = FIRST_ADDRESS

  constructor() {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
    const instance = new WebAssembly.Instance(compiled, {
      env: {
        memory,
        abort() {
          throw new Error('the line screen came to an impossible state')
        },
      },
    })
    this.program = instance.exports as unknown as Program
    this.bytes = Buffer.from(memory.buffer)
    this.words = new Uint32Array(memory.buffer)
  }

  /** Room that is there from the start, before the program makes any of its own. */
  reserve(bytes: number): number {
    const address = this.#next
    this.#next += align(bytes)
    return address
  }

  /** The first address that is not reserved. */
  get heap(): number {
    return this.#next
  }

  /** Cleared room. @throws RangeError when none is left */
  allocate(bytes: number): number {
    const address = this.program.allocate(bytes)
    if (address === 0) throw new RangeError('the line screen has no room')
    return address
  }

  /** @throws RangeError */
  putWords(values: ArrayLike<number>): number {
    const address = this.allocate(4 * values.length)
    this.words.set(values, address / 4)
    return address
  }

  /** @throws RangeError */
  putBytes(values: Uint8Array): number {
    const address = this.allocate(values.length)
    this.bytes.set(values, address)
    return address
  }
}

const align = (bytes: number): number => (bytes + 7) & ~7
