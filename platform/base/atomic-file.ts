import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a file so that a reader, and the disk after a crash, has all of the old or all of the new. */
export function writeFileAtomic(path: string, bytes: Uint8Array, mode: number): void {
  const temporary = writeBeside(path, bytes, mode)
  try {
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDir(dirname(path))
}

/** Makes a file that must not exist: of two processes that do so at once, one wins and the other is told.
 * @returns false where the file was there already; it is untouched */
export function createFileOnce(path: string, bytes: Uint8Array, mode: number): boolean {
  const temporary = writeBeside(path, bytes, mode)
  try {
    linkSync(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
  syncDir(dirname(path))
  return true
}

function writeBeside(path: string, bytes: Uint8Array, mode: number): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const file = openSync(temporary, 'wx', mode)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  return temporary
}

/** Makes names in a folder durable: a file whose folder was not synced may be gone after a power cut. */
export function syncDir(path: string): void {
  const dir = openSync(path, 'r')
  try {
    fsyncSync(dir)
  } finally {
    closeSync(dir)
  }
}
