import type { JsonValue } from '../../pipeline/index.ts'
import { keyOfText } from './number.ts'
import type { KnownField } from './specialise.ts'

/** The value is no text or number, so nothing is known by it. */
const UNKNOWN = 0
/** The value is one that no rule names. */
const UNNAMED = 1
const FIRST = 2

/** Numbers the values of a field that rules tell apart. All others are one. */
export class KeyTable {
  /** In the order of their numbers. */
  readonly keys: readonly string[]
  readonly #numbers = new Map<string, number>()
  /** Values as they came; cleared when it grows large. */
  readonly #seen = new Map<string | number, number>()
  readonly #rememberedMax: number

  /** @param keys as `keyOfText` makes them */
  constructor(keys: Iterable<string>, rememberedMax: number) {
    this.keys = [...keys]
    for (const [index, key] of this.keys.entries()) this.#numbers.set(key, FIRST + index)
    this.#rememberedMax = rememberedMax
  }

  numberOf(value: JsonValue | undefined): number {
    if (typeof value !== 'string' && typeof value !== 'number') return UNKNOWN
    const seen = this.#seen.get(value)
    if (seen !== undefined) return seen
    const number = this.#numbers.get(keyOfText(String(value))) ?? UNNAMED
    if (this.#seen.size >= this.#rememberedMax) this.#seen.clear()
    if (typeof value === 'number' || value.length < 256) this.#seen.set(value, number)
    return number
  }

  /** Whether it tells all of these apart. */
  tells(keys: ReadonlySet<string>): boolean {
    for (const key of keys) if (!this.#numbers.has(key)) return false
    return true
  }

  /** What a number says of the field; undefined when it says nothing. */
  known(number: number): KnownField | undefined {
    if (number === UNKNOWN) return undefined
    return { key: number === UNNAMED ? undefined : this.keys[number - FIRST] }
  }
}
