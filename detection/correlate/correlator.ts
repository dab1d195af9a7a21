import { hash } from 'node:crypto'
import type { JsonValue } from '../../pipeline/index.ts'
import { ENTRIES_PER_GROUP_MAX, GROUP_KEY_CHARS_MAX, GROUPS_MAX } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { numberOf } from '../match/number.ts'
import { type EntryValue, type Measure, measureOf } from './measure.ts'
import type { ResolvedCorrelation } from './resolve.ts'
import type { CorrelatorState, GroupState } from './state.ts'
import { Window, type WindowShape } from './window.ts'

/** An event that matched at least one correlated rule. */
export interface MatchedEvent {
  /** When it happened, ms. */
  readonly time: number
  /** When it arrived, ms: what groups are let go by. */
  readonly arrivedAt: number
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
  /** Entries older than the lateness allows in their group; they were not correlated. */
  lateEntries: number
}

interface Track {
  readonly resolved: ResolvedCorrelation
  readonly place: number
  readonly makeMeasure: () => Measure
  readonly shape: WindowShape
  readonly numeric: boolean
  /** Entries that a window keeps; the count above the highest bound need not be known. */
  readonly entriesMax: number
  readonly groups: Map<string, Window>
  /** Walks over the groups, a few at each event, to let go of those whose time is over. */
  sweep: Iterator<[string, Window]> | undefined
}

interface Watcher {
  readonly track: Track
  readonly tag: number
}

const NO_HOLDS: readonly Hold[] = []

/** Watches the windows of correlations. Event time decides what is in a window: an event within the lateness of its group
 * is put in its place, and what it changes in later windows is told then; an older one is counted and left out.
 * @see Sigma correlation rules specification 2.0 */
export class Correlator {
  readonly counts: CorrelatorCounts = { evictedGroups: 0, droppedEntries: 0, lateEntries: 0 }
  readonly #tracks: readonly Track[]
  readonly #byRule = new Map<string, Watcher[]>()
  readonly #latenessMs: number
  #groupCount = 0

  constructor(correlations: readonly ResolvedCorrelation[], latenessMs: number) {
    this.#latenessMs = latenessMs
    this.#tracks = correlations.map(makeTrack)
    for (const track of this.#tracks) {
      for (const [tag, id] of track.resolved.ruleIds.entries()) {
        const watchers = this.#byRule.get(id)
        if (watchers) watchers.push({ track, tag })
        else this.#byRule.set(id, [{ track, tag }])
      }
    }
  }

  /** Groups held now. */
  get groupCount(): number {
    return this.#groupCount
  }

  /** Takes a matched event into every window it belongs to.
   * @returns the correlations that hold at it, inner ones of a chain before those built on them */
  see(event: MatchedEvent): readonly Hold[] {
    let pending: Watcher[] = []
    for (const id of event.ruleIds) {
      const watchers = this.#byRule.get(id)
      if (watchers) pending = pending.length === 0 ? watchers : [...pending, ...watchers]
    }
    if (pending.length === 0) return NO_HOLDS
    const holds: Hold[] = []
    while (pending.length > 0) {
      // Tracks stand in the order of resolution: each is done when those it builds on are.
      const track = pending.reduce(
        (first, watcher) => (watcher.track.place < first.place ? watcher.track : first),
        (pending[0] as Watcher).track,
      )
      const held = this.#enter(track, pending, event)
      const rest = pending.filter((watcher) => watcher.track !== track)
      pending = held.length > 0 ? [...rest, ...(this.#byRule.get(track.resolved.correlation.head.id) ?? [])] : rest
      holds.push(...held)
    }
    return holds
  }

  /** Enters the event once for each rule of the track that it matches, in the order of the rules: it may be two steps of an
   * order by itself. */
  #enter(track: Track, pending: readonly Watcher[], event: MatchedEvent): readonly Hold[] {
    const { resolved } = track
    let touched: Map<string, { window: Window; tag: number; late: boolean }> | undefined
    for (const watcher of pending) {
      if (watcher.track !== track) continue
      const key = groupKeyOf(resolved, watcher.tag, event)
      if (key === undefined) continue
      const value = countedValue(track, watcher.tag, event)
      if (value === null) continue
      const window = this.#window(track, key)
      const late = event.time < window.newest
      if (late && event.time < window.newest - this.#latenessMs) {
        this.counts.lateEntries++
        continue
      }
      this.#put(track, window, event, watcher.tag, value)
      touched ??= new Map()
      touched.set(key, { window, tag: watcher.tag, late })
    }
    this.#sweep(track, event.arrivedAt)
    if (!touched) return NO_HOLDS
    const holds: Hold[] = []
    const { timespanMs } = resolved.correlation
    for (const [groupKey, { window, tag, late }] of touched) {
      const time = late
        ? window.holdsFrom(event.time, timespanMs, track.makeMeasure())
        : window.measure.holds(event.time - timespanMs, window.length)
          ? event.time
          : undefined
      if (time === undefined) continue
      holds.push({ correlation: resolved, group: groupOf(resolved, tag, event), groupKey, time, window })
    }
    return holds
  }

  #window(track: Track, key: string): Window {
    let window = track.groups.get(key)
    if (!window) {
      if (this.#groupCount >= GROUPS_MAX) this.#evict()
      window = new Window(track.makeMeasure(), track.shape)
      track.groups.set(key, window)
      this.#groupCount++
    }
    return window
  }

  #put(track: Track, window: Window, event: MatchedEvent, tag: number, value: EntryValue): void {
    const { timespanMs } = track.resolved.correlation
    const { time, ref } = event
    if (event.arrivedAt > window.arrivedAt) window.arrivedAt = event.arrivedAt
    if (time >= window.newest) {
      window.leaveUntil(time - timespanMs)
      window.append(time, tag, value, ref)
    } else window.insert({ time, tag, value, ref }, timespanMs, track.makeMeasure())
    const dropped = window.forget(window.newest - timespanMs - this.#latenessMs, track.entriesMax)
    if (track.entriesMax === ENTRIES_PER_GROUP_MAX) this.counts.droppedEntries += dropped
  }

  /** Looks at a few groups and lets go of those that nothing came to for longer than their window and the lateness. */
  #sweep(track: Track, now: number): void {
    const over = now - track.resolved.correlation.timespanMs - this.#latenessMs
    for (let i = 0; i < 2; i++) {
      track.sweep ??= track.groups.entries()
      const next = track.sweep.next()
      if (next.done) {
        track.sweep = undefined
        return
      }
      const [key, window] = next.value
      if (window.arrivedAt >= over) continue
      track.groups.delete(key)
      this.#groupCount--
    }
  }

  /** Makes room by dropping the tenth of all groups that was quiet longest. */
  #evict(): void {
    const arrivals = new Float64Array(this.#groupCount)
    let count = 0
    for (const { groups } of this.#tracks) for (const window of groups.values()) arrivals[count++] = window.arrivedAt
    arrivals.sort()
    const limit = arrivals[Math.floor(count / 10)] ?? Number.POSITIVE_INFINITY
    let room = Math.ceil(count / 10)
    for (const { groups } of this.#tracks) {
      for (const [key, window] of groups) {
        if (window.arrivedAt > limit || room === 0) continue
        groups.delete(key)
        this.#groupCount--
        this.counts.evictedGroups++
        room--
      }
    }
  }

  save(): CorrelatorState {
    return this.#tracks.map(({ resolved, groups }) => ({
      id: resolved.correlation.head.id,
      fingerprint: resolved.fingerprint,
      groups: [...groups].map(([key, window]) => saveGroup(key, window)),
    }))
  }

  /** Takes over the groups of correlations that are the same as when they were saved. */
  load(state: CorrelatorState): void {
    for (const { id, fingerprint, groups } of state) {
      const track = this.#tracks.find(({ resolved }) => resolved.correlation.head.id === id)
      if (!track || track.resolved.fingerprint !== fingerprint) continue
      for (const group of groups) loadGroup(this.#window(track, group.key), group, track)
    }
  }
}

function makeTrack(resolved: ResolvedCorrelation, place: number): Track {
  const { correlation } = resolved
  const bounds = correlation.bounds.map(({ value }) => Math.ceil(Math.abs(value)) + 2)
  return {
    resolved,
    place,
    makeMeasure: measureOf(correlation),
    shape: { tags: correlation.type.startsWith('temporal'), values: correlation.type.startsWith('value_') },
    numeric: /^value_(?:sum|avg|median|percentile)$/.test(correlation.type),
    entriesMax:
      correlation.type === 'event_count' ? Math.min(ENTRIES_PER_GROUP_MAX, Math.max(...bounds)) : ENTRIES_PER_GROUP_MAX,
    groups: new Map(),
    sweep: undefined,
  }
}

/** The key of the event's group; undefined when it lacks one of the fields and so belongs to none. */
function groupKeyOf(resolved: ResolvedCorrelation, tag: number, event: MatchedEvent): string | undefined {
  const fields = resolved.groupFields[tag] as readonly string[]
  if (fields.length === 0) return ''
  let key = ''
  for (let i = 0; i < fields.length; i++) {
    const text = groupText(event.value(fields[i] as string))
    if (text === undefined) return undefined
    // The length in front keeps `a` + `bc` and `ab` + `c` apart.
    key += fields.length === 1 ? text : `${text.length}:${text}`
  }
  return bounded(key)
}

function groupOf(resolved: ResolvedCorrelation, tag: number, event: MatchedEvent): Readonly<Record<string, JsonValue>> {
  const group: Record<string, JsonValue> = {}
  for (const [index, field] of (resolved.groupFields[tag] ?? []).entries()) {
    group[resolved.correlation.groupBy[index] ?? field] = event.value(field) ?? null
  }
  return group
}

/** The value to count or sum; null when the event has none and so contributes nothing. */
function countedValue(track: Track, tag: number, event: MatchedEvent): EntryValue | null {
  const fields = track.resolved.valueFields[tag] as readonly string[]
  if (fields.length === 0) return undefined
  const texts = fields.map((field) => groupText(event.value(field)))
  if (texts.includes(undefined)) return null
  const [first = ''] = texts
  if (track.numeric) return numberOf(first) ?? null
  return bounded(texts.length === 1 ? first : JSON.stringify(texts))
}

function groupText(value: JsonValue | undefined): string | undefined {
  const text = textOfValue(value)
  if (text !== undefined || !Array.isArray(value)) return text
  const texts = (value as readonly JsonValue[]).map(textOfValue)
  return texts.every((element) => element !== undefined) ? texts.join(',') : undefined
}

/** Long texts by their hash: a group costs the same whatever its values. */
function bounded(text: string): string {
  return text.length <= GROUP_KEY_CHARS_MAX ? text : `sha256:${hash('sha256', text, 'base64url')}`
}

function saveGroup(key: string, window: Window): GroupState {
  const { times, tags, values, refs, toldAt, arrivedAt } = window
  return {
    key,
    times,
    refs,
    arrivedAt,
    ...(tags ? { tags } : {}),
    ...(values ? { values: values as (string | number)[] } : {}),
    ...(Number.isFinite(toldAt) ? { toldAt } : {}),
  }
}

function loadGroup(window: Window, group: GroupState, { resolved, makeMeasure }: Track): void {
  for (const [at, time] of group.times.entries()) {
    window.times.push(time)
    window.tags?.push(group.tags?.[at] ?? 0)
    window.values?.push(group.values?.[at])
    window.refs.push(group.refs[at] ?? 0)
  }
  window.arrivedAt = group.arrivedAt
  window.toldAt = group.toldAt ?? Number.NEGATIVE_INFINITY
  if (window.times.length > 0) window.remeasure(resolved.correlation.timespanMs, makeMeasure())
}
