import type { AccountId } from '../../platform/index.ts'
import {
  RISK_ALERT_CONTRIBUTIONS_MAX,
  RISK_ALERT_SCORE,
  RISK_ALERT_TACTICS,
  RISK_ENTITIES_PER_BATCH_MAX,
  RISK_TACTICS_WINDOW_MS,
} from '../limits.ts'
import type { Entities, IncomingFinding } from '../types.ts'
import { entityScore, round, severityOfScore, weightOf } from './score.ts'
import { type Contribution, type EntityKey, RANK_OF_NOTHING, type RiskTransaction } from './store.ts'

/** The rule of alerts that the risk of an entity makes. */
export const RISK_RULE_ID = 'rampart.risk'

/** Kinds of entities that carry risk: who acts, and what is acted on. */
const RISKY_KINDS = ['hosts', 'users', 'ips', 'accessKeys'] as const

interface Place {
  readonly account: AccountId
  readonly workspace: string
}

/** The entities of a finding or an alert that carry risk. */
export function riskyEntities(entities: Entities): readonly EntityKey[] {
  return RISKY_KINDS.flatMap((kind) =>
    (Object.hasOwn(entities, kind) ? (entities[kind] ?? []) : []).map((value) => ({ kind, value })),
  )
}

export const entityName = ({ kind, value }: EntityKey): string => `${kind} ${value}`

/** Adds contributions to the risk of their entities, in the transaction of the alerts they come from.
 * The work of an entity is bounded: it reads its weightiest contributions, never the alerts.
 * @returns a finding for each entity whose risk crossed, or went on above with something new */
export async function keepRisk(
  tx: RiskTransaction,
  place: Place,
  contributions: readonly Omit<Contribution, 'weight'>[],
  now: number,
): Promise<IncomingFinding[]> {
  const findings: IncomingFinding[] = []
  const byEntity = Map.groupBy(contributions, entityName)
  const heaviest = (of: readonly Omit<Contribution, 'weight'>[]) => Math.max(...of.map(({ risk }) => risk.score))
  const taken = [...byEntity]
    .sort(([, a], [, b]) => heaviest(b) - heaviest(a))
    .slice(0, RISK_ENTITIES_PER_BATCH_MAX)
    .map(([name]) => name)
  // Sorted, so that two transactions hold entities in the same order.
  const names = taken.sort()
  for (const name of names) {
    const ofEntity = byEntity.get(name) ?? []
    const [key] = ofEntity
    if (!key) continue
    const { above } = await tx.hold(place, key, now)
    let isNew = false
    for (const contribution of ofEntity) {
      const at = Math.min(contribution.at, now)
      const weight = weightOf(contribution.risk.score, at)
      if (await tx.contribute(place, { ...contribution, at, weight })) isNew = true
    }
    const scored = await rescore(tx, place, key, now)
    await tx.crop(place, key)
    if (scored.isAbove && (!above || isNew)) findings.push(await riskFinding(tx, place, key, { ...scored, now }))
  }
  return findings
}

/** Lets an alert count or not count, and makes the risk of its entities anew. */
export async function setCounting(
  tx: RiskTransaction,
  place: Place,
  alertId: string,
  change: { readonly counts: boolean; readonly now: number },
): Promise<void> {
  const moved = await tx.setCounting(place, alertId, change.counts)
  for (const key of moved.sort((a, b) => (entityName(a) < entityName(b) ? -1 : 1))) {
    await tx.hold(place, key, change.now)
    await rescore(tx, place, key, change.now)
  }
}

interface Scored {
  readonly score: number
  readonly tactics: readonly string[]
  readonly isAbove: boolean
}

async function rescore(tx: RiskTransaction, place: Place, key: EntityKey, now: number): Promise<Scored> {
  const rows = await tx.weights(place, key)
  const score = entityScore(
    rows.map(({ weight }) => weight),
    now,
  )
  const recent = rows.filter(({ at }) => at > now - RISK_TACTICS_WINDOW_MS)
  const tactics = [...new Set(recent.flatMap((row) => row.tactics))].sort()
  const isAbove = score >= RISK_ALERT_SCORE || tactics.length >= RISK_ALERT_TACTICS
  const rank = rows.length === 0 ? RANK_OF_NOTHING : weightOf(score, now)
  await tx.put(place, key, { score, rank, now, contributions: rows.length, tactics, above: isAbove })
  return { score, tactics, isAbove }
}

async function riskFinding(
  tx: RiskTransaction,
  place: Place,
  key: EntityKey,
  { score, tactics, now }: Scored & { readonly now: number },
): Promise<IncomingFinding> {
  const top = await tx.top(place, key, RISK_ALERT_CONTRIBUTIONS_MAX)
  const shown = round(score)
  const reason = score >= RISK_ALERT_SCORE ? `its risk is ${shown}` : `it shows ${tactics.length} tactics in 7 days`
  return {
    id: `risk/${entityName(key)}/${now}`,
    account: place.account,
    workspace: place.workspace,
    kind: 'risk',
    rule: {
      id: RISK_RULE_ID,
      title: `Risk of ${key.value}: ${reason}`,
      severity: score >= RISK_ALERT_SCORE ? severityOfScore(score) : 'high',
      techniques: [...new Set(top.flatMap(({ techniques }) => techniques))].sort(),
      tactics,
      dedup: { key: entityName(key) },
    },
    time: now,
    recordIds: [...new Set(top.flatMap(({ recordIds }) => recordIds.slice(-1)))],
    entities: { [key.kind]: [key.value] },
    riskOf: {
      ...key,
      score: shown,
      contributions: top.map(({ source, alertId, ruleId, title, risk, at }) => ({
        ...{ source, ruleId, title, at, risk: risk.score },
        ...(alertId === undefined ? {} : { alertId }),
      })),
    },
  }
}
