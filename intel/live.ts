import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Log } from '../platform/index.ts'
import { BUILD_ROWS_PER_STEP, OVERLAY_INDICATORS_MAX, PATTERNS_MAX, SCORE_THRESHOLD } from './limits.ts'
import { LiveTally } from './live-tally.ts'
import type { IntelChange } from './match/indicator-index.ts'
import { MatchSetBuilder } from './match/match-set.ts'
import type { IntelStore } from './store.ts'
import type { Indicator, LiveIndicator, Place } from './types.ts'

export interface LiveDeps {
  readonly store: Pick<IntelStore, 'list' | 'totals'>
  readonly clock: Clock
  readonly log: Log
  readonly publish: (change: IntelChange) => Promise<void>
  /** What opinions are worth there. */
  readonly weighed: (place: Place) => (indicator: Indicator) => Indicator
}

interface Scope {
  readonly place: Place
  /** The number of the last change. */
  sequence: number
  /** Changes since the last set was begun. */
  pending: number
  building: Promise<void> | undefined
  tally: LiveTally
  turn: Promise<unknown>
}

/** Keeps matchers up to date: a change goes to them at once, and when many have gathered a new set takes their place.
 *
 * INVARIANT (no gap): a change is committed before it gets its number, and a set is read after the number it is said to
 * hold; so what a set may have missed is still beside it. One process may change the indicators of a workspace at a time. */
export class LiveIndicators {
  readonly #deps: LiveDeps
  readonly #scopes = new Map<string, Scope>()
  #stopping = false

  constructor(deps: LiveDeps) {
    this.#deps = deps
  }

  /** Runs changes of one workspace one after another, publishing included. */
  inTurn<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const scope = this.#scopeOf(place)
    const turn = scope.turn.then(work, work)
    scope.turn = turn.catch(() => undefined)
    return turn
  }

  /** How many are matched, by workspace. */
  tallies(): { readonly place: Place; readonly tally: LiveTally }[] {
    return [...this.#scopes.values()]
  }

  /** Has indicators matched as they now are; resolves when they are.
   * @param before what they were */
  async changed(place: Place, indicators: readonly Indicator[], before: readonly Indicator[]): Promise<void> {
    if (indicators.length === 0) return
    const scope = this.#scopeOf(place)
    const now = this.#deps.clock.now()
    for (const indicator of before) scope.tally.count(indicator, -1, now)
    for (const indicator of indicators) scope.tally.count(indicator, 1, now)
    scope.sequence += 1
    scope.pending += indicators.length
    const changes = indicators.map(toLive)
    await this.#deps.publish({ kind: 'changes', ...place, sequence: scope.sequence, changes })
    if (scope.pending >= OVERLAY_INDICATORS_MAX) void this.build(place)
  }

  /** Builds a set of all that is kept and puts it before the matchers. */
  build(place: Place): Promise<void> {
    const scope = this.#scopeOf(place)
    scope.building ??= this.#build(place, scope)
      .catch((err: unknown) => this.#deps.log.error({ err, ...place }, 'the matching set could not be built'))
      .finally(() => {
        scope.building = undefined
      })
    return scope.building
  }

  /** Builds one that holds all that is so now, also where one is being built. */
  async rebuild(place: Place): Promise<void> {
    await this.#scopeOf(place).building
    await this.build(place)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all([...this.#scopes.values()].map(({ building }) => building))
  }

  async #build(place: Place, scope: Scope): Promise<void> {
    const { store, clock, log, publish, weighed } = this.#deps
    const toWorth = weighed(place)
    const upTo = scope.sequence
    const pending = scope.pending
    const now = clock.now()
    const begun = performance.now()
    const builder = new MatchSetBuilder(await store.totals(place, now))
    const patterns: LiveIndicator[] = []
    const tally = new LiveTally()
    for (let after = ''; !this.#stopping; await nextTurn()) {
      const rows = await store.list(place, { after, limit: BUILD_ROWS_PER_STEP, live: now })
      for (const row of rows.map(toWorth)) {
        tally.count(row, 1, now)
        if (row.type !== 'pattern') builder.add(toLive(row))
        else if (patterns.length < PATTERNS_MAX) patterns.push(toLive(row))
      }
      const last = rows.at(-1)
      if (!last || rows.length < BUILD_ROWS_PER_STEP) break
      after = last.id
    }
    if (this.#stopping) return
    await publish({ kind: 'set', ...place, set: builder.finish(), patterns, upTo })
    scope.pending -= pending
    scope.tally = tally
    const tookMs = Math.round(performance.now() - begun)
    log.info(
      { ...place, indicators: builder.size, patterns: patterns.length, tookMs },
      'a set of indicators is matched with events',
    )
  }

  #scopeOf(place: Place): Scope {
    const key = `${place.account}/${place.workspace}`
    let scope = this.#scopes.get(key)
    if (!scope) {
      scope = { place, sequence: 0, pending: 0, building: undefined, tally: new LiveTally(), turn: Promise.resolve() }
      this.#scopes.set(key, scope)
    }
    return scope
  }
}

/** What matchers need of an indicator; opinions that never hold are left out. */
export function toLive({ type, value, opinions, notMatched }: Indicator): LiveIndicator {
  const holding = notMatched === undefined ? opinions : []
  return {
    type,
    value,
    opinions: holding
      .filter(({ confidence, validFrom, expiresAt }) => confidence >= SCORE_THRESHOLD && expiresAt > validFrom)
      .map(({ source, confidence, tlp, validFrom, expiresAt, lastSeen }) => ({
        source,
        confidence,
        tlp,
        validFrom,
        expiresAt,
        lastSeen,
      })),
  }
}
