import type { EntryValue, Measure } from './measure.ts'

/** Which columns a correlation's windows need: one rule needs no tags, counting events no values. */
export interface WindowShape {
  readonly tags: boolean
  readonly values: boolean
}

/** The entries of one group that may still matter, in order of time. */
export class Window {
  readonly times: number[] = []
  readonly tags: number[] | undefined
  readonly values: EntryValue[] | undefined
  /** What names the entry's event to the caller: an offset, a line. */
  readonly refs: number[] = []
  /** Entries before this one have left. */
  head = 0
  measure: Measure
  /** When the correlation last was told of for this group. */
  toldAt = Number.NEGATIVE_INFINITY
  /** When its last entry arrived. */
  arrivedAt = Number.NEGATIVE_INFINITY

  constructor(measure: Measure, shape: WindowShape) {
    this.measure = measure
    this.tags = shape.tags ? [] : undefined
    this.values = shape.values ? [] : undefined
  }

  get newest(): number {
    return this.times.length === 0 ? Number.NEGATIVE_INFINITY : (this.times[this.times.length - 1] as number)
  }

  /** How many entries have not left. */
  get length(): number {
    return this.times.length - this.head
  }

  /** Lets entries as old as `after` leave the measure. They stay in the columns until `forget`. */
  leaveUntil(after: number): void {
    while (this.head < this.times.length && (this.times[this.head] as number) <= after) this.#leaveOne()
  }

  #leaveOne(): void {
    this.measure.leave(this.tags?.[this.head] ?? 0, this.values?.[this.head])
    this.head++
  }

  /** Adds an entry that is as new as the newest. */
  append(time: number, tag: number, value: EntryValue, ref: number): void {
    this.times.push(time)
    this.tags?.push(tag)
    this.values?.push(value)
    this.refs.push(ref)
    this.measure.enter(time, tag, value)
  }

  /** Puts an entry that came late in its place, after those of the same time. */
  insert(
    entry: { time: number; tag: number; value: EntryValue; ref: number },
    timespanMs: number,
    fresh: Measure,
  ): void {
    let at = this.times.length
    while (at > 0 && (this.times[at - 1] as number) > entry.time) at--
    this.times.splice(at, 0, entry.time)
    this.tags?.splice(at, 0, entry.tag)
    this.values?.splice(at, 0, entry.value)
    this.refs.splice(at, 0, entry.ref)
    this.remeasure(timespanMs, fresh)
  }

  /** Measures the window up to its newest entry anew. */
  remeasure(timespanMs: number, fresh: Measure): void {
    const after = this.newest - timespanMs
    this.measure = fresh
    this.head = 0
    while ((this.times[this.head] as number) <= after) this.head++
    for (let at = this.head; at < this.times.length; at++) this.#enterAt(at, fresh)
  }

  #enterAt(at: number, measure: Measure): void {
    measure.enter(this.times[at] as number, this.tags?.[at] ?? 0, this.values?.[at])
  }

  /** The first time from `from` on at whose entry the measure holds, of those entries whose window reaches back to it. */
  holdsFrom(from: number, timespanMs: number, fresh: Measure): number | undefined {
    let tail = 0
    for (let at = 0; at < this.times.length; at++) {
      const time = this.times[at] as number
      if (time >= from + timespanMs) return undefined
      this.#enterAt(at, fresh)
      if (time < from || time === this.times[at + 1]) continue
      for (; (this.times[tail] as number) <= time - timespanMs; tail++) {
        fresh.leave(this.tags?.[tail] ?? 0, this.values?.[tail])
      }
      if (fresh.holds(time - timespanMs, at + 1 - tail)) return time
    }
    return undefined
  }

  /** Drops entries that left and are as old as `before`, once they are many, and the oldest of all beyond `most`.
   * @returns how many were dropped that had not left */
  forget(before: number, most: number): number {
    let dropped = 0
    for (; this.length > most; dropped++) this.#leaveOne()
    let gone = Math.max(0, this.head - most)
    if (gone === 0 && (this.head < 8 || this.head * 2 < this.times.length)) return dropped
    while (gone < this.head && (this.times[gone] as number) <= before) gone++
    if (gone === 0) return dropped
    this.times.splice(0, gone)
    this.tags?.splice(0, gone)
    this.values?.splice(0, gone)
    this.refs.splice(0, gone)
    this.head -= gone
    return dropped
  }
}
