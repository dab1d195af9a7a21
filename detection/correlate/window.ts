import type { EntryValue, Measure } from './measure.ts'

/** The entries of one group that may still matter, in order of time. */
export class Window {
  readonly times: number[] = []
  readonly tags: number[] = []
  readonly values: EntryValue[] = []
  /** What names the entry's event to the caller: an offset, a line. */
  readonly refs: number[] = []
  /** Entries before this one have left. */
  head = 0
  measure: Measure
  /** When the correlation last was told of for this group. */
  toldAt = Number.NEGATIVE_INFINITY

  constructor(measure: Measure) {
    this.measure = measure
  }

  get newest(): number {
    return this.times.at(-1) ?? Number.NEGATIVE_INFINITY
  }

  get length(): number {
    return this.times.length - this.head
  }

  /** Lets entries as old as `after` leave the measure. They stay in the arrays until `forget`. */
  leaveUntil(after: number): void {
    while (this.head < this.times.length && (this.times[this.head] as number) <= after) this.#leaveOne()
  }

  #leaveOne(): void {
    this.measure.leave(this.tags[this.head] as number, this.values[this.head])
    this.head++
  }

  /** Adds an entry that is as new as the newest. */
  append(time: number, tag: number, value: EntryValue, ref: number): void {
    this.times.push(time)
    this.tags.push(tag)
    this.values.push(value)
    this.refs.push(ref)
    this.measure.enter(time, tag, value)
  }

  /** Puts an entry that came late in its place, after those of the same time; the measure is to be remade. */
  insert(time: number, tag: number, value: EntryValue, ref: number): void {
    let at = this.times.length
    while (at > 0 && (this.times[at - 1] as number) > time) at--
    this.times.splice(at, 0, time)
    this.tags.splice(at, 0, tag)
    this.values.splice(at, 0, value)
    this.refs.splice(at, 0, ref)
  }

  /** Drops what left, once it is much: entries as old as `before`, and the oldest beyond `most`.
   * @returns how many of those that had not left were dropped */
  forget(before: number, most: number): number {
    let dropped = 0
    while (this.length > most) {
      this.#leaveOne()
      dropped++
    }
    if (this.head < 32 || this.head * 2 < this.times.length) return dropped
    let gone = 0
    while (gone < this.head && (this.times[gone] as number) <= before) gone++
    for (const array of [this.times, this.tags, this.values, this.refs]) array.splice(0, gone)
    this.head -= gone
    return dropped
  }

  /** The measure, made anew, of the window (after, newest]. */
  measureAfter(after: number, make: () => Measure): Measure {
    const measure = make()
    for (let at = 0; at < this.times.length; at++) {
      const time = this.times[at] as number
      if (time > after) measure.enter(time, this.tags[at] as number, this.values[at])
    }
    return measure
  }

  /** The first time from `from` on at whose entry the measure holds, of those entries whose window reaches back to it. */
  holdsFrom(from: number, timespanMs: number, make: () => Measure): number | undefined {
    const measure = make()
    let tail = 0
    for (let at = 0; at < this.times.length; at++) {
      const time = this.times[at] as number
      if (time >= from + timespanMs) return undefined
      measure.enter(time, this.tags[at] as number, this.values[at])
      if (time < from || time === this.times[at + 1]) continue
      for (; (this.times[tail] as number) <= time - timespanMs; tail++) {
        measure.leave(this.tags[tail] as number, this.values[tail])
      }
      if (measure.holds(time - timespanMs)) return time
    }
    return undefined
  }
}
