import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const SQLITE_BUSY = 5

/** A lock between processes that dies with its holder, kill -9 included. */
export interface FileLock {
  release(): void
}

/** Takes the lock that `file` stands for, or gives undefined where another holds it. Node has no flock: this is the
 * exclusive lock of an empty SQLite database, which is the operating system's (fcntl). */
export function tryLockFile(file: string): FileLock | undefined {
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    chmodSync(file, 0o600)
    // The transaction is never committed and writes nothing: it is the lock.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return { release: () => db.close() }
  } catch (error) {
    db.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}
