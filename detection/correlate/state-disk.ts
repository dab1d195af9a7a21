import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { syncDir } from '../../platform/base/index.ts'

/** What segments need of a disk, and no more, so that a test can give them one that fails. Every call but `syncLater`
 * waits for the disk. */
export interface StateDisk {
  /** Makes a folder and those above it.   @returns the uppermost that was not there; undefined when all were */
  makeDir(path: string): string | undefined
  /** Makes the names in a folder durable. */
  syncDir(path: string): void
  /** Names in a folder; none where there is no such folder. */
  list(path: string): readonly string[]
  /** Removes whatever has this name, if anything has. */
  remove(path: string): void
  /** Opens a file to read and to write it, a new one where there is none.   @returns its number */
  open(path: string): number
  /** @returns how many of the bytes were written; at least one */
  write(file: number, bytes: Uint8Array, position: number): number
  /** @returns how many bytes were read; fewer only at the end of the file */
  read(file: number, into: Uint8Array, position: number): number
  /** Cuts a file, or fills it up with zeros. */
  truncate(file: number, length: number): void
  sync(file: number): void
  syncLater(file: number): Promise<void>
  close(file: number): void
}

/** The operating system's files, for nobody but the user. */
export const nodeStateDisk: StateDisk = {
  makeDir: (path) => mkdirSync(path, { recursive: true, mode: 0o700 }),
  syncDir,
  list: (path) => (existsSync(path) ? readdirSync(path) : []),
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  open: (path) => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600),
  write: (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
  read: (file, into, position) => readSync(file, into, 0, into.length, position),
  truncate: ftruncateSync,
  sync: fdatasyncSync,
  syncLater: promisify(fdatasync),
  close: closeSync,
}
