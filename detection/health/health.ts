import { type Clock, type Database, pageThrough } from '../../platform/index.ts'
import { missingSources } from '../coverage/coverage.ts'
import {
  CANARY_DAYS_KEPT,
  CANARY_FINDINGS_KEPT,
  EXCLUSION_STALE_DAYS,
  TALLY_DAYS_KEPT,
  TIMED_EVERY,
} from '../limits.ts'
import type { SourceUse } from '../match/rule-matcher.ts'
import type { Finding } from '../online/finding.ts'
import { keyOfShard } from '../online/watcher.ts'
import type { Rules } from '../rules.ts'
import type { RulePlace, StoredRule } from '../store.ts'
import { type CanaryFinding, createCanaryStore } from '../tuning/canary-store.ts'
import type { StoredExclusion } from '../tuning/store.ts'
import { adviceOn } from './advice.ts'
import { createHealthStore, type DetectorTallies, type RuleSum } from './store.ts'

const DAY_MS = 86_400_000

/** What a rule did over some days, and what is wrong with that. */
export interface RuleHealth extends Omit<RuleSum, 'timedTests' | 'timedNs'> {
  readonly title: string
  readonly state: StoredRule['state']
  readonly revision: number
  /** About the time its tests took, ms: one event of some thousand is timed. */
  readonly estimatedMs: number
  /** Of the time of all rules' tests. */
  readonly timeShare: number
  /** Alerts that it made or added to, of these those that are closed, of these those that were false positives. */
  readonly alerts: number
  readonly closedAlerts: number
  readonly falsePositives: number
  readonly problems: readonly HealthProblem[]
  /** What could be done, a sentence a problem. */
  readonly advice: readonly string[]
}

/** What became of a rule's alerts. */
export interface RuleOutcome extends Pick<RuleHealth, 'ruleId' | 'alerts' | 'closedAlerts' | 'falsePositives'> {}

/** What can be wrong: it never matched in days in which it could have; it matches very often; it is among those that take
 * the most time; it matched so often that findings were held back; most of its alerts that were closed
 * were false positives. */
export const healthProblems = ['false_positives', 'too_much', 'throttled', 'costly', 'never_fired'] as const
export type HealthProblem = (typeof healthProblems)[number]

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

/** A rule that alone takes more than this share of the time of all is costly, */
const COSTLY_SHARE = 0.1
/** where it was timed often enough to say so. */
const COSTLY_TESTS_MIN = 20
/** Matches a day that nobody looks at one by one. */
const TOO_MUCH_PER_DAY = 1_000
/** A rule is noisy when so many of its alerts were closed, and at least this share of them as false positives. */
const CLOSED_MIN = 5
const FALSE_SHARE_MIN = 0.7

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

function judge(
  rule: StoredRule,
  { sum, outcome }: { readonly sum: RuleSum | undefined; readonly outcome: RuleOutcome | undefined },
  among: { readonly days: number; readonly timedNs: number; readonly isOld: boolean },
): Omit<RuleHealth, 'advice'> {
  const { matches = 0, heldBack = 0, excluded = 0, canaryFindings = 0, timedNs = 0, timedTests = 0 } = sum ?? {}
  const timeShare = among.timedNs === 0 ? 0 : timedNs / among.timedNs
  const { alerts = 0, closedAlerts = 0, falsePositives = 0 } = outcome ?? {}
  const holds: Readonly<Record<HealthProblem, boolean>> = {
    false_positives: closedAlerts >= CLOSED_MIN && falsePositives >= FALSE_SHARE_MIN * closedAlerts,
    too_much: matches > TOO_MUCH_PER_DAY * among.days,
    throttled: heldBack > 0,
    costly: timeShare > COSTLY_SHARE && timedTests >= COSTLY_TESTS_MIN,
    never_fired: matches === 0 && rule.state !== 'disabled' && among.isOld,
  }
  const problems = healthProblems.filter((problem) => holds[problem])
  const { id: ruleId, title, state, revision } = rule
  return {
    ...{ ruleId, title, state, revision, matches, heldBack, excluded, canaryFindings },
    ...{ alerts, closedAlerts, falsePositives },
    estimatedMs: Math.round((timedNs * TIMED_EVERY) / 1e5) / 10,
    timeShare: Math.round(timeShare * 1000) / 1000,
    problems,
  }
}

function isStale({ untilAt, lastHitAt, createdAt }: StoredExclusion, now: number): boolean {
  if (untilAt !== undefined && untilAt <= now) return true
  return (lastHitAt ?? createdAt) < now - EXCLUSION_STALE_DAYS * DAY_MS
}
