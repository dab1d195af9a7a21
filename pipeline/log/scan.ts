import { type DiskFile, errorCode } from './disk.ts'
import { type FrameHead, type FrameKey, readFrameHead, viewOf } from './frame.ts'

const PAGE_BYTES = 4096
const READ_TRIES_MAX = 3

/** Walks the frames of a file, a window of it in memory at a time. Windows are never written to again, so what is read
 * may share their bytes. */
export class FrameScan {
  /** In the file, of the frame that `peek` looks at. */
  position: number
  /** The disk could not give some of the bytes. */
  unreadable = false
  bytes: Buffer = Buffer.alloc(0)
  view: DataView = viewOf(this.bytes)
  readonly #file: DiskFile
  readonly #key: FrameKey
  readonly #windowBytes: number
  /** Position of the window's first byte. */
  #start: number
  readonly #sizeBytes: number
  #needBytes = 0

  /** @param options.sizeBytes of the file, as far as it is looked at */
  constructor(
    file: DiskFile,
    key: FrameKey,
    options: { readonly position: number; readonly sizeBytes: number; readonly windowBytes: number },
  ) {
    this.#file = file
    this.#key = key
    this.#windowBytes = options.windowBytes
    this.#sizeBytes = options.sizeBytes
    this.position = options.position
    this.#start = options.position
  }

  /** Where the frame stands in `bytes`. */
  get at(): number {
    return this.position - this.#start
  }

  /** The frame at `position`, if it can be told without reading on: most can, and a walk over many should not wait for
   * each. */
  peek(): FrameHead | 'damaged' | 'more' {
    const head = readFrameHead(this.bytes, this.view, this.at, this.bytes.length, this.#key)
    if (typeof head === 'number') {
      this.#needBytes = head
      return 'more'
    }
    return head ?? 'damaged'
  }

  /** The frame at `position`; `damaged` where none stands, or the file ends before it does. */
  async look(): Promise<FrameHead | 'damaged'> {
    for (;;) {
      const head = this.peek()
      // First its head is needed, which tells how long the whole is.
      if (head !== 'more') return head
      if (!(await this.#fill())) return 'damaged'
    }
  }

  skip(head: FrameHead): void {
    this.position += head.lengthBytes
  }

  /** Reads on from `position`. False when the file ends before what is needed. */
  async #fill(): Promise<boolean> {
    // Never more than there is: a damaged length, or a small file, must not reserve a lot.
    const want = Math.min(Math.max(this.#windowBytes, this.#needBytes), this.bytesLeft)
    const window = Buffer.allocUnsafeSlow(want)
    const count = await this.#readAround(window)
    this.bytes = window.subarray(0, count)
    this.view = viewOf(this.bytes)
    this.#start = this.position
    return count >= this.#needBytes
  }

  /** From `position` on. */
  get bytesLeft(): number {
    return Math.max(0, this.#sizeBytes - this.position)
  }

  /** Looks behind `position` for the next sound frame whose offsets `wanted` likes, and goes there. False when there is
   * none up to the end of the file. */
  async resync(wanted: (head: FrameHead) => boolean): Promise<boolean> {
    const mark = Buffer.alloc(4)
    mark.writeUInt32LE(this.#key.mark)
    const from = this.position
    this.position += 1
    for (;;) {
      const found = this.at < this.bytes.length ? this.bytes.indexOf(mark, this.at) : -1
      if (found < 0) {
        // The mark may straddle the windows.
        this.position = Math.max(this.position, this.#start + this.bytes.length - 3)
        this.#needBytes = 4
        if (await this.#fill()) continue
        this.position = from
        return false
      }
      this.position = this.#start + found
      const head = await this.look()
      if (typeof head === 'object' && wanted(head)) return true
      this.position += 1
    }
  }

  /** Reads, and where the disk cannot, leaves zeros: they are no frame, so the damage is reported and what is readable
   * behind it is served. */
  async #readAround(into: Buffer): Promise<number> {
    for (let tries = 1; tries <= READ_TRIES_MAX; tries++) {
      try {
        return await this.#file.read(into, this.position)
      } catch (error) {
        if (errorCode(error) !== 'EIO') throw error
      }
    }
    for (let at = 0; at < into.length; at += PAGE_BYTES) {
      const page = into.subarray(at, at + PAGE_BYTES)
      try {
        await this.#file.read(page, this.position + at)
      } catch (error) {
        if (errorCode(error) !== 'EIO') throw error
        this.unreadable = true
        page.fill(0)
      }
    }
    return into.length
  }
}
