import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/** Sensitive bytes that cannot be printed: every way of turning it to text gives `[secret]`. Only `reveal` gives the
 * bytes; call it at the place of use and keep the result no longer than that. */
export class Secret {
  readonly #bytes: Buffer

  constructor(value: string | Uint8Array) {
    this.#bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value)
  }

  /** The bytes themselves, not a copy. */
  reveal(): Buffer {
    return this.#bytes
  }

  revealText(): string {
    return this.#bytes.toString('utf8')
  }

  /** Overwrites the bytes; the secret is empty of meaning afterwards. */
  wipe(): void {
    this.#bytes.fill(0)
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
