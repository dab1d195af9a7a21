import { dedupKey } from '../dedup-key.ts'
import { TITLE_CHARS_MAX, VALUE_CHARS_MAX } from '../limits.ts'
import type { AlertPlace, AlertTransaction } from '../store.ts'
import { keepText } from '../text.ts'
import type { Alert, Entities, IncomingFinding } from '../types.ts'
import { entityName, RISK_RULE_ID, riskyEntities } from './keep-risk.ts'
import { alertRisk, type Criticality, countsAsRisk, mostCritical } from './score.ts'
import type { Contribution } from './store.ts'

export type RiskContribution = Omit<Contribution, 'weight'>

/** Records that a contribution names: the newest. */
const RECORDS_MAX = 5

/** The alert with its risk, joined to what it was before.
 * @param known how critical entities are, by `kind value` */
export function withRisk(
  alert: Alert,
  findings: readonly IncomingFinding[],
  known: ReadonlyMap<string, Criticality>,
): Alert {
  const criticality = mostCritical(riskyEntities(alert.entities).map((entity) => known.get(entityName(entity))))
  return { ...alert, risk: alertRisk(alert.severity, findings, criticality, alert.risk) }
}

/** What an alert adds to the risk of the entities of these findings; nothing once it is judged harmless. */
export function contributionsOf(
  alert: Alert,
  findings: readonly Pick<IncomingFinding, 'entities' | 'time' | 'recordIds'>[],
): RiskContribution[] {
  const { id, ruleId, title, tactics, techniques, risk } = alert
  if (!risk || ruleId === RISK_RULE_ID || !countsAsRisk(alert)) return []
  return ofEntities(findings, { source: id, alertId: id, ruleId, title, tactics, techniques, risk })
}

/** What findings add that make no alert: those of one key together. */
export async function silentContributions(
  tx: AlertTransaction,
  place: AlertPlace,
  findings: readonly IncomingFinding[],
): Promise<RiskContribution[]> {
  const entities = findings.flatMap((finding) => riskyEntities(finding.entities))
  const known = await tx.risk.criticalities(place, entities)
  return [...Map.groupBy(findings, dedupKey)].flatMap(([key, ofKey]) => {
    const [first] = ofKey
    if (!first) return []
    const { rule } = first
    const own = ofKey.flatMap((finding) => riskyEntities(finding.entities))
    const criticality = mostCritical(own.map((entity) => known.get(entityName(entity))))
    return ofEntities(ofKey, {
      source: `key:${key}`,
      ruleId: keepText(rule.id, VALUE_CHARS_MAX),
      title: keepText(rule.title, TITLE_CHARS_MAX),
      tactics: rule.tactics ?? [],
      techniques: rule.techniques,
      risk: alertRisk(rule.severity, ofKey, criticality),
    })
  })
}

function ofEntities(
  findings: readonly { readonly entities: Entities; readonly time: number; readonly recordIds: readonly string[] }[],
  common: Omit<RiskContribution, 'kind' | 'value' | 'at' | 'findings' | 'recordIds'>,
): RiskContribution[] {
  const found = new Map<string, RiskContribution>()
  for (const { entities, time, recordIds } of findings) {
    for (const entity of riskyEntities(entities)) {
      const key = { kind: entity.kind, value: keepText(entity.value, VALUE_CHARS_MAX) }
      const known = found.get(entityName(key))
      found.set(entityName(key), {
        ...common,
        ...key,
        at: Math.max(known?.at ?? time, time),
        findings: (known?.findings ?? 0) + 1,
        recordIds: [...(known?.recordIds ?? []), ...recordIds.slice(-RECORDS_MAX)].slice(-RECORDS_MAX),
      })
    }
  }
  return [...found.values()]
}
