import type { Indicator, Intel, IntelChange, MatchCounts } from '../intel/index.ts'
import type { EventStore } from '../pipeline/index.ts'
import type {
  AccountId,
  Api,
  Authorizer,
  Channel,
  Clock,
  Database,
  Jobs,
  Log,
  Metrics,
  Sealer,
} from '../platform/index.ts'
import { createBacktests } from './backtest/backtests.ts'
import { backtestRoutes } from './backtest/routes.ts'
import { backtestThread } from './backtest/serve.ts'
import { type AlertsOfBaselines, createBaselines } from './baselines/service/baselines.ts'
import { baselineRoutes } from './baselines/service/routes.ts'
import { coverageRoutes } from './coverage/routes.ts'
import { createRuleHealth, type RuleOutcomes } from './health/health.ts'
import { healthRoutes } from './health/routes.ts'
import { createHunts } from './hunt/hunts.ts'
import { huntRoutes } from './hunt/routes.ts'
import { huntThread } from './hunt/serve.ts'
import { TALLY_INTERVAL_MS } from './limits.ts'
import { showCorrelations } from './metrics.ts'
import type { Finding } from './online/finding.ts'
import { detectorThread } from './online/serve.ts'
import { pipelineRoutes } from './pipelines/routes.ts'
import { type ReplayModule, startReplayThread } from './replay/thread.ts'
import { type RuleRouteDeps, ruleRoutes } from './routes.ts'
import { createRules } from './rules.ts'
import { exclusionRoutes } from './tuning/routes.ts'

export interface DetectionDeps {
  readonly database: Database
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly jobs: Jobs
  /** To the thread that answers with `serveDetection`. */
  readonly processor: Pick<Channel, 'call'>
  readonly store: Pick<EventStore, 'scan'>
  /** The module that a thread for stored events runs; it answers with `serveReplay`. */
  readonly replayer: ReplayModule
  readonly intel: Pick<Intel, 'collectHunt' | 'indicators'>
  /** The alerts that came of what baselines found. */
  readonly alerts: AlertsOfBaselines
  /** What became of the alerts of rules. */
  readonly outcomes: RuleOutcomes
  /** Makes alerts of findings; resolves when they are durable there. The same finding may come again. */
  readonly makeAlerts: (findings: readonly Finding[]) => Promise<void>
}

export interface DetectionRouteDeps extends RuleRouteDeps {
  readonly authorizer: Authorizer
}

type Place = Parameters<Intel['collectHunt']>[0]

/** What says which events are worth an alert, as the service's own thread sees it. */
export interface Detection {
  routes(deps: DetectionRouteDeps): readonly ((api: Api) => void)[]
  /** Takes what the detector found: alerts, what canaries found, and where indicators were met. */
  takeFindings(findings: readonly Finding[]): Promise<void>
  /** Tells the detector what became of indicators. */
  changeIndicators(change: IntelChange): Promise<void>
  /** How events were compared with indicators since this was last called. */
  takeMatchCounts(): Promise<MatchCounts>
  /** Queues a search of stored events for indicators that are new or stronger. */
  huntFor(place: Place, indicators: readonly Indicator[]): Promise<void>
  /** Lets baselines learn from what became of an alert. */
  alertChanged(account: AccountId, ruleId: string): void
  /** Puts the rules and settings of an account before the detector; before its first event is processed. */
  load(account: AccountId): Promise<void>
  /** Begins to write down what rules did. */
  start(): void
  /** Writes it down a last time; while the detector still answers. */
  stop(): Promise<void>
  /** Forgets what is too old to matter; to be called now and then. */
  prune(): Promise<void>
}

/** Before the jobs start. */
export function createDetection(deps: DetectionDeps): Detection {
  const { database, sealer, clock, log, jobs, store, intel } = deps
  const detector = detectorThread(deps.processor)
  showCorrelations(deps.metrics, detector.countCorrelations)
  const rules = createRules({ database, clock, apply: detector.changeRules })
  const health = createRuleHealth({ database, clock, rules, pull: detector.takeTallies, outcomes: deps.outcomes })
  const baselines = createBaselines({ database, sealer, clock, log, alerts: deps.alerts, call: deps.processor.call })
  const startThread = async () => startReplayThread(deps.replayer)
  const backtests = createBacktests({
    ...{ jobs, rules, store, clock },
    startThread: async () => backtestThread(await startThread()),
  })
  const takeAlerting = async (findings: readonly Finding[]): Promise<void> => {
    await deps.makeAlerts(findings)
    await recordSightings(intel, findings)
  }
  const hunts = createHunts({
    ...{ jobs, store, clock, log },
    collect: intel.collectHunt,
    startThread: async () => huntThread(await startThread()),
    takeFindings: takeAlerting,
  })
  let collecting: NodeJS.Timeout | undefined
  const collect = (message: string) => health.collect().catch((err: unknown) => log.warn({ err }, message))

  return {
    routes: (routeDeps) => [
      ruleRoutes(rules, routeDeps),
      baselineRoutes(baselines, routeDeps),
      exclusionRoutes(rules, { ...routeDeps, collect: health.collect }),
      pipelineRoutes(rules, routeDeps),
      healthRoutes(health, routeDeps),
      coverageRoutes({ rules, health, ...routeDeps }),
      backtestRoutes(backtests, routeDeps),
      huntRoutes(hunts, {
        ...routeDeps,
        requireIndicator: (account, workspace, id) => intel.indicators.get({ account, workspace }, id),
      }),
    ],
    async takeFindings(findings) {
      const [tried, alerting] = [findings.filter(({ canary }) => canary), findings.filter(({ canary }) => !canary)]
      await health.takeCanaryFindings(tried)
      await takeAlerting(alerting)
    },
    changeIndicators: detector.changeIndicators,
    takeMatchCounts: detector.takeMatchCounts,
    huntFor: hunts.startFor,
    alertChanged: (account, ruleId) => baselines.alertChanged(account, ruleId),
    async load(account) {
      await rules.load(account)
      await baselines.load(account)
    },
    start() {
      collecting = setInterval(() => void collect('what rules did cannot be written down'), TALLY_INTERVAL_MS)
    },
    async stop() {
      clearInterval(collecting)
      baselines.stop()
      await collect('what rules did last is not written down')
    },
    prune: () => health.prune(),
  }
}

/** Writes which indicators were met where. Findings that come again change nothing. */
async function recordSightings({ indicators }: Pick<Intel, 'indicators'>, findings: readonly Finding[]): Promise<void> {
  for (const { id, account, workspace, time, recordIds, indicator } of findings) {
    if (!indicator) continue
    const { id: met, entity, observable } = indicator
    const sighting = { id, indicator: met, entity, at: time, observable, recordIds }
    await indicators.recordSightings({ account, workspace }, [sighting])
  }
}
