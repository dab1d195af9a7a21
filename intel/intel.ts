import type { AccountId, Api, Jobs, Metrics } from '../platform/index.ts'
import { createAllowLists } from './allow/allow-lists.ts'
import { allowRoutes } from './allow/routes.ts'
import { createAllowStore } from './allow/store.ts'
import { createFeeds, type FeedsDeps } from './feeds/feeds.ts'
import { createOutgoingStore } from './feeds/outgoing-store.ts'
import { feedRoutes } from './feeds/routes.ts'
import { createFeedStore } from './feeds/store.ts'
import { collectHuntSet, type HuntQuery, type HuntSet } from './hunt-set.ts'
import { createImports, type Imports } from './import/import.ts'
import { importRoutes } from './import/routes.ts'
import { createIndicators, type Indicators, type IndicatorsDeps } from './indicators.ts'
import { TAXII_STATUS_KEPT_MS } from './limits.ts'
import type { MatchCounts } from './match/match-counts.ts'
import { type IntelRouteDeps, indicatorRoutes } from './routes.ts'
import { showIntel } from './show-intel.ts'
import { sourceRoutes } from './sources/routes.ts'
import { createStixStore } from './stix/store.ts'
import { type TaxiiDeps, taxiiRoutes } from './taxii/routes.ts'
import type { Place } from './types.ts'
import { createVerdictCursor } from './verdicts/store.ts'
import { createVerdicts, type ListVerdicts } from './verdicts/verdicts.ts'

/** Threat intelligence: what is kept, what is matched, and how others bring and take it. */
export interface Intel {
  readonly indicators: Indicators
  readonly imports: Imports
  routes(deps: IntelRouteDeps & Pick<TaxiiDeps, 'workspaces' | 'publicUrl'>): readonly ((api: Api) => void)[]
  /** Puts what is kept for an account before the matchers; before the first event is processed. */
  load(account: AccountId): Promise<void>
  /** The indicators to search stored events for; undefined where none of them holds now. */
  collectHunt(place: Place, query: HuntQuery): Promise<HuntSet | undefined>
  /** Has verdicts on alerts taken soon; to be called when an alert was judged, or opened again. */
  alertJudged(ruleId: string): void
  /** Forgets old sightings and statuses; to be called now and then. */
  prune(): Promise<void>
  stop(): Promise<void>
}

export interface IntelDeps extends IndicatorsDeps, Pick<FeedsDeps, 'jobs' | 'sealer' | 'egressAllow'> {
  readonly jobs: Jobs
  /** The verdicts on alerts whose rule's id begins with `indicator.`. */
  readonly listVerdicts: ListVerdicts
  readonly metrics: Metrics
  /** What whoever matches events did since this was last called. */
  readonly takeMatchCounts: () => Promise<MatchCounts>
}

/** Before the jobs start. */
export function createIntel(deps: IntelDeps): Intel {
  const indicators = createIndicators(deps)
  const objects = createStixStore(deps.database)
  const { jobs, sealer, egressAllow, clock, metrics } = deps
  const imports = createImports({ indicators, objects, clock, metrics })
  showIntel(metrics, indicators, deps.takeMatchCounts)
  const feeds = createFeeds({
    store: createFeedStore(deps.database),
    outgoing: createOutgoingStore(deps.database),
    imports,
    jobs,
    sealer,
    clock,
    metrics,
    egressAllow,
  })
  const verdicts = createVerdicts({
    ...{ indicators, jobs, clock, log: deps.log },
    list: deps.listVerdicts,
    cursor: createVerdictCursor(deps.database),
  })
  const allowLists = createAllowLists({ store: createAllowStore(deps.database), clock, publish: deps.publish })
  return {
    indicators,
    imports,
    routes: (routeDeps) => [
      indicatorRoutes(indicators, routeDeps),
      sourceRoutes(indicators.sources, routeDeps),
      importRoutes(imports, routeDeps),
      feedRoutes(feeds, routeDeps),
      allowRoutes(allowLists, routeDeps),
      taxiiRoutes({ ...routeDeps, indicators, objects, imports, clock: deps.clock }),
    ],
    async load(account) {
      await allowLists.load(account)
      await indicators.load(account)
    },
    async collectHunt(place, query) {
      const found = await collectHuntSet(indicators, place, query, clock.now())
      return found && { ...found, allow: await allowLists.collect(place) }
    },
    alertJudged(ruleId) {
      if (ruleId.startsWith('indicator.')) verdicts.poke()
    },
    async prune() {
      await indicators.prune()
      await objects.pruneStatuses(deps.clock.now() - TAXII_STATUS_KEPT_MS)
    },
    async stop() {
      await verdicts.stop()
      await indicators.stop()
    },
  }
}
