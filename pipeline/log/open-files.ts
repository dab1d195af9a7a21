import type { DiskFile } from './disk.ts'

interface Entry {
  readonly file: Promise<DiskFile>
  users: number
  /** Set when the file is to be closed as soon as nobody uses it. */
  unwanted: boolean
}

/** Open files by path, the most recently used kept open, so that ten thousand shards need few descriptors. */
export class OpenFiles {
  readonly #filesMax: number
  readonly #open: (path: string) => Promise<DiskFile>
  /** In order of use, oldest first. */
  readonly #entries = new Map<string, Entry>()

  constructor(filesMax: number, open: (path: string) => Promise<DiskFile>) {
    this.#filesMax = filesMax
    this.#open = open
  }

  /** Runs `work` with the file, which stays open meanwhile. */
  async with<T>(path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(path) ?? { file: this.#open(path), users: 0, unwanted: false }
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    entry.users += 1
    try {
      let file: DiskFile
      try {
        file = await entry.file
      } catch (error) {
        if (this.#entries.get(path) === entry) this.#entries.delete(path)
        throw error
      }
      return await work(file)
    } finally {
      entry.users -= 1
      if (entry.unwanted && entry.users === 0) await close(entry)
      await this.#closeUnneeded(path)
    }
  }

  /** Takes over a file that was opened elsewhere. */
  async adopt(path: string, file: DiskFile): Promise<void> {
    await this.forget(path)
    this.#entries.set(path, { file: Promise.resolve(file), users: 0, unwanted: false })
    await this.#closeUnneeded(path)
  }

  /** Closes a file, at once or when its last user is done; the next use opens it anew. */
  async forget(path: string): Promise<void> {
    const entry = this.#entries.get(path)
    if (entry === undefined) return
    this.#entries.delete(path)
    entry.unwanted = true
    if (entry.users === 0) await close(entry)
  }

  async closeAll(): Promise<void> {
    for (const path of [...this.#entries.keys()]) await this.forget(path)
  }

  /** Closes the longest unused files above the bound, but not `path`. */
  async #closeUnneeded(path: string): Promise<void> {
    if (this.#entries.size <= this.#filesMax) return
    for (const [oldPath, old] of this.#entries) {
      if (old.users > 0 || oldPath === path) continue
      await this.forget(oldPath)
      if (this.#entries.size <= this.#filesMax) return
    }
  }
}

/** Everything written is durable before its file is closed, so an error here loses nothing. */
async function close(entry: Entry): Promise<void> {
  await entry.file.then((file) => file.close()).catch(() => undefined)
}
