import { type Clock, type Database, pageThrough } from '../../platform/index.ts'
import { missingSources } from '../coverage/coverage.ts'
import { CANARY_DAYS_KEPT, CANARY_FINDINGS_KEPT, EXCLUSION_STALE_DAYS, TALLY_DAYS_KEPT } from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import type { Finding } from '../online/finding.ts'
import { keyOfShard } from '../online/watcher.ts'
import type { Rules } from '../rules.ts'
import type { RulePlace } from '../store.ts'
import { type CanaryFinding, createCanaryStore } from '../tuning/canary-store.ts'
import type { StoredExclusion } from '../tuning/store.ts'
import { adviceOn } from './advice.ts'
import { judge, type RuleHealth, type RuleOutcome } from './judge.ts'
import { createHealthStore, type DetectorTallies } from './store.ts'

const DAY_MS = 86_400_000

export interface HealthReport {
  readonly days: number
  readonly events: number
  readonly rules: readonly RuleHealth[]
  /** Without a hit for long, or over: candidates for removal. */
  readonly staleExclusions: readonly StoredExclusion[]
}

export interface RuleHealthKeeper {
  /** Writes down what the detectors did since the last call. To be called now and then, and at the end. */
  collect(): Promise<void>
  /** Counts and keeps what canaries found; once a finding, however often it comes. */
  takeCanaryFindings(findings: readonly Finding[]): Promise<void>
  /** Newest first.   @throws detection.rule.notFound */
  listCanaryFindings(
    place: RulePlace,
    ruleId: string,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ items: CanaryFinding[]; nextCursor?: string }>
  report(place: RulePlace, days: number): Promise<HealthReport>
  /** Which kinds of events came in the last days. */
  sources(place: RulePlace, days: number): Promise<readonly SourceUse[]>
  /** Forgets what is too old to matter. To be called now and then. */
  prune(): Promise<void>
}

/** What became of the alerts of rules that were seen from some instant on, ms. */
export type RuleOutcomes = (place: RulePlace, since: number) => Promise<readonly RuleOutcome[]>

/** @param deps pull: what the detectors did since it was last called */
export function createRuleHealth(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly rules: Pick<Rules, 'get' | 'listStored' | 'listExclusions' | 'liveDocuments'>
  readonly pull: () => Promise<DetectorTallies>
  readonly outcomes: RuleOutcomes
}): RuleHealthKeeper {
  const { clock, rules } = deps
  const store = createHealthStore(deps.database)
  const canaries = createCanaryStore(deps.database)
  const today = () => Math.floor(clock.now() / DAY_MS)
  const since = (days: number) => today() - days + 1

  let unwritten: DetectorTallies = { days: [], costs: [] }
  const writeDown = async (): Promise<void> => {
    const told = await deps.pull()
    unwritten = { days: newest([...unwritten.days, ...told.days]), costs: summed([...unwritten.costs, ...told.costs]) }
    if (unwritten.days.length + unwritten.costs.length === 0) return
    await store.add(unwritten, today())
    unwritten = { days: [], costs: [] }
  }
  /** One after the other: what is told later holds what was told before. */
  let collecting: Promise<void> = Promise.resolve()
  const collect = (): Promise<void> => {
    collecting = collecting.catch(() => {}).then(writeDown)
    return collecting
  }

  return {
    collect,

    async takeCanaryFindings(findings) {
      const places = Map.groupBy(findings, ({ account, workspace }) => `${account}/${workspace}`)
      for (const ofPlace of places.values()) {
        const [first] = ofPlace
        if (first) await canaries.take(first, ofPlace, { now: clock.now(), day: today() })
      }
    },

    async listCanaryFindings(place, ruleId, page) {
      await rules.get(place, ruleId)
      return pageThrough<CanaryFinding, CanaryFinding>(page, {
        read({ after, limit }) {
          const [time = '', id = ''] = after?.split(' ') ?? []
          const before = { time: Number(time) || 0, id }
          return canaries.list(place, ruleId, { limit, ...(after === undefined ? {} : { before }) })
        },
        placeOf: ({ time, id }) => `${time} ${id}`,
        toItem: (finding) => finding,
      })
    },

    async report(place, days) {
      await collect()
      const sums = new Map((await store.sumRules(place, since(days))).map((sum) => [sum.ruleId, sum]))
      const stored = await rules.listStored(place)
      const sources = await store.sumSources(place, since(days))
      const events = sources.reduce((sum, source) => sum + source.events, 0)
      const timedNs = [...sums.values()].reduce((sum, one) => sum + one.timedNs, 0)
      const enabledBefore = clock.now() - days * DAY_MS
      const outcomes = new Map((await deps.outcomes(place, enabledBefore)).map((outcome) => [outcome.ruleId, outcome]))
      const missing = missingSources(rules.liveDocuments(place), sources)
      return {
        days,
        events,
        rules: stored
          .filter(({ kind }) => kind !== 'filter')
          .map((rule) => {
            const { id, updatedAt } = rule
            const did = { sum: sums.get(id), outcome: outcomes.get(id) }
            const judged = judge(rule, did, { days, timedNs, isOld: updatedAt <= enabledBefore })
            return { ...judged, advice: adviceOn(judged, { days, missing: missing.get(id) ?? [] }) }
          }),
        staleExclusions: (await rules.listExclusions(place)).filter((exclusion) => isStale(exclusion, clock.now())),
      }
    },

    async sources(place, days) {
      await collect()
      return store.sumSources(place, since(days))
    },

    async prune() {
      await store.prune(today() - TALLY_DAYS_KEPT)
      await canaries.prune({ before: clock.now() - CANARY_DAYS_KEPT * DAY_MS, keptMax: CANARY_FINDINGS_KEPT })
    },
  }
}

/** One for each rule, however long nothing can be written. */
function summed(costs: DetectorTallies['costs']): DetectorTallies['costs'] {
  const byRule = new Map<string, DetectorTallies['costs'][number]>()
  for (const cost of costs) {
    const key = `${cost.account}/${cost.workspace}/${cost.ruleId}`
    const known = byRule.get(key)
    byRule.set(key, { ...cost, ns: (known?.ns ?? 0) + cost.ns, tests: (known?.tests ?? 0) + cost.tests })
  }
  return [...byRule.values()]
}

/** Of each shard and day the last. */
function newest(days: DetectorTallies['days']): DetectorTallies['days'] {
  return [...new Map(days.map((told) => [`${keyOfShard(told.shard)}/${told.since}/${told.day}`, told])).values()]
}

function isStale({ untilAt, lastHitAt, createdAt }: StoredExclusion, now: number): boolean {
  if (untilAt !== undefined && untilAt <= now) return true
  return (lastHitAt ?? createdAt) < now - EXCLUSION_STALE_DAYS * DAY_MS
}
