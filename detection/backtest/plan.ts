import { detectionError } from '../errors.ts'
import { BACKTEST_RULES_MAX } from '../limits.ts'
import { and, not } from '../match/expression.ts'
import { buildRuleSet } from '../rule-set.ts'
import type { SigmaDocument } from '../sigma/read.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import type { Exclusion } from '../tuning/tuning.ts'

/** The documents to test, with those they build on and the filters that narrow them.
 * @param live what is run now
 * @throws detection.rule.refused when they cannot be used beside each other */
export function gatherDocuments(
  asked: readonly SigmaDocument[],
  live: readonly SigmaDocument[],
): { readonly documents: readonly SigmaDocument[]; readonly asked: readonly string[] } {
  const ids = new Set(asked.map(({ head }) => head.id))
  const others = live.filter(({ head }) => !ids.has(head.id))
  const byName = new Map<string, SigmaDocument>()
  for (const document of [...others, ...asked]) {
    if (document.head.name !== undefined) byName.set(document.head.name, document)
    byName.set(document.head.id, document)
  }
  const taken = new Map(asked.map((document) => [document.head.id, document]))
  for (const document of others) if (document.kind === 'filter') taken.set(document.head.id, document)
  // Grows while it is walked: what a rule that is added builds on is added, too.
  for (const document of taken.values()) {
    if (document.kind !== 'correlation') continue
    for (const { reference } of document.rules) {
      const found = byName.get(reference)
      if (found) taken.set(found.head.id, found)
    }
  }
  const documents = [...taken.values()]
  const [misfit] = buildRuleSet(documents).misfits
  if (misfit) throw detectionError('detection.rule.refused', `${misfit.document.head.id}: ${misfit.reason}`)
  const told = asked.filter(({ kind }) => kind !== 'filter').map(({ head }) => head.id)
  if (told.length === 0 || told.length > BACKTEST_RULES_MAX) {
    throw detectionError(
      'detection.rule.refused',
      `a back-test takes 1 to ${BACKTEST_RULES_MAX} rules and correlations; these are ${told.length}`,
    )
  }
  return { documents, asked: told }
}

/** A rule that matches what the exclusion would leave out of another. */
export function whatIsLeftOut(rule: SigmaRule, { name, filter }: Exclusion): SigmaRule {
  return {
    ...rule,
    head: { ...rule.head, title: `${rule.head.title}: left out by ${name}` },
    expression: and([rule.expression, not(filter.keep)]),
  }
}
