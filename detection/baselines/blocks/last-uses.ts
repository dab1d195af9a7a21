import { pooled } from './pooled.ts'
import { shortKey } from './short-key.ts'

/** Numbers of a value: when it was used last, and its place in the order of use. */
const WIDTH = 2
const RANK = 1

/** When each of a few values was used last. One beyond `max` is held at the expense of that which was used the longest ago,
 * which is looked for among all. There are as many of these as there are entities: a value is a place in an array of numbers,
 * where `QuietestOut` has links for large maps to be dropped from and walked over. */
export class LastUses {
  readonly #max: number
  readonly #places = new Map<string, number>()
  readonly #uses: number[] = []
  #rank = 0
  /** The value used last and its place: most use one thing again and again. */
  #latest: string | undefined
  #latestPlace = 0

  /** @param entries in order of their last use, oldest first */
  constructor(max: number, entries: Iterable<readonly [value: string, at: number]> = []) {
    this.#max = max
    for (const [value, at] of entries) this.#add(value, at)
  }

  get size(): number {
    return this.#places.size
  }

  has(value: string): boolean {
    return this.#places.has(shortKey(value))
  }

  /** Takes in that a value is used at `at`.
   * @returns when it was used before, -∞ where it never was or is not known any more */
  use(name: string, at: number): number {
    const value = shortKey(name)
    const place = value === this.#latest ? this.#latestPlace : this.#places.get(value)
    if (place === undefined) {
      this.#add(value, at)
      return Number.NEGATIVE_INFINITY
    }
    const before = this.#uses[place] ?? 0
    this.#set(value, place, at)
    return before
  }

  values(): Iterable<string> {
    return this.#places.keys()
  }

  /** In order of their last use, oldest first. */
  entries(): (readonly [value: string, at: number])[] {
    return [...this.#places]
      .sort(([, a], [, b]) => this.#rankAt(a) - this.#rankAt(b))
      .map(([value, place]) => [value, this.#uses[place] ?? 0])
  }

  #rankAt(place: number): number {
    return this.#uses[place + RANK] ?? 0
  }

  #add(name: string, at: number): void {
    const value = pooled(name)
    const place = this.#places.size < this.#max ? WIDTH * this.#places.size : this.#dropOldest()
    this.#places.set(value, place)
    this.#set(value, place, at)
  }

  #set(value: string, place: number, at: number): void {
    this.#latest = value
    this.#latestPlace = place
    this.#rank += 1
    this.#uses[place] = at
    this.#uses[place + RANK] = this.#rank
  }

  /** @returns the place that is free now */
  #dropOldest(): number {
    let oldest = ''
    let at = 0
    let least = Number.POSITIVE_INFINITY
    for (const [value, place] of this.#places) {
      if (this.#rankAt(place) >= least) continue
      oldest = value
      at = place
      least = this.#rankAt(place)
    }
    this.#places.delete(oldest)
    return at
  }
}
