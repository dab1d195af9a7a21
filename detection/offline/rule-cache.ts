import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ATTACK_VERSION } from '../attack/attack.ts'
import { RULE_CACHE_BYTES_MAX } from '../limits.ts'

/** Raised whenever what is parsed from the same text changes. */
const FORM = 4

/** Keeps what was parsed of a set of files in a folder of the user's own, under a name made of their contents: another
 * content is another name, so nothing old is ever taken for new. */
export class RuleCache {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The name of what comes of these texts. */
  static keyOf(texts: Iterable<string>): string {
    return hash('sha256', JSON.stringify([FORM, ATTACK_VERSION, ...texts]), 'hex')
  }

  /** Undefined where nothing is kept, or where somebody else could have written it. */
  find(key: string): unknown {
    try {
      const path = this.#path(key)
      const { mode, uid, size } = lstatSync(path)
      const own = process.getuid === undefined || uid === process.getuid()
      if (!own || (mode & 0o022) !== 0 || (mode & 0o170000) !== 0o100000 || size > RULE_CACHE_BYTES_MAX)
        return undefined
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      return undefined
    }
  }

  /** Best effort: a cache that cannot be written is none. */
  keep(key: string, value: unknown): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const path = this.#path(key)
      const temporary = `${path}.${process.pid}`
      writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 })
      renameSync(temporary, path)
    } catch {
      // The next call parses again.
    }
  }

  #path(key: string): string {
    return join(this.#folder, `rules-${key}.json`)
  }
}
