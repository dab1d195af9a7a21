import type { AuditEvent } from '../platform/index.ts'
import type { OtherActions } from './api-activity.ts'
import { ACTIONS_PER_SOURCE_MAX, UNKNOWN_SOURCES_MAX } from './limits.ts'

const MINUTE_MS = 60_000
/** Stands for the sources beyond the bound, and for actions beyond theirs. */
const OTHERS = 'others'

/** What one source did in one minute. */
export interface Tally {
  readonly minute: number
  readonly source: string
  /** The first of its calls, with `count` for all of them. */
  readonly event: AuditEvent
  /** How often which other action was tried; undefined where there was one only. */
  readonly otherActions: OtherActions | undefined
}

interface Counting {
  readonly minute: number
  readonly source: string
  readonly first: AuditEvent
  count: number
  readonly actions: Map<string, number>
}

/** Counts the calls of those who could not be told, by source and minute, in bounded memory: whoever floods the door
 * writes nothing by it. */
export class UnknownCallers {
  readonly #tallies = new Map<string, Counting>()

  get sourceCount(): number {
    return this.#tallies.size
  }

  add(event: AuditEvent): void {
    const minute = Math.floor(event.at / MINUTE_MS)
    this.#count(minute, event.sourceIp ?? 'unknown', event, event.action, event.count)
  }

  /** Gives up the tallies of minutes before that of `now`, or of all. */
  take(now: number, which: 'over' | 'all'): Tally[] {
    const current = Math.floor(now / MINUTE_MS)
    const taken: Tally[] = []
    for (const [key, tally] of this.#tallies) {
      if (which === 'over' && tally.minute >= current) continue
      this.#tallies.delete(key)
      const others = [...tally.actions].filter(([action]) => action !== tally.first.action)
      taken.push({
        minute: tally.minute,
        source: tally.source,
        event: { ...tally.first, count: tally.count, resources: [], sourceIp: tally.source },
        otherActions: others.length === 0 ? undefined : Object.fromEntries(others),
      })
    }
    return taken
  }

  /** Takes back what could not be written. */
  putBack(tallies: readonly Tally[]): void {
    for (const { minute, source, event, otherActions } of tallies) {
      const others = Object.entries(otherActions ?? {})
      const ofOthers = others.reduce((sum, [, count]) => sum + count, 0)
      this.#count(minute, source, event, event.action, event.count - ofOthers)
      for (const [action, count] of others) this.#count(minute, source, event, action, count)
    }
  }

  #count(minute: number, source: string, event: AuditEvent, action: string, count: number): void {
    const tally = this.#tallyOf(minute, source, event)
    tally.count += count
    const known = tally.actions.has(action) || tally.actions.size < ACTIONS_PER_SOURCE_MAX
    const name = known ? action : OTHERS
    tally.actions.set(name, (tally.actions.get(name) ?? 0) + count)
  }

  #tallyOf(minute: number, source: string, event: AuditEvent): Counting {
    const key = `${minute} ${source}`
    const known = this.#tallies.get(key)
    if (known) return known
    if (this.#tallies.size >= UNKNOWN_SOURCES_MAX && source !== OTHERS) return this.#tallyOf(minute, OTHERS, event)
    const fresh: Counting = { minute, source, first: event, count: 0, actions: new Map() }
    this.#tallies.set(key, fresh)
    return fresh
  }
}
