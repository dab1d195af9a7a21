import { ok, type Result } from '../../platform/base/index.ts'
import type { RuleTree } from '../offline/rule-tree.ts'
import { correlationToPpl, ruleToPpl } from './rule-to-ppl.ts'

export interface ConvertedRule {
  readonly file: string
  readonly id: string
  readonly title: string
  /** A search, what is asked as plain data, or why it cannot be said. */
  readonly result: Result<{ readonly query: string } | { readonly compiled: object }, string>
}

/** Rules and correlations of a tree, filters worked in, each as a search or in its compiled form. */
export function convertRules(
  { ruleSet, documents }: RuleTree,
  options: { readonly to: 'ppl' | 'json'; readonly pipe: string; readonly id?: string },
): readonly ConvertedRule[] {
  const fileOf = new Map(documents.map(({ document, file }) => [document.head.id, file]))
  const wanted = (id: string) => options.id === undefined || options.id === id
  const named = ({ id, title }: { readonly id: string; readonly title: string }) => ({
    ...{ file: fileOf.get(id) ?? '', id, title },
  })
  const rules = ruleSet.rules
    .filter(({ head }) => wanted(head.id))
    .map((rule): ConvertedRule => {
      const { kind, head, logsource, taxonomy, expression } = rule
      if (options.to === 'json') {
        const { severity, techniques, tactics } = head
        const compiled = { kind, severity, techniques, tactics, logsource, taxonomy, expression }
        return { ...named(head), result: ok({ compiled }) }
      }
      return { ...named(head), result: inResult(ruleToPpl(rule, options.pipe)) }
    })
  const correlations = ruleSet.correlations
    .filter(({ correlation }) => wanted(correlation.head.id))
    .map((resolved): ConvertedRule => {
      const { kind, head, type, timespanMs, bounds, percentile, groupBy, expression, generate } = resolved.correlation
      if (options.to === 'ppl') return { ...named(head), result: inResult(correlationToPpl(resolved)) }
      const { ruleIds, groupFields, valueFields } = resolved
      const asked = { type, timespanMs, bounds, percentile, groupBy, condition: expression, generate }
      const compiled = { kind, severity: head.severity, ...asked, rules: ruleIds, groupFields, valueFields }
      return { ...named(head), result: ok({ compiled }) }
    })
  return [...rules, ...correlations]
}

function inResult(query: Result<string, string>): ConvertedRule['result'] {
  return query.ok ? ok({ query: query.value }) : query
}
