import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ATTACK_VERSION } from '../attack/attack.ts'
import { RULE_CACHE_BYTES_MAX, RULE_CACHE_FILES_MAX, RULE_CACHE_OTHERS_MAX } from '../limits.ts'
import { programHash } from '../screen/memory.ts'

/** Raised whenever what is parsed from the same text changes, or the form in which screens are kept. */
const FORM = 7

/** Keeps what was parsed of a set of files, and what was learned with it, in a folder of the user's own, under a name made of
 * their contents: another content is another name, so nothing old is ever taken for new. */
export class RuleCache {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The name of what comes of these contents. */
  static keyOf(contents: Iterable<string | Buffer>): string {
    const hash = createHash('sha256').update(`${FORM} ${ATTACK_VERSION}\n`)
    // With its length before each, so that no two lists read alike.
    for (const content of contents) hash.update(`${content.length} ${typeof content}\n`).update(content)
    return hash.digest('hex')
  }

  /** What was parsed; undefined where nothing is kept. */
  find(key: string): unknown {
    return this.#parse(rulesName(key))
  }

  /** What was parsed of other contents, the latest first. */
  *others(): Iterable<unknown> {
    const ofThisForm = this.#byAge(KEPT).filter(({ name }) => name.startsWith(RULES))
    for (const { name } of ofThisForm.slice(0, RULE_CACHE_OTHERS_MAX)) {
      const value = this.#parse(name)
      if (value !== undefined) yield value
    }
  }

  #parse(name: string): unknown {
    try {
      const bytes = this.#read(name)
      return bytes && JSON.parse(bytes.toString('utf8'))
    } catch {
      return undefined
    }
  }

  keep(key: string, value: unknown): void {
    this.#write(rulesName(key), Buffer.from(JSON.stringify(value)))
  }

  /** What a line screen learned with the rules; undefined where nothing is kept. */
  findScreen(key: string): Buffer | undefined {
    return this.#read(screenName(key))
  }

  keepScreen(key: string, bytes: Buffer): void {
    this.#write(screenName(key), bytes)
  }

  forgetScreen(key: string): void {
    rmSync(join(this.#folder, screenName(key)), { force: true })
  }

  /** Undefined where nothing is kept, or where somebody else could have written it. */
  #read(name: string): Buffer | undefined {
    try {
      const path = join(this.#folder, name)
      const { mode, uid, size } = lstatSync(path)
      const own = process.getuid === undefined || uid === process.getuid()
      if (!own || (mode & 0o022) !== 0 || (mode & 0o170000) !== 0o100000 || size > RULE_CACHE_BYTES_MAX)
        return undefined
      return readFileSync(path)
    } catch {
      return undefined
    }
  }

  /** Best effort: a cache that cannot be written is none. */
  #write(name: string, bytes: Buffer): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const path = join(this.#folder, name)
      const temporary = `${path}.${process.pid}`
      writeFileSync(temporary, bytes, { mode: 0o600 })
      renameSync(temporary, path)
      this.#forgetOldest()
    } catch {
      // The next call parses again.
    }
  }

  /** What was written longest ago goes, so that rules that change every day do not fill the disk. */
  #forgetOldest(): void {
    for (const { path } of this.#byAge(KEPT).slice(RULE_CACHE_FILES_MAX)) rmSync(path, { force: true })
  }

  /** Files with such names, those written last first; none where the folder cannot be read. */
  #byAge(names: RegExp): readonly { readonly name: string; readonly path: string }[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => names.test(name))
        .map((name) => ({ name, path: join(this.#folder, name) }))
        .map((file) => ({ ...file, writtenAt: lstatSync(file.path).mtimeMs }))
        .sort((left, right) => right.writtenAt - left.writtenAt)
    } catch {
      return []
    }
  }
}

/** How the names of files of parsed rules begin, in the form of now. */
const RULES = `rules-${FORM}-`
const KEPT = /^(?:rules-[0-9a-f-]+\.json|screen-[0-9a-f-]+\.bin)/

const rulesName = (key: string): string => `${RULES}${key}.json`
const screenName = (key: string): string => `screen-${key}-${programHash.slice(0, 16)}.bin`
