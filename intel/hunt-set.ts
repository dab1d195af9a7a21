import type { Indicators } from './indicators.ts'
import { HUNT_CONFIDENCE_MIN, PAGE_ITEMS_MAX } from './limits.ts'
import { toLive } from './live.ts'
import { MatchSetBuilder, type MatchSetData } from './match/match-set.ts'
import type { Indicator, LiveIndicator, Place } from './types.ts'

/** Which indicators stored events are searched for: some, or those that a source is sure of and that changed from a
 * place in the order of changes on. */
export type HuntQuery = { readonly ids: readonly string[] } | { readonly fromUs: number }

/** Indicators to search stored events for. */
export interface HuntSet {
  readonly set: MatchSetData
  readonly patterns: readonly LiveIndicator[]
  readonly count: number
  /** What no indicator is met by. */
  readonly allow: MatchSetData
}

/** The set of those indicators that hold now; undefined where there are none. */
export async function collectHuntSet(
  indicators: Pick<Indicators, 'listChanged'>,
  place: Place,
  query: HuntQuery,
  now: number,
): Promise<Omit<HuntSet, 'allow'> | undefined> {
  const builder = new MatchSetBuilder({ values: 1_000, opinions: 1_000, bytes: 32_000 })
  const ids = 'ids' in query ? { ids: query.ids } : {}
  const patterns: LiveIndicator[] = []
  let afterUs = 'fromUs' in query ? query.fromUs - 1 : 0
  for (;;) {
    const some = await indicators.listChanged(place, { afterUs, limit: PAGE_ITEMS_MAX, withPatterns: true, ...ids })
    for (const indicator of some) {
      if (!('ids' in query) && !isHuntable(indicator)) continue
      const live = toLive(indicator)
      const opinions = live.opinions
        .filter(({ validFrom, expiresAt }) => validFrom <= now && expiresAt > now)
        // It says something of the past, too.
        .map((opinion) => ({ ...opinion, validFrom: 0, expiresAt: Number.MAX_SAFE_INTEGER }))
      if (opinions.length === 0) continue
      if (live.type === 'pattern') patterns.push({ ...live, opinions })
      else builder.add({ ...live, opinions })
    }
    const last = some.at(-1)
    if (!last || some.length < PAGE_ITEMS_MAX) break
    afterUs = last.addedUs
  }
  const count = builder.size + patterns.length
  return count === 0 ? undefined : { set: builder.finish(), patterns, count }
}

/** True when some source is so sure that the past is worth a search. */
export function isHuntable({ opinions, notMatched }: Indicator): boolean {
  return (
    notMatched === undefined &&
    opinions.some(({ confidence, revoked }) => !revoked && confidence >= HUNT_CONFIDENCE_MIN)
  )
}
