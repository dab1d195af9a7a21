import { type Static, Type } from 'typebox'
import { formatInstant } from '../platform/index.ts'
import { type Alert, type AlertSnapshot, alertStates, type Guidance, severities, verdicts } from './types.ts'

/** An alert as the API answers it. */
export const alertSchema = Type.Object({
  id: Type.String(),
  ruleId: Type.String(),
  title: Type.String(),
  severity: Type.Enum([...severities]),
  state: Type.Enum([...alertStates]),
  verdict: Type.Optional(Type.Enum([...verdicts])),
  count: Type.Integer({ description: 'Findings in it.' }),
  seenAgain: Type.Optional(Type.Integer({ description: 'Findings counted after it was closed as harmless.' })),
  firstSeen: Type.String({ format: 'date-time' }),
  lastSeen: Type.String({ format: 'date-time' }),
  dedupKey: Type.String({ description: 'Findings of one key are one alert while it is open.' }),
  entities: Type.Record(Type.String(), Type.Array(Type.String())),
  techniques: Type.Array(Type.String(), { description: 'ATT&CK ids.' }),
  owner: Type.Optional(Type.String()),
  tags: Type.Optional(
    Type.Array(Type.String(), {
      description: '`rampart.throttled_rule` or `rampart.noisy_rule`: its rule finds more than is told here.',
    }),
  ),
  guidance: Type.Optional(
    Type.Object(
      {
        description: Type.Optional(Type.String()),
        falsePositives: Type.Optional(Type.Array(Type.String(), { description: 'Ordinary causes.' })),
        response: Type.Optional(Type.String({ description: 'What to do first.' })),
      },
      { description: 'What the author of the rule says.' },
    ),
  ),
  risk: Type.Optional(
    Type.Object(
      {
        score: Type.Number(),
        base: Type.Number(),
        confidence: Type.Number(),
        intel: Type.Number(),
        asset: Type.Number(),
      },
      { description: 'score = base × confidence × intel × asset, at most 100.' },
    ),
  ),
  riskOf: Type.Optional(
    Type.Object(
      {
        type: Type.String(),
        value: Type.String(),
        score: Type.Number(),
        contributions: Type.Array(
          Type.Object({
            alertId: Type.Optional(Type.String()),
            ruleId: Type.String(),
            title: Type.String(),
            risk: Type.Number(),
            at: Type.String(),
          }),
        ),
      },
      { description: 'Of an alert that the risk of an entity made: whose, and what it came from.' },
    ),
  ),
  events: Type.Array(Type.String(), { description: 'Record ids: the first 20 and the last 20.' }),
  explanation: Type.Optional(
    Type.Object(
      {
        entity: Type.String(),
        expected: Type.String(),
        seen: Type.String(),
        since: Type.String({ format: 'date-time' }),
        score: Type.Number(),
        version: Type.Integer({ description: 'Of the baseline.' }),
      },
      { description: 'Of an alert that a baseline made: what was usual, and what was seen instead.' },
    ),
  ),
})

export type AlertAnswer = Static<typeof alertSchema>

export function answerAlert(alert: Alert): AlertAnswer {
  return {
    id: alert.id,
    ruleId: alert.ruleId,
    title: alert.title,
    severity: alert.severity,
    state: alert.state,
    count: alert.count,
    firstSeen: formatInstant(alert.firstSeen),
    lastSeen: formatInstant(alert.lastSeen),
    dedupKey: alert.dedupKey,
    entities: withUsualKinds(alert.entities),
    techniques: [...alert.techniques],
    events: recordIdsOf(alert),
    ...(alert.risk === undefined ? {} : { risk: alert.risk }),
    ...(alert.riskOf === undefined ? {} : { riskOf: answerRiskOf(alert.riskOf) }),
    ...(alert.guidance === undefined ? {} : { guidance: toAnswer(alert.guidance) }),
    ...(alert.verdict === undefined ? {} : { verdict: alert.verdict }),
    ...(alert.owner === undefined ? {} : { owner: alert.owner }),
    ...(alert.tags.length === 0 ? {} : { tags: [...alert.tags] }),
    ...(alert.seenAgain === 0 ? {} : { seenAgain: alert.seenAgain }),
    ...(alert.explanation === undefined
      ? {}
      : { explanation: { ...alert.explanation, since: formatInstant(alert.explanation.since) } }),
  }
}

function answerRiskOf({ kind, value, score, contributions }: NonNullable<Alert['riskOf']>) {
  return {
    ...{ type: kind, value, score },
    contributions: contributions.map(({ source: _, at, ...part }) => ({ ...part, at: formatInstant(at) })),
  }
}

/** The alert as playbooks see it; what is absent is empty, so that expressions need no guards. */
export function snapshotAlert(alert: Alert): AlertSnapshot {
  return {
    id: alert.id,
    rule_id: alert.ruleId,
    title: alert.title,
    severity: alert.severity,
    severity_id: severities.indexOf(alert.severity) + 1,
    state: alert.state,
    verdict: alert.verdict ?? '',
    count: alert.count,
    first_seen: formatInstant(alert.firstSeen),
    last_seen: formatInstant(alert.lastSeen),
    dedup_key: alert.dedupKey,
    entities: withUsualKinds(alert.entities),
    techniques: alert.techniques,
    tactics: alert.tactics,
    owner: alert.owner ?? '',
    tags: alert.tags,
    events: recordIdsOf(alert),
  }
}

function toAnswer({ falsePositives, ...texts }: Guidance): NonNullable<AlertAnswer['guidance']> {
  return { ...texts, ...(falsePositives === undefined ? {} : { falsePositives: [...falsePositives] }) }
}

function withUsualKinds(entities: Alert['entities']): Record<string, string[]> {
  const copied = Object.entries(entities).map(([kind, values]) => [kind, [...values]])
  return { users: [], hosts: [], ips: [], ...Object.fromEntries(copied) }
}

function recordIdsOf(alert: Alert): string[] {
  return [...new Set(alert.events.map((event) => event.recordId))]
}
