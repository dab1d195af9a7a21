import type { Clock } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { ALLOW_LISTS_MAX } from '../limits.ts'
import type { IntelChange } from '../match/indicator-index.ts'
import { MatchSetBuilder, type MatchSetData } from '../match/match-set.ts'
import { guessIndicator } from '../normalise.ts'
import type { Observable, Place } from '../types.ts'
import type { AllowList, AllowStore } from './store.ts'

/** What is known to be harmless: values of events that no indicator is met by. A domain stands for all below it, a
 * network for its addresses. */
export interface AllowLists {
  /** Puts every list of an account before the matchers; before the first event is processed. */
  load(account: Place['account']): Promise<void>
  /** Holds when it resolves.   @throws intel.allow.refused, intel.allow.tooMany */
  put(place: Place, name: string, values: readonly string[]): Promise<AllowList>
  list(place: Place): Promise<AllowList[]>
  /** @throws intel.allow.notFound */
  delete(place: Place, name: string): Promise<void>
  /** All lists as one set. */
  collect(place: Place): Promise<MatchSetData>
}

export function createAllowLists(deps: {
  readonly store: AllowStore
  readonly clock: Clock
  readonly publish: (change: IntelChange) => Promise<void>
}): AllowLists {
  const { store, clock, publish } = deps

  const collect = async (place: Place): Promise<MatchSetData> => {
    const entries = new Map<string, Observable>()
    for (const list of await store.list(place)) {
      for (const entry of list.entries) entries.set(`${entry.type} ${entry.value}`, entry)
    }
    const builder = new MatchSetBuilder({ values: entries.size, opinions: entries.size, bytes: 32 * entries.size })
    for (const entry of entries.values()) builder.add({ ...entry, opinions: [ALWAYS] })
    return builder.finish()
  }
  // One after another, each reading what is kept by then: the last to be published is the newest.
  let turn: Promise<void> = Promise.resolve()
  const publishAll = (place: Place): Promise<void> => {
    const next = async () => publish({ kind: 'allow', ...place, set: await collect(place) })
    const mine = turn.then(next)
    turn = mine.catch(() => {})
    return mine
  }

  return {
    async load(account) {
      for (const workspace of await store.workspaces(account)) await publishAll({ account, workspace })
    },

    async put(place, name, values) {
      const lists = await store.list(place)
      if (lists.length >= ALLOW_LISTS_MAX && !lists.some((list) => list.name === name)) {
        throw intelError('intel.allow.tooMany', `a workspace has at most ${ALLOW_LISTS_MAX} allow-lists`)
      }
      const entries = values.map((value, index) => {
        // Lists of host names write `.example.com` for all below.
        const found = guessIndicator(value.replace(/^\*?\./, ''))
        if (!found.ok) throw intelError('intel.allow.refused', `value ${index}: ${found.error}`)
        return found.value
      })
      const now = clock.now()
      await store.put(place, name, entries, now)
      await publishAll(place)
      return { name, entries, updatedAt: now }
    },

    list: (place) => store.list(place),

    async delete(place, name) {
      if (!(await store.delete(place, name))) {
        throw intelError('intel.allow.notFound', `workspace \`${place.workspace}\` has no allow-list \`${name}\``)
      }
      await publishAll(place)
    },

    collect,
  }
}

const ALWAYS = {
  source: 'allow-list',
  confidence: 100,
  tlp: 'clear',
  validFrom: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  lastSeen: 0,
} as const
