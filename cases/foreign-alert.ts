import { type Static, Type } from 'typebox'
import { type AccountId, type Clock, uuidv7 } from '../platform/index.ts'
import { changesOf } from './alert-changes.ts'
import { foreignKey } from './dedup-key.ts'
import { caseError } from './errors.ts'
import { TITLE_CHARS_MAX, VALUE_CHARS_MAX } from './limits.ts'
import { joinEntities, joinEvents, joinLabels, maxSeverity } from './merge.ts'
import { raiseRisk } from './merge-findings.ts'
import { contributionsOf, withRisk } from './risk/contributions.ts'
import { riskyEntities } from './risk/keep-risk.ts'
import type { AlertTransaction } from './store.ts'
import { keepText } from './text.ts'
import { type Alert, type AlertChange, type Severity, severities } from './types.ts'

const text = (description?: string) => Type.String({ maxLength: 4096, ...(description ? { description } : {}) })
const named = Type.Object({ uid: Type.Optional(text()), name: Type.Optional(text()) })
const endpoint = Type.Object({ ip: Type.Optional(text()), hostname: Type.Optional(text()) })

/** What the hub reads of an OCSF Detection Finding; other members may stand beside these.
 * @see OCSF 1.8.0, Detection Finding (2004) */
export const detectionFindingSchema = Type.Object(
  {
    class_uid: Type.Literal(2004),
    time: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000, description: 'ms since the epoch' }),
    severity_id: Type.Optional(Type.Integer({ minimum: 0, maximum: 99 })),
    metadata: Type.Object({ product: named }),
    finding_info: Type.Object({
      uid: Type.String({ minLength: 1, maxLength: 1024, description: 'Names the alert in its product.' }),
      title: Type.Optional(text()),
      analytic: Type.Optional(named),
      attacks: Type.Optional(
        Type.Array(
          Type.Object({
            technique: Type.Optional(named),
            sub_technique: Type.Optional(named),
            tactic: Type.Optional(named),
          }),
          { maxItems: 100 },
        ),
      ),
      first_seen_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })),
      last_seen_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })),
      related_events: Type.Optional(Type.Array(Type.Object({ uid: Type.Optional(text()) }), { maxItems: 10_000 })),
      related_events_count: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
      types: Type.Optional(Type.Array(text(), { maxItems: 100 })),
    }),
    observables: Type.Optional(
      Type.Array(Type.Object({ type_id: Type.Integer(), value: Type.Optional(text()) }), { maxItems: 10_000 }),
    ),
    evidences: Type.Optional(
      Type.Array(
        Type.Object({
          actor: Type.Optional(Type.Object({ user: Type.Optional(named) })),
          src_endpoint: Type.Optional(endpoint),
          dst_endpoint: Type.Optional(endpoint),
        }),
        { maxItems: 1000 },
      ),
    ),
    device: Type.Optional(endpoint),
  },
  { description: 'OCSF Detection Finding; members that are not named here are taken and not read.' },
)

export type DetectionFinding = Static<typeof detectionFindingSchema>

/** Kinds of entities by OCSF's observable type. */
const OBSERVABLE_KINDS: Readonly<Record<number, string>> = {
  1: 'hosts',
  2: 'ips',
  4: 'users',
  5: 'emails',
  6: 'urls',
  7: 'files',
  8: 'hashes',
  45: 'files',
}

/** Takes an alert of another product: the same (product, uid) again updates it and never adds one, and what is known of
 * it only grows. Its state is ours: what the product thinks of it later moves nothing here.
 * @throws cases.finding.unnamed */
export async function putForeignIn(
  tx: AlertTransaction,
  place: { readonly account: AccountId; readonly workspace: string },
  finding: DetectionFinding,
  clock: Clock,
): Promise<{ readonly alert: Alert; readonly changes: readonly AlertChange[] }> {
  const told = readFinding(place, finding)
  const before = await tx.findForeign(place, told.dedupKey)
  const known = await tx.risk.criticalities(place, riskyEntities(told.entities))
  if (!before) {
    const alert = withRisk({ ...told, id: uuidv7(clock), revision: 1 }, [], known)
    await tx.insertAlerts([alert], 'foreign')
    return { alert, changes: await tell(tx, undefined, alert, clock) }
  }
  const joined: Alert = {
    ...before,
    title: told.title,
    severity: maxSeverity(before.severity, told.severity),
    count: Math.max(before.count, told.count),
    firstSeen: Math.min(before.firstSeen, told.firstSeen),
    lastSeen: Math.max(before.lastSeen, told.lastSeen),
    entities: joinEntities(before.entities, told.entities),
    techniques: joinLabels(before.techniques, told.techniques),
    tactics: joinLabels(before.tactics, told.tactics),
    tags: joinLabels(before.tags, told.tags),
    events: joinEvents(before.events, told.events),
  }
  if (JSON.stringify(joined) === JSON.stringify(before)) return { alert: before, changes: [] }
  const alert = withRisk({ ...joined, revision: before.revision + 1 }, [], known)
  await tx.updateAlert(alert)
  return { alert, changes: await tell(tx, before, alert, clock) }
}

async function tell(tx: AlertTransaction, before: Alert | undefined, after: Alert, clock: Clock) {
  const { entities, lastSeen: time, events } = after
  const contributions = contributionsOf(after, [{ entities, time, recordIds: events.map(({ recordId }) => recordId) }])
  const changes = [...changesOf(before, after, clock), ...(await raiseRisk(tx, after, contributions, clock))]
  await tx.addChanges(changes, clock.now())
  return changes
}

function readFinding(
  place: { readonly account: AccountId; readonly workspace: string },
  finding: DetectionFinding,
): Alert {
  const { finding_info: info, metadata } = finding
  const product = metadata.product.uid || metadata.product.name
  if (!product) {
    throw caseError(
      'cases.finding.unnamed',
      'metadata.product has neither `uid` nor `name`; one of them must say whose it is',
      {
        errors: [{ path: '/metadata/product', message: 'needs `uid` or `name`' }],
      },
    )
  }
  const severity = severityOf(finding.severity_id)
  const attacks = info.attacks ?? []
  const eventIds = (info.related_events ?? []).flatMap((event) => event.uid || [])
  return {
    ...place,
    id: '',
    dedupKey: foreignKey({ ...place, product, uid: info.uid }),
    collecting: false,
    ruleId: keepText(info.analytic?.uid || info.analytic?.name || product, VALUE_CHARS_MAX),
    title: keepText(info.title || `Alert of ${product}`, TITLE_CHARS_MAX),
    severity: severity ?? 'medium',
    state: 'new',
    count: Math.max(1, info.related_events_count ?? 0),
    seenAgain: 0,
    firstSeen: info.first_seen_time ?? finding.time,
    lastSeen: Math.max(info.last_seen_time ?? finding.time, info.first_seen_time ?? 0),
    revision: 0,
    entities: joinEntities({}, entitiesOf(finding)),
    techniques: joinLabels(
      [],
      attacks.flatMap((attack) => attack.sub_technique?.uid || attack.technique?.uid || []),
    ),
    tactics: joinLabels(
      [],
      attacks.flatMap((attack) => attack.tactic?.uid || attack.tactic?.name || []),
    ),
    // What cannot be told is said, and looked at as if it mattered.
    tags: joinLabels(severity === undefined ? ['unclassified'] : [], info.types ?? []),
    events: joinEvents(
      [],
      eventIds.map((recordId) => ({ time: finding.time, recordId: keepText(recordId, VALUE_CHARS_MAX) })),
    ),
  }
}

/** OCSF's 6, fatal, is more than our scale tells apart; 0 and 99 say nothing. */
function severityOf(id: number | undefined): Severity | undefined {
  if (id === 6) return 'critical'
  return id === undefined ? undefined : severities[id - 1]
}

function entitiesOf(finding: DetectionFinding): Record<string, string[]> {
  const entities: Record<string, string[]> = { users: [], hosts: [], ips: [] }
  const add = (kind: string | undefined, value: string | undefined) => {
    if (!kind || !value) return
    entities[kind] ??= []
    entities[kind].push(value)
  }
  for (const observable of finding.observables ?? []) add(OBSERVABLE_KINDS[observable.type_id], observable.value)
  for (const evidence of finding.evidences ?? []) {
    add('users', evidence.actor?.user?.name || evidence.actor?.user?.uid)
    for (const end of [evidence.src_endpoint, evidence.dst_endpoint]) {
      add('ips', end?.ip)
      add('hosts', end?.hostname)
    }
  }
  add('hosts', finding.device?.hostname)
  add('ips', finding.device?.ip)
  return entities
}
