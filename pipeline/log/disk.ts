import fs, { constants } from 'node:fs'
import { dirname } from 'node:path'

/** What the log needs of a disk, and no more, so that a test can give it one that fails. */
export interface Disk {
  /** A new file. @throws EEXIST */
  create(path: string): Promise<DiskFile>
  open(path: string, mode: 'read' | 'write'): Promise<DiskFile>
  /** Whole content of a small file; undefined when there is none. */
  readFile(path: string): Promise<Buffer | undefined>
  /** Puts a file in place of another in one step. Not durable: after a power cut it may be the old one, or damaged. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>
  /** A file's length; 0 when there is none. */
  sizeBytes(path: string): Promise<number>
  /** Removes a file, or does nothing where there is none. */
  remove(path: string): Promise<void>
  /** Entries of a directory; none when there is no such directory. */
  list(path: string): Promise<readonly { readonly name: string; readonly directory: boolean }[]>
  /** Makes a directory, or leaves the one that is there. */
  makeDir(path: string): Promise<void>
  /** Makes the names in a directory durable. */
  syncDir(path: string): Promise<void>
  room(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
}

export interface DiskFile {
  /** Writes `pieces` one after the other from `position` on. Durable when resolved; after an error anything of it may
   * be on the disk. */
  writeDurably(pieces: readonly Uint8Array[], position: number): Promise<void>
  /** Fills `into` from `position` on; fewer bytes only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  sizeBytes(): Promise<number>
  /** Cuts the file, durably. */
  truncate(bytes: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** Where O_DSYNC exists each write is its own sync: one trip to the kernel instead of two, and three times as fast at
 * 1 MiB (docs/decisions/0002). macOS has the flag but only fdatasync reaches the platter there. */
const SYNC_FLAG = process.platform === 'linux' ? constants.O_DSYNC : 0

/** The operating system's files. The callback form of fs is the cheapest. */
export const nodeDisk: Disk = {
  create: async (path) =>
    new NodeFile(
      await call<number>((done) =>
        fs.open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | SYNC_FLAG, 0o600, done),
      ),
    ),
  open: async (path, mode) =>
    new NodeFile(
      await call<number>((done) =>
        fs.open(path, mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | SYNC_FLAG, done),
      ),
    ),
  readFile: (path) => call<Buffer>((done) => fs.readFile(path, done)).catch(absent(undefined)),
  async replaceFile(path, bytes) {
    await call<void>((done) => fs.writeFile(`${path}.tmp`, bytes, { mode: 0o600 }, done))
    await call<void>((done) => fs.rename(`${path}.tmp`, path, done))
  },
  sizeBytes: (path) => call<fs.Stats>((done) => fs.stat(path, done)).then((stats) => stats.size, absent(0)),
  remove: (path) => call<void>((done) => fs.unlink(path, done)).catch(absent(undefined)),
  list: (path) =>
    call<fs.Dirent[]>((done) => fs.readdir(path, { withFileTypes: true }, done))
      .then((entries) => entries.map((entry) => ({ name: entry.name, directory: entry.isDirectory() })))
      .catch(absent([])),
  async makeDir(path) {
    try {
      await call<void>((done) => fs.mkdir(path, { mode: 0o700 }, (error) => done(error)))
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  },
  async syncDir(path) {
    // Windows cannot open a directory, and keeps its names in a journal of its own.
    if (process.platform === 'win32') return
    const fd = await call<number>((done) => fs.open(path, constants.O_RDONLY, done))
    try {
      await call<void>((done) => fs.fsync(fd, done))
    } finally {
      await call<void>((done) => fs.close(fd, done))
    }
  },
  async room(path) {
    const stats = await call<fs.StatsFs>((done) => fs.statfs(path, done))
    return { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize }
  },
}

class NodeFile implements DiskFile {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  async writeDurably(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let left = pieces
    let at = position
    while (left.length > 0) {
      const written = await call<number>((done) => fs.writev(this.#fd, left, at, done))
      if (written === 0) throw Object.assign(new Error('the disk took no byte of a write'), { code: 'EIO' })
      at += written
      left = after(left, written)
    }
    if (SYNC_FLAG === 0) await this.sync()
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < into.length) {
      const count = await call<number>((done) =>
        fs.read(this.#fd, into, filled, into.length - filled, position + filled, done),
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  async sizeBytes(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#fd, done))).size
  }

  async truncate(bytes: number): Promise<void> {
    await call<void>((done) => fs.ftruncate(this.#fd, bytes, done))
    await this.sync()
  }

  sync(): Promise<void> {
    return call<void>((done) => fs.fdatasync(this.#fd, done))
  }

  close(): Promise<void> {
    return call<void>((done) => fs.close(this.#fd, done))
  }
}

/** Makes a directory and those above it, down from `root`, which is there; durably, also where a run that was killed had
 * made one and not come to its sync. */
export async function makeDirs(disk: Disk, root: string, path: string): Promise<void> {
  if (path === root) return
  const parent = dirname(path)
  await makeDirs(disk, root, parent)
  await disk.makeDir(path)
  await disk.syncDir(parent)
}

/** `ENOSPC`, `EIO`, …; empty when it is no error of the system. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** True when a write failed for want of room, which passes, unlike a broken disk. */
export function isNoRoom(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errorCode(error))
}

function after(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written
  let index = 0
  for (const piece of pieces) {
    if (left < piece.length) break
    left -= piece.length
    index += 1
  }
  const first = pieces[index]
  return first === undefined ? [] : [first.subarray(left), ...pieces.slice(index + 1)]
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (errorCode(error) === 'ENOENT') return value
    throw error
  }
}

type Done<T> = (error: NodeJS.ErrnoException | null, value?: T) => void

function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)))
  })
}
