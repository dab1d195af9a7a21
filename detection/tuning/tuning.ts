import type { SigmaFilter } from '../sigma/filter.ts'

/** A rule that is tried out: it looks at all events, and what it finds becomes no alert. */
export interface Canary {
  /** From this receive time on it alerts like any other, ms. */
  readonly untilAt?: number
  /** This share of its findings alerts already. */
  readonly alertPercent?: number
}

/** What one tenant leaves out of a rule, kept apart from it. */
export interface Exclusion {
  readonly name: string
  readonly filter: SigmaFilter
  /** Events of this time and later are not left out any more, ms. */
  readonly untilAt?: number
}

/** How a rule is run, beside what it says. Plain data, to be sent to threads. */
export interface RuleTuning {
  readonly ruleId: string
  readonly canary?: Canary
  readonly exclusions: readonly Exclusion[]
}

/** True while a finding of the rule becomes no alert. By receive time and the finding's own id, both of which a replay
 * repeats. */
export function isCanaryFinding(
  canary: Canary | undefined,
  finding: { readonly id: string; readonly receivedAt: number },
): boolean {
  if (!canary || (canary.untilAt !== undefined && finding.receivedAt >= canary.untilAt)) return false
  return Number.parseInt(finding.id.slice(0, 8), 16) % 100 >= (canary.alertPercent ?? 0)
}
