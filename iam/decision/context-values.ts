import type { ContextValue } from '../../platform/index.ts'
import type { KeyValues } from '../policy/text-pattern.ts'
import { canonicalKeyOf } from './question.ts'

const NOTHING: Readonly<Record<string, ContextValue>> = {}

/** The context of one request after another, read only if a condition asks for it: most statements do not match far
 * enough to look. A few keys in a row are found faster than in a Map that would have to be filled first. */
export class ContextValues implements KeyValues {
  #context = NOTHING
  #isRead = false
  #count = 0
  readonly #names: string[] = []
  readonly #values: ContextValue[] = []

  /** Turns to the next request; what was asked of the last one is forgotten. */
  of(context: Readonly<Record<string, ContextValue>> | undefined): this {
    this.#context = context ?? NOTHING
    this.#isRead = false
    return this
  }

  get(key: string, spelled?: string): ContextValue | undefined {
    if (!this.#isRead) {
      // A key has a `:` or `.` in it, so this finds nothing that every object has.
      const value = spelled === undefined ? undefined : this.#context[spelled]
      if (value !== undefined) return value
      this.#read()
    }
    for (let i = 0; i < this.#count; i++) if (this.#names[i] === key) return this.#values[i]
    return undefined
  }

  #read(): void {
    this.#isRead = true
    this.#count = 0
    const context = this.#context
    for (const name in context) {
      if (!Object.hasOwn(context, name)) continue
      this.#names[this.#count] = canonicalKeyOf(name)
      this.#values[this.#count] = context[name] as ContextValue
      this.#count++
    }
  }
}
