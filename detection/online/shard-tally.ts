import type { ShardAddress } from '../../pipeline/index.ts'
import { PLANS_MAX } from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import { decodeState, encodeState } from './shard-state.ts'

const DAY_MS = 86_400_000

/** What a rule did in a day. */
export interface RuleTally {
  /** Events it matched, those left out by exclusions apart; of a correlation, events at which it held. */
  readonly matches: number
  /** Findings that were too many to tell. */
  readonly heldBack: number
  /** Matches that each exclusion left out, by its name, and when the last of them happened. */
  readonly excluded: Readonly<Record<string, { readonly count: number; readonly lastAt: number }>>
}

/** What was seen of a shard in a day of receipt: the figures of the whole day up to now, not what came since the last time,
 * so that telling them twice counts once. */
export interface DayTally {
  readonly shard: ShardAddress
  /** The offset at which counting began; other than before when the state was lost. */
  readonly since: number
  /** Days since 1970. It never goes back within a shard, whatever the clock did. */
  readonly day: number
  readonly rules: Readonly<Record<string, RuleTally>>
  readonly sources: readonly SourceUse[]
}

interface Day {
  readonly rules: Map<string, { matches: number; heldBack: number; excluded: Map<string, Hits> }>
  /** By what tells the kind of event apart, as JSON. */
  readonly sources: Map<string, number>
  isTold: boolean
}

type Hits = { count: number; lastAt: number }

interface SavedDay {
  readonly day: number
  readonly rules: readonly (readonly [string, number, number, readonly (readonly [string, Hits])[]])[]
  readonly sources: readonly (readonly [string, number])[]
}

/** Counts what is seen of one shard. It is kept with the shard's state, so an event that a replay brings again is counted
 * once, and one that was counted before a crash is counted again from the log. */
export class ShardTally {
  readonly #shard: ShardAddress
  #since: number | undefined
  readonly #days = new Map<number, Day>()
  #today = 0

  constructor(shard: ShardAddress) {
    this.#shard = shard
  }

  /** Says which event is the next; the first one is where counting began. */
  begin(offset: number): void {
    this.#since ??= offset
  }

  match(ruleId: string, receivedAt: number): void {
    this.#ruleOf(ruleId, receivedAt).matches++
  }

  holdBack(ruleId: string, receivedAt: number): void {
    this.#ruleOf(ruleId, receivedAt).heldBack++
  }

  /** @param hit happenedAt: when the event that was left out happened, ms */
  exclude(ruleId: string, exclusion: string, hit: { readonly receivedAt: number; readonly happenedAt: number }): void {
    const { excluded } = this.#ruleOf(ruleId, hit.receivedAt)
    const known = excluded.get(exclusion)
    const lastAt = Math.max(known?.lastAt ?? 0, hit.happenedAt)
    excluded.set(exclusion, { count: (known?.count ?? 0) + 1, lastAt })
  }

  came({ events, ...source }: SourceUse, receivedAt: number): void {
    const { sources } = this.#dayOf(receivedAt)
    const kind = JSON.stringify(source)
    // A sender of made-up kinds fills no memory.
    const key = sources.has(kind) || sources.size < PLANS_MAX ? kind : JSON.stringify({ logsource: {} })
    sources.set(key, (sources.get(key) ?? 0) + events)
  }

  /** The days that changed since this was last called. Of days before yesterday nothing is kept once they were told. */
  takeChanged(): readonly DayTally[] {
    const changed: DayTally[] = []
    for (const [day, { rules, sources, isTold }] of this.#days) {
      if (isTold) continue
      changed.push({
        ...{ shard: this.#shard, since: this.#since ?? 0, day },
        rules: Object.fromEntries(
          [...rules].map(([id, { excluded, ...sum }]) => [id, { ...sum, excluded: Object.fromEntries(excluded) }]),
        ),
        sources: [...sources].map(([kind, events]) => ({ ...(JSON.parse(kind) as Omit<SourceUse, 'events'>), events })),
      })
    }
    for (const [day, counts] of this.#days) {
      counts.isTold = true
      if (day < this.#today - 1) this.#days.delete(day)
    }
    return changed
  }

  save(): Uint8Array | undefined {
    if (this.#since === undefined) return undefined
    const days: SavedDay[] = [...this.#days].map(([day, { rules, sources }]) => ({
      day,
      rules: [...rules].map(([id, { matches, heldBack, excluded }]) => [id, matches, heldBack, [...excluded]] as const),
      sources: [...sources],
    }))
    return encodeState({ since: this.#since, days })
  }

  /** Goes on from what `save` gave; all of it is to be told again.   @throws detection.state.unreadable */
  load(bytes: Uint8Array): void {
    const { since, days } = decodeState(bytes, readSaved)
    this.#since = since
    for (const { day, rules, sources } of days) {
      this.#today = Math.max(this.#today, day)
      this.#days.set(day, {
        rules: new Map(
          rules.map(([id, matches, heldBack, excluded]) => [id, { matches, heldBack, excluded: new Map(excluded) }]),
        ),
        sources: new Map(sources),
        isTold: false,
      })
    }
  }

  #ruleOf(ruleId: string, receivedAt: number) {
    const { rules } = this.#dayOf(receivedAt)
    let rule = rules.get(ruleId)
    if (!rule) {
      rule = { matches: 0, heldBack: 0, excluded: new Map() }
      rules.set(ruleId, rule)
    }
    return rule
  }

  #dayOf(receivedAt: number): Day {
    this.#today = Math.max(this.#today, Math.floor(receivedAt / DAY_MS))
    let day = this.#days.get(this.#today)
    if (!day) {
      day = { rules: new Map(), sources: new Map(), isTold: false }
      this.#days.set(this.#today, day)
    }
    day.isTold = false
    return day
  }
}

function readSaved(json: unknown): { readonly since: number; readonly days: readonly SavedDay[] } | undefined {
  const saved = json as { readonly since: number; readonly days: readonly SavedDay[] }
  return typeof saved.since === 'number' && Array.isArray(saved.days) ? saved : undefined
}
