import type { Event } from '../../pipeline/index.ts'
import { and, not } from '../match/expression.ts'
import { RuleMatcher } from '../match/rule-matcher.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import type { RuleTuning } from './tuning.ts'

/** An exclusion that leaves a match out. */
export interface ExclusionHit {
  readonly ruleId: string
  readonly name: string
}

interface Placed extends ExclusionHit {
  readonly rule: number
  readonly untilAt: number
}

/** Says which matches of rules are left out. Looked at only for events that a rule with exclusions matched, so exclusions
 * cost nothing until then, and each one's hits can be counted. */
export class ExclusionMatcher {
  readonly #placed: readonly Placed[]
  readonly #excluded: ReadonlySet<number>
  readonly #matcher: RuleMatcher

  /** @param rules those of the rule set; numbers are places in it */
  constructor(rules: readonly SigmaRule[], tunings: ReadonlyMap<string, RuleTuning>) {
    const placed: Placed[] = []
    const asked: SigmaRule[] = []
    for (const [rule, sigma] of rules.entries()) {
      for (const { name, filter, untilAt } of tunings.get(sigma.head.id)?.exclusions ?? []) {
        placed.push({ rule, ruleId: sigma.head.id, name, untilAt: untilAt ?? Number.POSITIVE_INFINITY })
        // Asked together with the rule: it then is matched where the rule is, and its fields are called as they are there.
        asked.push({ ...sigma, expression: and([sigma.expression, not(filter.keep)]) })
      }
    }
    this.#placed = placed
    this.#excluded = new Set(placed.map(({ rule }) => rule))
    this.#matcher = new RuleMatcher(asked)
  }

  /** The numbers that are left of `matched`, and what left the others out.
   * @param time when the event happened, as far as it is believed, ms */
  leftOf(
    matched: readonly number[],
    event: Event,
    time: number,
  ): { readonly left: readonly number[]; readonly hits: readonly ExclusionHit[] } {
    if (!matched.some((rule) => this.#excluded.has(rule))) return { left: matched, hits: [] }
    const hits = this.#matcher
      .match(event.original, event.logsource, event.ocsf)
      .map((place) => this.#placed[place] as Placed)
      .filter(({ untilAt }) => time < untilAt)
    if (hits.length === 0) return { left: matched, hits }
    const out = new Set(hits.map(({ rule }) => rule))
    return { left: matched.filter((rule) => !out.has(rule)), hits }
  }
}
