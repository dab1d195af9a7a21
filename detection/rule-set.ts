import { type ResolvedCorrelation, resolveCorrelations } from './correlate/resolve.ts'
import { and } from './match/expression.ts'
import type { SigmaCorrelation } from './sigma/correlation.ts'
import type { SigmaFilter } from './sigma/filter.ts'
import type { SigmaDocument } from './sigma/read.ts'
import type { SigmaRule } from './sigma/rule.ts'

/** Rules, correlations and filters that fit together: filters are worked into the rules they narrow. */
export interface RuleSet {
  readonly rules: readonly SigmaRule[]
  readonly correlations: readonly ResolvedCorrelation[]
}

/** A document that is right in itself and cannot be used beside the others. */
export interface Misfit {
  readonly document: SigmaDocument
  readonly reason: string
}

/** Puts documents together. Left out: a second document with the id of another, correlations whose rules are not there. */
export function buildRuleSet(documents: readonly SigmaDocument[]): { ruleSet: RuleSet; misfits: readonly Misfit[] } {
  const misfits: Misfit[] = []
  const seen = new Set<string>()
  const rules: SigmaRule[] = []
  const correlations: SigmaCorrelation[] = []
  const filters: SigmaFilter[] = []
  for (const document of documents) {
    const { id } = document.head
    if (seen.has(id)) {
      misfits.push({ document, reason: 'another document has the same id; give it one of its own' })
      continue
    }
    seen.add(id)
    if (document.kind === 'rule') rules.push(document)
    else if (document.kind === 'correlation') correlations.push(document)
    else filters.push(document)
  }
  const { resolved, unresolved } = resolveCorrelations(correlations, rules)
  for (const { correlation, reason } of unresolved) {
    misfits.push({ document: correlation, reason: `the correlation ${reason}` })
  }
  return { ruleSet: { rules: applyFilters(rules, filters), correlations: resolved }, misfits }
}

function applyFilters(rules: readonly SigmaRule[], filters: readonly SigmaFilter[]): readonly SigmaRule[] {
  if (filters.length === 0) return rules
  return rules.map((rule) => {
    const narrowing = filters.filter((filter) => isNarrowed(rule, filter))
    if (narrowing.length === 0) return rule
    return { ...rule, expression: and([rule.expression, ...narrowing.map(({ keep }) => keep)]) }
  })
}

/** A filter narrows the rules that it names, or all, whose log source lies within its own.
 * @see Sigma filters specification 2.0 */
function isNarrowed({ head, logsource }: SigmaRule, filter: SigmaFilter): boolean {
  for (const word of ['product', 'category', 'service'] as const) {
    if (filter.logsource[word] !== undefined && filter.logsource[word] !== logsource[word]) return false
  }
  const { rules } = filter
  return rules === undefined || rules.includes(head.id) || (head.name !== undefined && rules.includes(head.name))
}
