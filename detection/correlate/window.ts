import type { EntryValue, Measure } from './measure.ts'

/** Which columns a correlation's windows need: one rule needs no tags, counting events no values. */
export interface WindowShape {
  readonly tags: boolean
  readonly values: boolean
}

/** Windows of at most so many entries are measured anew at each event, by a measure that all groups share: most groups of a
 * large correlation hold an entry or two, and a measure of their own would cost more than all else of them. */
const SMALL = 16
/** Growing an array by one leaves room for sixteen more; small ones are copied instead. */
const COPIED_UNTIL = 8

/** The entries of one group that may still matter, in order of time. */
export class Window {
  /** When its last entry arrived, when the correlation last was told of, then time and reference of each entry in turn: one
   * array of plain numbers is the least that a group can cost. */
  #numbers: number[]
  #tags: number[] | undefined
  #values: EntryValue[] | undefined
  /** Entries before this one have left. */
  #head = 0
  #measure: Measure | undefined

  constructor(shape: WindowShape) {
    this.#numbers = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
    if (shape.tags) this.#tags = []
    if (shape.values) this.#values = []
  }

  get arrivedAt(): number {
    return this.#numbers[0] as number
  }

  set arrivedAt(at: number) {
    this.#numbers[0] = at
  }

  /** When the correlation was last told of for this group. */
  get toldAt(): number {
    return this.#numbers[1] as number
  }

  set toldAt(at: number) {
    this.#numbers[1] = at
  }

  /** Entries that are kept, those that left included. */
  get size(): number {
    return (this.#numbers.length - 2) / 2
  }

  /** Entries that have not left. */
  get length(): number {
    return this.size - this.#head
  }

  timeAt(at: number): number {
    return this.#numbers[2 + 2 * at] as number
  }

  refAt(at: number): number {
    return this.#numbers[3 + 2 * at] as number
  }

  tagAt(at: number): number {
    return this.#tags ? (this.#tags[at] as number) : 0
  }

  valueAt(at: number): EntryValue {
    return this.#values?.[at]
  }

  get newest(): number {
    return this.size === 0 ? Number.NEGATIVE_INFINITY : this.timeAt(this.size - 1)
  }

  /** Writes the window into columns: its numbers behind those of the `group` windows before it with `entry` entries. */
  save(
    into: { numbers: Float64Array; tags: Uint16Array | undefined; values: EntryValue[] | undefined },
    at: { readonly group: number; readonly entry: number },
  ): void {
    into.numbers.set(this.#numbers, 2 * at.group + 2 * at.entry)
    if (this.#tags) into.tags?.set(this.#tags, at.entry)
    const values = this.#values
    if (values && into.values) for (let i = 0; i < values.length; i++) into.values[at.entry + i] = values[i]
  }

  /** Takes what `save` wrote. */
  load(
    from: {
      readonly numbers: Float64Array
      readonly tags: Uint16Array | undefined
      readonly values: readonly EntryValue[] | undefined
    },
    at: { readonly group: number; readonly entry: number; readonly size: number },
  ): void {
    const start = 2 * at.group + 2 * at.entry
    this.#numbers = Array.from(from.numbers.subarray(start, start + 2 + 2 * at.size))
    if (this.#tags) this.#tags = Array.from(from.tags?.subarray(at.entry, at.entry + at.size) ?? [])
    if (this.#values) this.#values = from.values?.slice(at.entry, at.entry + at.size) ?? []
  }

  /** Lets entries as old as `after` leave. They stay in the columns until `forget`. */
  leaveUntil(after: number): void {
    const { size } = this
    while (this.#head < size && this.timeAt(this.#head) <= after) this.#leaveOne()
  }

  #leaveOne(): void {
    this.#measure?.leave(this.tagAt(this.#head), this.valueAt(this.#head))
    this.#head++
  }

  /** Adds an entry that is as new as the newest. */
  append(time: number, tag: number, value: EntryValue, ref: number): void {
    if (this.size < COPIED_UNTIL) {
      this.#numbers = this.#numbers.concat(time, ref)
      if (this.#tags) this.#tags = this.#tags.concat(tag)
      if (this.#values) this.#values = this.#values.concat([value])
    } else {
      this.#numbers.push(time, ref)
      this.#tags?.push(tag)
      this.#values?.push(value)
    }
    this.#measure?.enter(time, tag, value)
  }

  /** Puts an entry that came late in its place, after those of the same time. */
  insert(entry: { time: number; tag: number; value: EntryValue; ref: number }, timespanMs: number): void {
    let at = this.size
    while (at > 0 && this.timeAt(at - 1) > entry.time) at--
    this.#numbers.splice(2 + 2 * at, 0, entry.time, entry.ref)
    this.#tags?.splice(at, 0, entry.tag)
    this.#values?.splice(at, 0, entry.value)
    this.#measure = undefined
    this.#head = 0
    this.leaveUntil(this.newest - timespanMs)
  }

  /** Whether the correlation holds at the newest entry.
   * @param shared a measure to use when the window has none of its own
   * @param make makes one for a window that has grown */
  holds(timespanMs: number, shared: Measure, make: () => Measure): boolean {
    const { length } = this
    if (length > SMALL) this.#measure ??= this.#measured(make())
    else this.#measure = undefined
    const after = this.newest - timespanMs
    if (this.#measure) return this.#measure.holds(after, length)
    shared.reset()
    return this.#measured(shared).holds(after, length)
  }

  #measured(measure: Measure): Measure {
    const { size } = this
    for (let at = this.#head; at < size; at++) measure.enter(this.timeAt(at), this.tagAt(at), this.valueAt(at))
    return measure
  }

  /** The first time from `from` on at whose entry the correlation holds, of those entries whose window reaches back to it. */
  holdsFrom(from: number, timespanMs: number, shared: Measure): number | undefined {
    shared.reset()
    const { size } = this
    let tail = 0
    for (let at = 0; at < size; at++) {
      const time = this.timeAt(at)
      if (time >= from + timespanMs) return undefined
      shared.enter(time, this.tagAt(at), this.valueAt(at))
      if (time < from || (at + 1 < size && time === this.timeAt(at + 1))) continue
      for (; this.timeAt(tail) <= time - timespanMs; tail++) shared.leave(this.tagAt(tail), this.valueAt(tail))
      if (shared.holds(time - timespanMs, at + 1 - tail)) return time
    }
    return undefined
  }

  /** Drops entries that left and are as old as `before`, once they are many, and the oldest of all beyond `most`.
   * @returns how many were dropped that had not left */
  forget(before: number, most: number): number {
    let dropped = 0
    for (; this.length > most; dropped++) this.#leaveOne()
    let gone = Math.max(0, this.#head - most)
    if (gone === 0 && (this.#head < 4 || this.#head * 2 < this.size)) return dropped
    while (gone < this.#head && this.timeAt(gone) <= before) gone++
    if (gone === 0) return dropped
    this.#numbers.splice(2, 2 * gone)
    this.#tags?.splice(0, gone)
    this.#values?.splice(0, gone)
    this.#head -= gone
    return dropped
  }
}
