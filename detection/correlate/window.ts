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

/** Numbers of a window that are none of an entry. */
const HEAD = 4
/** About what a group costs beside its entries, bytes: the window, its column, its place among the groups.
 * @see bench/correlate.ts, which holds this against what the process grows by */
const GROUP_BYTES = 236

/** The entries of one group that may still matter, in order of time. */
export class Window {
  /** When its last entry arrived, when the correlation last was told of, where its record stands and since which checkpoint
   * it differs from that; then time and reference of each entry in turn. One array of plain numbers is the least that a
   * group can cost. */
  #numbers: number[]
  #tags: number[] | undefined
  #values: EntryValue[] | undefined
  /** Characters of all values. */
  #chars = 0
  /** Entries before this one have left. */
  #head = 0
  #measure: Measure | undefined
  /** Of its group, the very text that it is found by. */
  readonly key: string

  constructor(key: string, shape: WindowShape) {
    this.key = key
    this.#numbers = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
    if (shape.tags) this.#tags = []
    if (shape.values) this.#values = []
  }

  /** A window of these columns; `numbers` are the time and reference of each entry in turn. */
  static of(columns: {
    readonly arrivedAt: number
    readonly toldAt: number
    readonly numbers: readonly number[]
    readonly tags: readonly number[] | undefined
    readonly values: readonly EntryValue[] | undefined
    readonly left: number
    readonly key: string
  }): Window {
    const { arrivedAt, toldAt, numbers, tags, values, left, key } = columns
    const window = new Window(key, { tags: false, values: false })
    window.#numbers = [arrivedAt, toldAt, 0, 0, ...numbers]
    if (tags) window.#tags = [...tags]
    if (values) {
      window.#values = [...values]
      for (const value of values) window.#chars += charsOf(value)
    }
    window.#head = left
    return window
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

  /** Where its last record stands; 0 = it has none. */
  get location(): number {
    return this.#numbers[2] as number
  }

  set location(location: number) {
    this.#numbers[2] = location
  }

  /** The checkpoint that its last change belongs to; 0 = it is as its record says. */
  get changedIn(): number {
    return this.#numbers[3] as number
  }

  set changedIn(version: number) {
    this.#numbers[3] = version
  }

  /** Entries that are kept, those that left included. */
  get size(): number {
    return (this.#numbers.length - HEAD) / 2
  }

  /** Entries that have left and are still kept. */
  get left(): number {
    return this.#head
  }

  /** Entries that have not left. */
  get length(): number {
    return this.size - this.#head
  }

  /** About what it takes of memory. */
  get bytes(): number {
    const { size } = this
    let each = 16
    if (this.#tags) each += 8
    if (this.#values) each += 32
    // A window of many entries has a measure of its own.
    return GROUP_BYTES + (size > SMALL ? each * 2 : each) * size + this.#chars + this.key.length
  }

  get hasTags(): boolean {
    return this.#tags !== undefined
  }

  get hasValues(): boolean {
    return this.#values !== undefined
  }

  /** Characters of all values together. */
  get valueChars(): number {
    return this.#chars
  }

  timeAt(at: number): number {
    return this.#numbers[HEAD + 2 * at] as number
  }

  refAt(at: number): number {
    return this.#numbers[HEAD + 1 + 2 * at] as number
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
      this.#numbers = withEntry(this.#numbers, time, ref)
      if (this.#tags) this.#tags = withOne(this.#tags, tag)
      if (this.#values) this.#values = withOne(this.#values, value)
    } else {
      this.#numbers.push(time, ref)
      this.#tags?.push(tag)
      this.#values?.push(value)
    }
    if (this.#values) this.#chars += charsOf(value)
    this.#measure?.enter(time, tag, value)
  }

  /** Puts an entry that came late in its place, after those of the same time. */
  insert(entry: { time: number; tag: number; value: EntryValue; ref: number }, timespanMs: number): void {
    let at = this.size
    while (at > 0 && this.timeAt(at - 1) > entry.time) at--
    this.#numbers.splice(HEAD + 2 * at, 0, entry.time, entry.ref)
    this.#tags?.splice(at, 0, entry.tag)
    this.#values?.splice(at, 0, entry.value)
    if (this.#values) this.#chars += charsOf(entry.value)
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
    this.#numbers.splice(HEAD, 2 * gone)
    this.#tags?.splice(0, gone)
    for (const value of this.#values?.splice(0, gone) ?? []) this.#chars -= charsOf(value)
    this.#head -= gone
    return dropped
  }
}

/** A copy of a window's numbers with another entry. Literals take a tenth of the time of anything else that copies an array,
 * and leave no room. */
function withEntry(n: number[], time: number, ref: number): number[] {
  switch (n.length) {
    case 4:
      return [n[0] as number, n[1] as number, n[2] as number, n[3] as number, time, ref]
    case 6:
      return [n[0] as number, n[1] as number, n[2] as number, n[3] as number, n[4] as number, n[5] as number, time, ref]
    default:
      return n.concat([time, ref])
  }
}

function withOne<Value>(values: readonly Value[], value: Value): Value[] {
  switch (values.length) {
    case 0:
      return [value]
    case 1:
      return [values[0] as Value, value]
    case 2:
      return [values[0] as Value, values[1] as Value, value]
    default:
      return values.concat([value])
  }
}

const charsOf = (value: EntryValue): number => (typeof value === 'string' ? value.length : 0)
