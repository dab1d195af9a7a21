import { hash } from 'node:crypto'
import type { JsonValue } from '../../pipeline/index.ts'
import { ENTRIES_PER_GROUP_MAX, GROUP_KEY_CHARS_MAX } from '../limits.ts'
import { textOfValue } from '../match/event-context.ts'
import { numberOf } from '../match/number.ts'
import type { EarlierWindows } from './earlier-windows.ts'
import type { Checkpoint } from './group-disk.ts'
import type { GroupTable } from './group-table.ts'
import { Groups, type GroupsOptions } from './groups.ts'
import { type EntryValue, type Measure, measureOf } from './measure.ts'
import type { ResolvedCorrelation } from './resolve.ts'
import type { Window } from './window.ts'

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
  /** Groups held now, and how many of them are on the disk only. */
  readonly groups: number
  readonly coldGroups: number
  /** What they take: of memory about, and of the disk. */
  readonly memoryBytes: number
  readonly diskBytes: number
  /** Groups dropped because there was no room for more: somebody may be making up values to be forgotten. */
  readonly evictedGroups: number
  /** Groups that could not be read back. */
  readonly lostGroups: number
  /** Entries dropped because a group had more than `ENTRIES_PER_GROUP_MAX`. */
  readonly droppedEntries: number
  /** Entries older than the lateness allows in their group; they were not correlated. */
  readonly lateEntries: number
}

interface Track {
  readonly resolved: ResolvedCorrelation
  readonly place: number
  readonly makeMeasure: () => Measure
  /** For windows too small to have a measure of their own. */
  readonly sharedMeasure: Measure
  readonly numeric: boolean
  /** Entries that a window keeps; the count above the highest bound need not be known. */
  readonly entriesMax: number
  readonly table: GroupTable
}

interface Watcher {
  readonly track: Track
  readonly tag: number
}

/** What an event did to a group. */
interface Entered {
  readonly window: Window
  readonly tag: number
  /** There are newer entries. */
  readonly late: boolean
}

const NO_HOLDS: readonly Hold[] = []
const NO_WATCHERS: readonly Watcher[] = []

/** Watches the windows of correlations. Event time decides what is in a window: an event within the lateness of its group
 * is put in its place, and what it changes in later windows is told then; an older one is counted and left out.
 * @see Sigma correlation rules specification 2.0 */
export class Correlator {
  readonly #groups: Groups
  readonly #latenessMs: number
  #tracks: readonly Track[] = []
  readonly #byRule = new Map<string, Watcher[]>()
  #droppedEntries = 0
  #lateEntries = 0

  /** @throws detection.state.notWritten */
  constructor(correlations: readonly ResolvedCorrelation[], options: GroupsOptions) {
    this.#latenessMs = options.latenessMs
    this.#groups = new Groups(options, correlations)
    this.changeCorrelations(correlations)
  }

  /** Takes effect with the next event. Those that are the same as before keep their groups. */
  changeCorrelations(correlations: readonly ResolvedCorrelation[]): void {
    this.#tracks = correlations.map((resolved, place) => makeTrack(resolved, place, this.#groups.tableOf(resolved)))
    this.#groups.retain(new Set(this.#tracks.map(({ table }) => table)))
    this.#byRule.clear()
    for (const track of this.#tracks) {
      for (const [tag, id] of track.resolved.ruleIds.entries()) {
        const watchers = this.#byRule.get(id)
        if (watchers) watchers.push({ track, tag })
        else this.#byRule.set(id, [{ track, tag }])
      }
    }
  }

  counts(): CorrelatorCounts {
    const { size: groups, coldGroups, memoryBytes, diskBytes, evictedGroups, lostGroups } = this.#groups
    return {
      ...{ groups, coldGroups, memoryBytes, diskBytes, evictedGroups, lostGroups },
      droppedEntries: this.#droppedEntries,
      lateEntries: this.#lateEntries,
    }
  }

  /** Bytes of records written since it was made. */
  get writtenBytes(): number {
    return this.#groups.writtenBytes
  }

  /** Does a slice of what there is to do on the disk: to be called between batches.
   * @throws detection.state.notWritten */
  tend(): void {
    this.#groups.tend()
  }

  /** Begins a checkpoint before the event at `offset`, unless one is under way.
   * @returns the last one that is complete; undefined without a folder
   * @throws detection.state.notWritten */
  keep(offset: number): Checkpoint | undefined {
    return this.#groups.keep(offset)
  }

  close(): void {
    this.#groups.close()
  }

  /** Takes a matched event into every window it belongs to.
   * @returns the correlations that hold at it, inner ones of a chain before those built on them */
  see(event: MatchedEvent): readonly Hold[] {
    let pending: readonly Watcher[] = NO_WATCHERS
    for (const id of event.ruleIds) {
      const watchers = this.#byRule.get(id)
      if (watchers) pending = pending.length === 0 ? watchers : [...pending, ...watchers]
    }
    if (pending.length === 0) return NO_HOLDS
    this.#groups.begin(event.arrivedAt)
    let holds: Hold[] | undefined
    while (pending.length > 0) {
      const { track } = firstOf(pending)
      const held = this.#enter(track, pending, event)
      pending = pending.length === 1 ? NO_WATCHERS : pending.filter((watcher) => watcher.track !== track)
      if (held.length === 0) continue
      if (holds) holds.push(...held)
      else holds = [...held]
      const followers = this.#byRule.get(track.resolved.correlation.head.id)
      if (followers) pending = [...pending, ...followers]
    }
    return holds ?? NO_HOLDS
  }

  /** Enters the event once for each rule of the track that it matches, in the order of the rules: it may be two steps of an
   * order by itself. */
  #enter(track: Track, pending: readonly Watcher[], event: MatchedEvent): readonly Hold[] {
    this.#groups.sweep(track.table)
    if (pending.length === 1) {
      const entered = this.#put(pending[0] as Watcher, event)
      const hold = entered && this.#holdOf(track, entered, event)
      return hold ? [hold] : NO_HOLDS
    }
    const own = pending.filter((watcher) => watcher.track === track).sort((left, right) => left.tag - right.tag)
    const byGroup = new Map<string, Entered>()
    for (const watcher of own) {
      const entered = this.#put(watcher, event)
      if (entered) byGroup.set(entered.window.key, entered)
    }
    return [...byGroup.values()].flatMap((entered) => this.#holdOf(track, entered, event) ?? [])
  }

  #holdOf(track: Track, { window, tag, late }: Entered, event: MatchedEvent): Hold | undefined {
    const { resolved, sharedMeasure, makeMeasure } = track
    const { timespanMs } = resolved.correlation
    let time: number | undefined = event.time
    if (late) time = window.holdsFrom(event.time, timespanMs, sharedMeasure)
    else if (!window.holds(timespanMs, sharedMeasure, makeMeasure)) return undefined
    if (time === undefined) return undefined
    return { correlation: resolved, group: groupOf(resolved, tag, event), groupKey: window.key, time, window }
  }

  #put({ track, tag }: Watcher, event: MatchedEvent): Entered | undefined {
    const key = groupKeyOf(track.resolved, tag, event)
    if (key === undefined) return undefined
    const value = countedValue(track, tag, event)
    if (value === null) return undefined
    const window = this.#groups.take(track.table, key, event.arrivedAt)
    const { timespanMs } = track.resolved.correlation
    const { time, ref } = event
    const { newest } = window
    const late = time < newest
    if (late && time < newest - this.#latenessMs) {
      this.#lateEntries++
      return undefined
    }
    this.#groups.touch(track.table, window)
    const { bytes } = window
    if (event.arrivedAt > window.arrivedAt) window.arrivedAt = event.arrivedAt
    if (late) window.insert({ time, tag, value, ref }, timespanMs)
    else {
      window.leaveUntil(time - timespanMs)
      window.append(time, tag, value, ref)
    }
    const before = (late ? newest : time) - timespanMs - this.#latenessMs
    const dropped = window.forget(before, track.entriesMax)
    if (track.entriesMax === ENTRIES_PER_GROUP_MAX) this.#droppedEntries += dropped
    this.#groups.spend(window.bytes - bytes)
    return { window, tag, late }
  }

  /** Takes over what the version before kept, and keeps it as this one does.   @throws detection.state.notWritten */
  adopt(earlier: EarlierWindows, offset: number): void {
    for (const { id, fingerprint, windows } of earlier) {
      const track = this.#tracks.find(({ resolved }) => resolved.correlation.head.id === id)
      if (!track || track.resolved.fingerprint !== fingerprint) continue
      for (const window of windows) {
        window.leaveUntil(window.newest - track.resolved.correlation.timespanMs)
        this.#groups.put(track.table, window)
      }
    }
    this.#groups.keepNow(offset)
  }
}

/** Tracks stand in the order of resolution: each is done when those it builds on are. */
function firstOf(watchers: readonly Watcher[]): Watcher {
  let first = watchers[0] as Watcher
  for (const watcher of watchers) if (watcher.track.place < first.track.place) first = watcher
  return first
}

function makeTrack(resolved: ResolvedCorrelation, place: number, table: GroupTable): Track {
  const { correlation } = resolved
  const bounds = correlation.bounds.map(({ value }) => Math.ceil(Math.abs(value)) + 2)
  const makeMeasure = measureOf(correlation)
  return {
    resolved,
    place,
    makeMeasure,
    sharedMeasure: makeMeasure(),
    numeric: /^value_(?:sum|avg|median|percentile)$/.test(correlation.type),
    entriesMax:
      correlation.type === 'event_count' ? Math.min(ENTRIES_PER_GROUP_MAX, Math.max(...bounds)) : ENTRIES_PER_GROUP_MAX,
    table,
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
    // The length in front keeps `a` + `bc` and `ab` + `c` apart, and makes a text of its own: a slice would hold on to the
    // whole record that it was cut from.
    key += `${text.length}:${text}`
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
  if (fields.length === 1) {
    const text = groupText(event.value(fields[0] as string))
    if (text === undefined) return null
    return track.numeric ? (numberOf(text) ?? null) : bounded(text)
  }
  const texts = fields.map((field) => groupText(event.value(field)))
  return texts.includes(undefined) ? null : bounded(JSON.stringify(texts))
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
