import type { Metrics } from '../platform/index.ts'
import type { Indicators } from './indicators.ts'
import type { MatchCounts } from './match/match-counts.ts'
import { intelMetrics } from './metrics.ts'
import { indicatorTypes } from './types.ts'

/** Has the metrics tell what indicators there are and what became of them, read before each scrape. */
export function showIntel(
  metrics: Metrics,
  indicators: Pick<Indicators, 'tallies'>,
  takeMatchCounts: () => Promise<MatchCounts>,
): void {
  const instruments = metrics.use(intelMetrics)
  const seenSources = new Set<string>()
  metrics.beforeScrape(async () => {
    const types = new Map<string, number>()
    const sources = new Map<string, number>()
    let ended = 0
    for (const { kept, tally } of await indicators.tallies()) {
      ended += Math.max(0, kept - tally.total)
      for (const [type, count] of tally.types) types.set(type, (types.get(type) ?? 0) + count)
      for (const [source, count] of tally.sources) sources.set(source, (sources.get(source) ?? 0) + count)
    }
    for (const type of indicatorTypes) instruments.indicators.set({ type }, types.get(type) ?? 0)
    // The weightiest first: there is room for so many series only, and what came later is `other`.
    const weighty = [...sources].sort(([, a], [, b]) => b - a).slice(0, SOURCES_SHOWN_MAX)
    for (const [source] of weighty) if (seenSources.size < SOURCES_SHOWN_MAX) seenSources.add(source)
    // What is gone is told as none.
    for (const source of seenSources) instruments.opinions.set({ source }, sources.get(source) ?? 0)
    instruments.ended.set({}, ended)
  })
  metrics.beforeScrape(async () => {
    const counts = await takeMatchCounts().catch(() => undefined)
    // The matcher is starting or gone, which others tell.
    if (!counts) return
    const { lookups, matches, patterns } = counts
    instruments.lookups.add({}, lookups)
    for (const [type, count] of Object.entries(matches)) instruments.matches.add({ type }, count)
    instruments.patterns.set({ place: 'indexed' }, patterns.indexed)
    instruments.patterns.set({ place: 'scanned' }, patterns.scanned)
    instruments.patterns.set({ place: 'passed_over' }, patterns.passedOver)
  })
}

/** Sources with a series of their own. */
const SOURCES_SHOWN_MAX = 99
