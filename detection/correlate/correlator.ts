import type { JsonValue } from '../../pipeline/index.ts'
import { ENTRIES_PER_GROUP_MAX, GROUPS_MAX } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { numberOf } from '../match/number.ts'
import { type EntryValue, type Measure, measureOf } from './measure.ts'
import type { ResolvedCorrelation } from './resolve.ts'
import { Window } from './window.ts'

/** An event that matched at least one correlated rule. */
export interface MatchedEvent {
  readonly time: number
  /** What names it to the caller: an offset, a line. */
  readonly ref: number
  /** Ids of the rules it matches. */
  readonly ruleIds: readonly string[]
  readonly value: (field: string) => JsonValue | undefined
}

/** A correlation holds at an event. */
export interface Hold {
  readonly correlation: ResolvedCorrelation
  /** The values of `group-by`, by the names used there. */
  readonly group: Readonly<Record<string, JsonValue>>
  readonly groupKey: string
  readonly time: number
  readonly window: Window
}

export interface CorrelatorCounts {
  /** Groups dropped because there were more than `GROUPS_MAX`: somebody may be making up values to be forgotten. */
  evictedGroups: number
  /** Entries dropped because a group had more than `ENTRIES_PER_GROUP_MAX`. */
  droppedEntries: number
  /** Events older than the lateness allows; they were not correlated. */
  lateEvents: number
}

interface Track {
  readonly resolved: ResolvedCorrelation
  readonly makeMeasure: () => Measure
  readonly numeric: boolean
  readonly groups: Map<string, Window>
  /** Walks over the groups, a few at each event, to let go of those whose time is over. */
  sweep: Iterator<[string, Window]> | undefined
}

/** Watches the windows of correlations. Event time only: an event within the lateness is put in its place, and what it
 * changes in the windows after it is told then; an older one is counted and left out.
 * @see Sigma correlation rules specification 2.0 */
export class Correlator {
  readonly counts: CorrelatorCounts = { evictedGroups: 0, droppedEntries: 0, lateEvents: 0 }
  readonly #tracks: readonly Track[]
  readonly #byRule = new Map<string, { readonly track: Track; readonly tag: number }[]>()
  readonly #latenessMs: number
  #groupCount = 0
  /** The newest time seen. */
  #newest = Number.NEGATIVE_INFINITY

  constructor(correlations: readonly ResolvedCorrelation[], latenessMs: number) {
    this.#latenessMs = latenessMs
    this.#tracks = correlations.map((resolved) => ({
      resolved,
      makeMeasure: measureOf(resolved.correlation),
      numeric: /^value_(?:sum|avg|median|percentile)$/.test(resolved.correlation.type),
      groups: new Map(),
      sweep: undefined,
    }))
    for (const track of this.#tracks) {
      for (const [tag, id] of track.resolved.ruleIds.entries()) {
        const watchers = this.#byRule.get(id)
        if (watchers) watchers.push({ track, tag })
        else this.#byRule.set(id, [{ track, tag }])
      }
    }
  }

  watches(ruleId: string): boolean {
    return this.#byRule.has(ruleId)
  }

  get groupCount(): number {
    return this.#groupCount
  }

  /** Takes a matched event into every window it belongs to.
   * @returns the correlations that hold at it, inner ones of a chain before those built on them */
  see(event: MatchedEvent): readonly Hold[] {
    if (event.time > this.#newest) this.#newest = event.time
    else if (event.time < this.#newest - this.#latenessMs) {
      this.counts.lateEvents++
      return []
    }
    const holds: Hold[] = []
    let pending = event.ruleIds.flatMap((id) => this.#byRule.get(id) ?? [])
    // Correlations come in the order of resolution, so each is done when those it builds on are.
    while (pending.length > 0) {
      const first = this.#tracks.find((track) => pending.some((watcher) => watcher.track === track)) as Track
      const tags = pending.filter((watcher) => watcher.track === first).map(({ tag }) => tag)
      pending = pending.filter((watcher) => watcher.track !== first)
      const hold = this.#enter(first, tags, event)
      if (!hold) continue
      holds.push(hold)
      pending.push(...(this.#byRule.get(first.resolved.correlation.head.id) ?? []))
    }
    return holds
  }

  /** @param tags places of the rules matched; in their order, since an event counts once for each rule it matches and so
   * may be two steps of an order */
  #enter(track: Track, tags: readonly number[], event: MatchedEvent): Hold | undefined {
    const { resolved } = track
    let hold: Hold | undefined
    const entered = new Set<string>()
    for (const tag of [...tags].sort((left, right) => left - right)) {
      const group = this.#groupOf(resolved, tag, event)
      const value = group && this.#valueOf(track, tag, event)
      if (!group || value === null) continue
      this.#put(track, group.key, event, tag, value)
      entered.add(group.key)
      hold = {
        correlation: resolved,
        group: group.values,
        groupKey: group.key,
        time: event.time,
        window: this.#window(track, group.key),
      }
    }
    if (!hold || entered.size === 0) return undefined
    this.#sweep(track)
    const { window } = hold
    const { timespanMs } = resolved.correlation
    if (event.time >= window.newest) return window.measure.holds(event.time - timespanMs) ? hold : undefined
    const time = window.holdsFrom(event.time, timespanMs, track.makeMeasure)
    return time === undefined ? undefined : { ...hold, time }
  }

  #groupOf(
    resolved: ResolvedCorrelation,
    tag: number,
    event: MatchedEvent,
  ): { key: string; values: Readonly<Record<string, JsonValue>> } | undefined {
    const fields = resolved.groupFields[tag] ?? []
    const values: Record<string, JsonValue> = {}
    const texts: string[] = []
    for (const [index, field] of fields.entries()) {
      const value = event.value(field)
      const text = groupText(value)
      if (text === undefined || value === undefined) return undefined
      values[resolved.correlation.groupBy[index] ?? field] = value
      texts.push(text)
    }
    return { key: texts.length === 1 ? (texts[0] ?? '') : JSON.stringify(texts), values }
  }

  /** The value to count; null when the event has none and so contributes nothing. */
  #valueOf(track: Track, tag: number, event: MatchedEvent): EntryValue | null {
    const fields = track.resolved.valueFields[tag] ?? []
    if (fields.length === 0) return undefined
    const texts = fields.map((field) => groupText(event.value(field)))
    if (texts.includes(undefined)) return null
    if (track.numeric) return numberOf(texts[0] ?? '') ?? null
    return texts.length === 1 ? texts[0] : JSON.stringify(texts)
  }

  #window(track: Track, key: string): Window {
    let window = track.groups.get(key)
    if (!window) {
      if (this.#groupCount >= GROUPS_MAX) this.#evict()
      window = new Window(track.makeMeasure())
      track.groups.set(key, window)
      this.#groupCount++
    }
    return window
  }

  #put(track: Track, key: string, event: MatchedEvent, tag: number, value: EntryValue): void {
    const window = this.#window(track, key)
    const { timespanMs } = track.resolved.correlation
    if (event.time >= window.newest) {
      window.leaveUntil(event.time - timespanMs)
      window.append(event.time, tag, value, event.ref)
    } else {
      const newest = window.newest
      window.insert(event.time, tag, value, event.ref)
      window.measure = window.measureAfter(newest - timespanMs, track.makeMeasure)
      window.head = window.times.findIndex((time) => time > newest - timespanMs)
    }
    this.counts.droppedEntries += window.forget(this.#newest - timespanMs - this.#latenessMs, ENTRIES_PER_GROUP_MAX)
  }

  /** Looks at a few groups and lets go of those that no event can need any more. */
  #sweep(track: Track): void {
    const over = this.#newest - track.resolved.correlation.timespanMs - this.#latenessMs
    for (let i = 0; i < 2; i++) {
      track.sweep ??= track.groups.entries()
      const next = track.sweep.next()
      if (next.done) {
        track.sweep = undefined
        return
      }
      const [key, window] = next.value
      if (window.newest > over || window.toldAt > over) continue
      track.groups.delete(key)
      this.#groupCount--
    }
  }

  /** Makes room by dropping the tenth of all groups that was quiet longest. */
  #evict(): void {
    const newest: number[] = []
    for (const { groups } of this.#tracks) for (const window of groups.values()) newest.push(window.newest)
    newest.sort((left, right) => left - right)
    const limit = newest[Math.floor(newest.length / 10)] ?? Number.POSITIVE_INFINITY
    for (const { groups } of this.#tracks) {
      for (const [key, window] of groups) {
        if (window.newest > limit) continue
        groups.delete(key)
        this.#groupCount--
        this.counts.evictedGroups++
      }
    }
  }
}

function groupText(value: JsonValue | undefined): string | undefined {
  const text = textOfValue(value)
  if (text !== undefined || !Array.isArray(value)) return text
  const texts = (value as readonly JsonValue[]).map(textOfValue)
  return texts.every((element) => element !== undefined) ? texts.join(',') : undefined
}
