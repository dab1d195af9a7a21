import { shortKey } from './short-key.ts'

/** Since the first use of a key, after which another one makes it a regular, ms. */
export const REGULAR_AFTER_MS = 86_400_000
/** The part of a map that newcomers may take up at the expense of regulars; with no regulars, all of it is theirs. */
const NEWCOMERS_SHARE = 0.25

/** Numbers of a slot, and where each stands: its neighbours in its ring, its place in the order of use, and when its key was
 * used first, `REGULAR` for regulars. */
const WIDTH = 4
const OLDER = 0
const NEWER = 1
const RANK = 2
const MET = 3
const REGULAR = Number.NEGATIVE_INFINITY
/** The slots at which the rings of newcomers and of regulars begin and end. */
const NEWCOMERS = 0
const REGULARS = 1

/** Takes an entry as it was when the walk began. Ranks put entries in order of their last use; `met` is when a newcomer was
 * used first, null for regulars. */
export type TakeEntry<Value> = (key: string, value: Value, rank: number, met: number | null) => void

/** A map of at most `max` keys: using one beyond drops another. Keys that are used again a day after they were first are
 * regulars. While newcomers take up a quarter or more, that of them which was used the longest ago is dropped, else such a
 * regular: so no flood of made-up names pushes out who was there before, but for what is beyond three quarters. Where uses
 * say no time, all are newcomers and the quietest is dropped. Long keys are held as digests. Slots are numbers in one array,
 * linked in two rings: neither is anything for the garbage collector to walk, nor does use move a key in a `Map`, which costs
 * ten times that.
 * INVARIANT (used before changed): a value changes only after `use` gave it, so that walks see it as it was.
 * @see Johnson, Shasha: 2Q: A Low Overhead High Performance Buffer Management Replacement Algorithm, VLDB 1994 (simplified
 * 2Q, Kin = 25 %; here a reference counts as second when it is a day later, and newcomers are in order of use) */
export class QuietestOut<Value> {
  readonly #max: number
  readonly #newcomersMin: number
  readonly #slots = new Map<string, number>()
  readonly #keys: string[] = ['', '']
  /** By slot; those of the rings hold nothing. */
  readonly #values: (Value | undefined)[] = [undefined, undefined]
  readonly #links: number[] = [
    ...[NEWCOMERS, NEWCOMERS, Number.POSITIVE_INFINITY, 0],
    ...[REGULARS, REGULARS, Number.POSITIVE_INFINITY, REGULAR],
  ]
  #newcomers = 0
  #dropped = 0
  #rank = 0
  #walk: Walk<Value> | undefined

  /** @param entries in order of their last use, oldest first; without `met` as newcomers of no time */
  constructor(max: number, entries: Iterable<readonly [key: string, value: Value, met?: number | null]> = []) {
    this.#max = max
    this.#newcomersMin = Math.max(1, Math.floor(NEWCOMERS_SHARE * max))
    for (const [key, value, met = 0] of entries) this.#add(key, value, met ?? REGULAR)
  }

  get size(): number {
    return this.#slots.size
  }

  /** How many were dropped for want of room. */
  get dropped(): number {
    return this.#dropped
  }

  has(key: string): boolean {
    return this.#slots.has(shortKey(key))
  }

  /** The value, which does not count as use. */
  peek(key: string): Readonly<Value> | undefined {
    const slot = this.#slots.get(shortKey(key))
    return slot === undefined ? undefined : this.#values[slot]
  }

  /** The value, or what `make` makes; used now.   @see touch */
  use(name: string, make: () => Value, now = 0): Value {
    const key = shortKey(name)
    const slot = this.#slots.get(key)
    return slot === undefined ? this.add(key, make(), now) : this.#used(slot, now)
  }

  /** The value of a key that is there; used now.
   * @param now ms, at no use before that of an earlier one: who could choose it could make regulars of made-up names */
  touch(name: string, now = 0): Value | undefined {
    const slot = this.#slots.get(shortKey(name))
    return slot === undefined ? undefined : this.#used(slot, now)
  }

  /** Takes in a key that is not there: for values that are made of what a function would have to be made for with each use.
   * @returns the value   @see touch */
  add(name: string, value: Value, now = 0): Value {
    const freed = this.#slots.size < this.#max ? undefined : this.#dropQuietest()
    this.#add(shortKey(name), value, now, freed)
    return value
  }

  /** Gives all that is there now to `take`, each entry as it is now, one with each call of what comes back, and what is used
   * meanwhile before that; so a large map is saved as of one moment while it is used on. Another walk ends this one.
   * @returns gives the next one, oldest first; false when none was left */
  walk(take: TakeEntry<Value>): () => boolean {
    const walk: Walk<Value> = {
      ...{ take, began: this.#rank, given: 0 },
      cursors: [this.#at(NEWCOMERS, NEWER), this.#at(REGULARS, NEWER)],
    }
    this.#walk = walk
    return () => {
      if (walk !== this.#walk) return false
      const [newcomer, regular] = walk.cursors
      const slot = this.#at(newcomer, RANK) < this.#at(regular, RANK) ? newcomer : regular
      if (this.#at(slot, RANK) > walk.began) {
        this.#walk = undefined
        return false
      }
      this.#give(slot, walk)
      walk.given = this.#at(slot, RANK)
      this.#step(slot, walk)
      return true
    }
  }

  /** In order of their last use, oldest first. */
  *keys(): IterableIterator<string> {
    for (const slot of this.#inOrder(NEWER)) yield this.#keys[slot] ?? ''
  }

  /** In order of their last use, oldest first. */
  *entries(): IterableIterator<[string, Value]> {
    for (const slot of this.#inOrder(NEWER)) yield [this.#keys[slot] ?? '', this.#values[slot] as Value]
  }

  /** In order of their last use, newest first. */
  *newest(): IterableIterator<[string, Readonly<Value>]> {
    for (const slot of this.#inOrder(OLDER)) yield [this.#keys[slot] ?? '', this.#values[slot] as Value]
  }

  /** The slots of both rings together. */
  *#inOrder(direction: typeof OLDER | typeof NEWER): IterableIterator<number> {
    let newcomer = this.#at(NEWCOMERS, direction)
    let regular = this.#at(REGULARS, direction)
    while (newcomer !== NEWCOMERS || regular !== REGULARS) {
      const isOlder = this.#at(newcomer, RANK) < this.#at(regular, RANK)
      if (regular === REGULARS || (newcomer !== NEWCOMERS && isOlder === (direction === NEWER))) {
        yield newcomer
        newcomer = this.#at(newcomer, direction)
      } else {
        yield regular
        regular = this.#at(regular, direction)
      }
    }
  }

  #at(slot: number, place: number): number {
    return this.#links[WIDTH * slot + place] as number
  }

  #used(slot: number, now: number): Value {
    const met = this.#at(slot, MET)
    // Of a regular, that is for ever ago.
    const isRegular = now - met >= REGULAR_AFTER_MS
    if (this.#walk !== undefined) this.#giveFirst(slot, this.#walk)
    else if (this.#at(slot, RANK) === this.#rank && isRegular === (met === REGULAR)) return this.#values[slot] as Value
    this.#unlink(slot)
    if (isRegular && met !== REGULAR) {
      this.#links[WIDTH * slot + MET] = REGULAR
      this.#newcomers -= 1
    }
    this.#append(slot, isRegular ? REGULARS : NEWCOMERS)
    return this.#values[slot] as Value
  }

  #add(key: string, value: Value, met: number, slot = this.#keys.length): void {
    this.#slots.set(key, slot)
    this.#keys[slot] = key
    this.#values[slot] = value
    if (slot * WIDTH === this.#links.length) this.#links.push(0, 0, 0, met)
    else this.#links[WIDTH * slot + MET] = met
    if (met !== REGULAR) this.#newcomers += 1
    this.#append(slot, met === REGULAR ? REGULARS : NEWCOMERS)
  }

  /** @returns the slot that is free now */
  #dropQuietest(): number {
    const isNewcomer = this.#newcomers >= this.#newcomersMin
    const slot = this.#at(isNewcomer ? NEWCOMERS : REGULARS, NEWER)
    if (this.#walk !== undefined) this.#giveFirst(slot, this.#walk)
    this.#slots.delete(this.#keys[slot] ?? '')
    this.#unlink(slot)
    if (isNewcomer) this.#newcomers -= 1
    this.#dropped += 1
    return slot
  }

  /** Gives what the walk has not given yet, before it changes its place. */
  #giveFirst(slot: number, walk: Walk<Value>): void {
    const rank = this.#at(slot, RANK)
    if (rank > walk.given && rank <= walk.began) this.#give(slot, walk)
    this.#step(slot, walk)
  }

  #give(slot: number, { take }: Walk<Value>): void {
    const met = this.#at(slot, MET)
    take(this.#keys[slot] ?? '', this.#values[slot] as Value, this.#at(slot, RANK), met === REGULAR ? null : met)
  }

  /** Moves a cursor on that stands at the slot. */
  #step(slot: number, { cursors }: Walk<Value>): void {
    if (cursors[0] === slot) cursors[0] = this.#at(slot, NEWER)
    else if (cursors[1] === slot) cursors[1] = this.#at(slot, NEWER)
  }

  #append(slot: number, ring: number): void {
    const links = this.#links
    const newest = this.#at(ring, OLDER)
    this.#rank += 1
    links[WIDTH * slot + RANK] = this.#rank
    links[WIDTH * slot + OLDER] = newest
    links[WIDTH * slot + NEWER] = ring
    links[WIDTH * newest + NEWER] = slot
    links[WIDTH * ring + OLDER] = slot
  }

  #unlink(slot: number): void {
    const links = this.#links
    const older = this.#at(slot, OLDER)
    const newer = this.#at(slot, NEWER)
    links[WIDTH * older + NEWER] = newer
    links[WIDTH * newer + OLDER] = older
  }
}

interface Walk<Value> {
  readonly take: TakeEntry<Value>
  /** The last rank when it began: what is of a later one was used since, or is new. */
  readonly began: number
  /** The last rank that it gave in turn. */
  given: number
  /** Of newcomers and regulars the oldest that it has not come to. */
  readonly cursors: [number, number]
}
