import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Reader, type Response } from 'mmdb-lib'
import type { Log } from '../platform/index.ts'
import { DATABASE_BYTES_MAX } from './limits.ts'
import { readFacts } from './read-facts.ts'
import type { AddressFacts } from './types.ts'

/** A MaxMind DB file, read anew whenever it has changed. */
export class DatabaseFile {
  readonly #path: string
  readonly #log: Pick<Log, 'info' | 'warn'>
  #reader: Reader<Response> | undefined
  #provider = ''
  /** What the file looked like when it was last read, or could not be. */
  #read = ''
  /** What it looked like when it was last looked at. */
  #seen = ''

  constructor(path: string, log: Pick<Log, 'info' | 'warn'>) {
    this.#path = path
    this.#log = log
  }

  /** Reads the file when it is another than before. What cannot be read leaves what was read before, and is told once.
   * @param when at once, or only when the file looks as it did at the last check: it may still be being written
   * @returns whether it was read */
  async check(when: 'at once' | 'settled'): Promise<boolean> {
    const look = await stat(this.#path).then(
      ({ mtimeMs, size, ino }) => ({ text: `${ino} ${size} ${mtimeMs}`, size }),
      () => undefined,
    )
    const text = look?.text ?? 'absent'
    const isSettled = text === this.#seen || when === 'at once'
    this.#seen = text
    if (text === this.#read || !isSettled) return false
    this.#read = text
    const kept = this.#reader ? 'what it held before is used on' : 'addresses are not looked up in it'
    if (!look) return this.#refuse(`there is no such file; ${kept}`)
    if (look.size > DATABASE_BYTES_MAX) return this.#refuse(`it is larger than ${DATABASE_BYTES_MAX} bytes; ${kept}`)
    try {
      const reader = new Reader<Response>(await readFile(this.#path))
      const { databaseType, buildEpoch } = reader.metadata
      this.#provider = `${databaseType || basename(this.#path)} ${buildEpoch.toISOString().slice(0, 10)}`
      this.#reader = reader
    } catch {
      return this.#refuse(`it is no MaxMind DB; ${kept}`)
    }
    this.#log.info({ database: this.#path, provider: this.#provider }, 'addresses are looked up in a database')
    return true
  }

  /** What the database says of an address.   @param ip one that `isIP` takes */
  lookUp(ip: string): AddressFacts {
    try {
      const record = this.#reader?.get(ip)
      return record ? readFacts(record, this.#provider) : {}
    } catch {
      // A damaged record costs its addresses what is known of them, no event.
      return {}
    }
  }

  #refuse(why: string): false {
    this.#log.warn({ database: this.#path }, `a database of addresses cannot be read: ${why}`)
    return false
  }
}
