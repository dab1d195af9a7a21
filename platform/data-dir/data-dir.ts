import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { syncDir, writeFileAtomic } from '../base/atomic-file.ts'
import { defineErrors } from '../base/errors.ts'
import { type BootstrapCredentials, bootstrapFile, type RuntimeInfo, runtimeFile } from '../base/published.ts'
import { tryLockFile } from '../db/file-lock.ts'

const dataDirError = defineErrors({
  'platform.dataDir.held': { status: 409, title: 'Another process uses this data folder' },
  'platform.dataDir.unusable': { status: 500, title: 'Data folder cannot be used' },
})

const LOCK_FILE = 'lock.db'
/** Who holds the lock, for the message only: the lock itself is what counts. */
const HOLDER_FILE = 'lock.pid'

/** The folder of everything this process keeps, held by it alone. */
export interface DataDir {
  readonly path: string
  /** The path of a file of ours. */
  file(name: string): string
  /** A folder in it, made where it is absent. */
  folder(name: string): string
  /** Tells others the bound ports, once all of them listen. */
  publishRuntime(info: RuntimeInfo): void
  /** Hands over the first account's credentials: the only place where they are ever written. */
  publishBootstrapCredentials(credentials: BootstrapCredentials): void
  /** Takes runtime.json away and lets go of the folder. For a clean stop; the lock dies with the process anyway. */
  close(): void
}

/** Takes hold of a data folder, made with mode 0700 where it is absent. From here on this process makes every file
 * readable by its own user only. A runtime.json of a process that was killed is removed.
 * @throws platform.dataDir.held naming the process that uses it
 * @throws platform.dataDir.unusable where it cannot be made or written, or anybody may write to it */
export function openDataDir(path: string): DataDir {
  process.umask(0o077)
  prepare(path)
  const lock = attempt(path, () => tryLockFile(join(path, LOCK_FILE)))
  if (!lock) {
    throw dataDirError(
      'platform.dataDir.held',
      `the data folder \`${path}\` is used by process ${holder(path)}; stop that one or give another \`data_dir\``,
    )
  }
  const file = (name: string): string => join(path, name)
  const writeJson = (name: string, value: unknown): void =>
    writeFileAtomic(file(name), Buffer.from(`${JSON.stringify(value, null, 2)}\n`), 0o600)
  attempt(path, () => {
    rmSync(file(runtimeFile), { force: true })
    writeFileAtomic(file(HOLDER_FILE), Buffer.from(`${process.pid}\n`), 0o600)
  })
  return {
    path,
    file,
    folder(name) {
      mkdirSync(file(name), { recursive: true, mode: 0o700 })
      syncDir(path)
      return file(name)
    },
    publishRuntime: (info) => writeJson(runtimeFile, info),
    publishBootstrapCredentials: (credentials) => writeJson(bootstrapFile, credentials),
    close() {
      rmSync(file(runtimeFile), { force: true })
      rmSync(file(HOLDER_FILE), { force: true })
      lock.release()
    },
  }
}

function prepare(path: string): void {
  const mode = attempt(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return statSync(path).mode
  })
  // Whoever may write here may replace the root key and the database.
  if ((mode & 0o002) !== 0) {
    throw dataDirError(
      'platform.dataDir.unusable',
      `anybody may write to the data folder \`${path}\`; \`chmod 700\` it or give another \`data_dir\``,
    )
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw dataDirError('platform.dataDir.unusable', `the data folder \`${path}\` cannot be used: ${reason}`, { cause })
  }
}

function holder(path: string): string {
  try {
    return readFileSync(join(path, HOLDER_FILE), 'utf8').trim()
  } catch {
    return '(just starting)'
  }
}
