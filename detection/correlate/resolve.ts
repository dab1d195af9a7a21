import { hash } from 'node:crypto'
import { CORRELATION_DEPTH_MAX } from '../limits.ts'
import type { SigmaCorrelation } from '../sigma/correlation.ts'
import type { SigmaRule } from '../sigma/rule.ts'

/** A correlation whose rules are all known. */
export interface ResolvedCorrelation {
  readonly correlation: SigmaCorrelation
  /** By place in `correlation.rules`: the id of the rule or correlation. */
  readonly ruleIds: readonly string[]
  /** Fields of the group, by place of the rule: where an alias is used, each rule has its own. */
  readonly groupFields: readonly (readonly string[])[]
  /** Fields counted or summed, likewise. */
  readonly valueFields: readonly (readonly string[])[]
  /** The same for the same definition over the same rules. */
  readonly fingerprint: string
}

export interface UnresolvedCorrelation {
  readonly correlation: SigmaCorrelation
  readonly reason: string
}

/** Finds the rules that correlations name, by id or name, in an order in which each comes after those it builds on.
 * Refused: a name that nothing or more than one thing bears, and correlations that build on themselves. */
export function resolveCorrelations(
  correlations: readonly SigmaCorrelation[],
  rules: readonly SigmaRule[],
): { resolved: readonly ResolvedCorrelation[]; unresolved: readonly UnresolvedCorrelation[] } {
  const ids = new Map<string, Set<string>>()
  const name = (word: string, id: string) => {
    const known = ids.get(word)
    if (known) known.add(id)
    else ids.set(word, new Set([id]))
  }
  for (const { head } of [...rules, ...correlations]) {
    name(head.id, head.id)
    if (head.name !== undefined) name(head.name, head.id)
  }
  const byId = new Map(correlations.map((correlation) => [correlation.head.id, correlation]))
  const states = new Map<string, ResolvedCorrelation | UnresolvedCorrelation>()
  const ordered: ResolvedCorrelation[] = []

  const visit = (
    correlation: SigmaCorrelation,
    path: readonly string[],
  ): ResolvedCorrelation | UnresolvedCorrelation => {
    const { id } = correlation.head
    const known = states.get(id)
    if (known) return known
    const result = build(correlation, path)
    states.set(id, result)
    if (!('reason' in result)) ordered.push(result)
    return result
  }

  const build = (
    correlation: SigmaCorrelation,
    path: readonly string[],
  ): ResolvedCorrelation | UnresolvedCorrelation => {
    const { id } = correlation.head
    const refuse = (reason: string): UnresolvedCorrelation => ({ correlation, reason })
    if (path.includes(id)) return refuse(`builds on itself, by way of ${path.join(' and ')}`)
    if (path.length >= CORRELATION_DEPTH_MAX)
      return refuse(`builds on more than ${CORRELATION_DEPTH_MAX} others in a row`)
    const ruleIds: string[] = []
    for (const { reference } of correlation.rules) {
      const found = ids.get(reference)
      const [ruleId] = found ?? []
      if (!found || ruleId === undefined) return refuse(`names the rule \`${reference}\`, which is not here`)
      if (found.size > 1) return refuse(`names \`${reference}\`, and ${found.size} rules bear that name; use the id`)
      const inner = byId.get(ruleId)
      if (inner) {
        const below = visit(inner, [...path, id])
        if ('reason' in below) return refuse(`builds on \`${reference}\`, which ${below.reason}`)
      }
      ruleIds.push(ruleId)
    }
    const fieldsOf = (names: readonly string[]) =>
      correlation.rules.map(({ reference }, place) =>
        names.map((field) => {
          const alias = correlation.aliases.find((known) => known.alias === field)
          const own = alias?.fields.find(({ rule }) => rule === reference || rule === ruleIds[place])
          return own?.field ?? field
        }),
      )
    const groupFields = fieldsOf(correlation.groupBy)
    const valueFields = fieldsOf(correlation.fields)
    const { type, timespanMs, bounds, percentile, expression } = correlation
    const definition = { type, timespanMs, bounds, percentile, expression, ruleIds, groupFields, valueFields }
    const fingerprint = hash('sha256', JSON.stringify(definition, withoutPlaces), 'hex')
    return { correlation, ruleIds, groupFields, valueFields, fingerprint }
  }

  for (const correlation of correlations) visit(correlation, [])
  return {
    resolved: ordered,
    unresolved: [...states.values()].filter((state): state is UnresolvedCorrelation => 'reason' in state),
  }
}

/** Leaves out where in its file a name stands. */
function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'at' ? undefined : value
}
