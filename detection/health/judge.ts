import { TIMED_EVERY } from '../limits.ts'
import type { StoredRule } from '../store.ts'
import type { RuleSum } from './store.ts'

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

/** A rule that alone takes more than this share of the time of all is costly, */
const COSTLY_SHARE = 0.1
/** where it was timed often enough to say so. */
const COSTLY_TESTS_MIN = 20
/** Matches a day that nobody looks at one by one. */
const TOO_MUCH_PER_DAY = 1_000
/** A rule is noisy when so many of its alerts were closed, and at least this share of them as false positives. */
const CLOSED_MIN = 5
const FALSE_SHARE_MIN = 0.7

/** What a rule did and what is wrong with it, by what was counted and what became of its alerts. */
export function judge(
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
