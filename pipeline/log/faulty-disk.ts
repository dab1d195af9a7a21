import { type Disk, type DiskFile, nodeDisk } from './disk.ts'

/** What happens at a call to the disk. */
export type Fault =
  /** It fails and does nothing, or of a write only a part. */
  | { readonly kind: 'error'; readonly code: 'EIO' | 'ENOSPC' }
  /** The machine stops: nothing works any more, and of a write only some of the pages are there. */
  | { readonly kind: 'crash' }

const PAGE_BYTES = 512

/** A real disk that fails where the test says: a test double for hardware, not for our own parts. */
export class FaultyDisk implements Disk {
  crashed = false
  /** Called when a fault has happened. */
  afterFault: () => void = () => undefined
  readonly #nextFault: () => Fault | undefined
  readonly #random: () => number

  /** @param nextFault what happens at this call, asked at each
   * @param random 0..1, for what is left of a torn write */
  constructor(nextFault: () => Fault | undefined, random: () => number) {
    this.#nextFault = nextFault
    this.#random = random
  }

  create = async (path: string): Promise<DiskFile> => this.#file(await this.#do(() => nodeDisk.create(path)))
  open = async (path: string, mode: 'read' | 'write'): Promise<DiskFile> =>
    this.#file(await this.#do(() => nodeDisk.open(path, mode)))
  readFile = (path: string): Promise<Buffer | undefined> => this.#do(() => nodeDisk.readFile(path))
  replaceFile = (path: string, bytes: Uint8Array): Promise<void> =>
    this.#do(
      () => nodeDisk.replaceFile(path, bytes),
      // It is not durable: a crash may leave the new name on an empty file.
      () => (this.#random() < 0.5 ? nodeDisk.replaceFile(path, new Uint8Array(0)) : Promise.resolve()),
    )
  sizeBytes = (path: string): Promise<number> => this.#do(() => nodeDisk.sizeBytes(path))
  remove = (path: string): Promise<void> => this.#do(() => nodeDisk.remove(path))
  list = (path: string): ReturnType<Disk['list']> => this.#do(() => nodeDisk.list(path))
  makeDir = (path: string): Promise<void> => this.#do(() => nodeDisk.makeDir(path))
  syncDir = (path: string): Promise<void> => this.#do(() => nodeDisk.syncDir(path))
  room = (path: string): ReturnType<Disk['room']> => this.#do(() => nodeDisk.room(path))

  #file(file: DiskFile): DiskFile {
    return {
      writeDurably: (pieces, position) =>
        this.#do(
          () => file.writeDurably(pieces, position),
          () => this.#tear(file, Buffer.concat(pieces), position),
        ),
      read: (into, position) => this.#do(() => file.read(into, position)),
      sizeBytes: () => this.#do(() => file.sizeBytes()),
      truncate: (bytes) => this.#do(() => file.truncate(bytes)),
      sync: () => this.#do(() => file.sync()),
      // Not counted: a real one is closed with the process.
      close: () => file.close(),
    }
  }

  async #do<T>(work: () => Promise<T>, torn?: () => Promise<void>): Promise<T> {
    if (this.crashed) throw failure('EIO')
    const fault = this.#nextFault()
    if (fault === undefined) return await work()
    if (fault.kind === 'crash') this.crashed = true
    await torn?.()
    this.afterFault()
    throw failure(fault.kind === 'error' ? fault.code : 'EIO')
  }

  /** Leaves some pages of a write behind, in no order, the rest as it was or zeros. */
  async #tear(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
    const prefix = this.#random() < 0.5
    const keep = Math.floor(this.#random() * (bytes.length + 1))
    if (prefix) return await file.writeDurably([bytes.subarray(0, keep)], position)
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      if (this.#random() < 0.5) continue
      await file.writeDurably([bytes.subarray(at, at + PAGE_BYTES)], position + at)
    }
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}
