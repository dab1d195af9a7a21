import {
  DEDUP_WINDOW_MS,
  DEDUP_WINDOW_MS_MAX,
  ENTITY_KINDS_MAX,
  ENTITY_VALUES_MAX,
  EVENTS_KEPT_EACH_END,
  GUIDANCE_CHARS_MAX,
  LABELS_MAX,
  TITLE_CHARS_MAX,
  VALUE_CHARS_MAX,
} from './limits.ts'
import { keepText } from './text.ts'
import {
  type Alert,
  type Entities,
  type EventRef,
  type Explanation,
  type Guidance,
  type IncomingFinding,
  type Severity,
  severities,
} from './types.ts'

/** An alert that rests on one finding. */
export function openAlert(finding: IncomingFinding, given: { readonly id: string; readonly dedupKey: string }): Alert {
  const guidance = guidanceOf(finding.rule)
  return {
    account: finding.account,
    workspace: finding.workspace,
    id: given.id,
    dedupKey: given.dedupKey,
    collecting: true,
    ruleId: keepText(finding.rule.id, VALUE_CHARS_MAX),
    title: keepText(finding.rule.title, TITLE_CHARS_MAX),
    severity: finding.rule.severity,
    state: 'new',
    count: 1,
    seenAgain: 0,
    firstSeen: finding.time,
    lastSeen: finding.time,
    revision: 0,
    entities: joinEntities({}, finding.entities),
    techniques: joinLabels([], finding.rule.techniques),
    tactics: joinLabels([], finding.rule.tactics ?? []),
    tags: joinLabels([], finding.rule.tags ?? []),
    events: joinEvents([], refsOf(finding)),
    ...(guidance === undefined ? {} : { guidance }),
    ...explained(undefined, finding.explanation),
    ...(finding.riskOf ? { riskOf: finding.riskOf } : {}),
  }
}

/** The alert with one more finding in it. Below the bounds of limits.ts the order in which findings join does not
 * matter: sums, extremes and unions only. */
export function joinFinding(alert: Alert, finding: IncomingFinding): Alert {
  return {
    ...alert,
    severity: maxSeverity(alert.severity, finding.rule.severity),
    count: alert.count + 1,
    firstSeen: Math.min(alert.firstSeen, finding.time),
    lastSeen: Math.max(alert.lastSeen, finding.time),
    entities: joinEntities(alert.entities, finding.entities),
    techniques: joinLabels(alert.techniques, finding.rule.techniques),
    tactics: joinLabels(alert.tactics, finding.rule.tactics ?? []),
    tags: joinLabels(alert.tags, finding.rule.tags ?? []),
    events: joinEvents(alert.events, refsOf(finding)),
    ...explained(alert.explanation, finding.explanation),
    // The alert of an entity's risk says what that is now.
    ...(finding.riskOf ? { riskOf: finding.riskOf, title: keepText(finding.rule.title, TITLE_CHARS_MAX) } : {}),
  }
}

/** True while the alert's last occurrence is near enough for the finding to be more of the same. One that happened
 * earlier and was seen late always is. */
export function takesFinding(alert: Alert, finding: IncomingFinding): boolean {
  const windowMs = Math.min(finding.rule.dedup?.windowMs ?? DEDUP_WINDOW_MS, DEDUP_WINDOW_MS_MAX)
  return finding.time - alert.lastSeen <= windowMs
}

export function maxSeverity(a: Severity, b: Severity): Severity {
  return severities.indexOf(a) >= severities.indexOf(b) ? a : b
}

/** Both, each value once, sorted; at a bound the values that came first stay. */
export function joinEntities(known: Entities, more: Entities): Entities {
  const joined: Record<string, readonly string[]> = Object.create(null)
  for (const [kind, values] of Object.entries(known)) joined[kind] = values
  for (const [name, values] of Object.entries(more)) {
    if (values.length === 0) continue
    const kind = keepText(name, VALUE_CHARS_MAX)
    if (!(kind in joined) && Object.keys(joined).length >= ENTITY_KINDS_MAX) continue
    joined[kind] = joinValues(joined[kind] ?? [], values, ENTITY_VALUES_MAX)
  }
  return { ...joined }
}

export function joinLabels(known: readonly string[], more: readonly string[]): readonly string[] {
  return joinValues(known, more, LABELS_MAX)
}

function joinValues(known: readonly string[], more: readonly string[], max: number): readonly string[] {
  const values = new Set(known)
  for (const value of more) {
    if (values.size >= max) break
    if (value !== '') values.add(keepText(value, VALUE_CHARS_MAX))
  }
  return [...values].sort()
}

/** Both, in order of time, of which the first and the last stay. */
export function joinEvents(known: readonly EventRef[], more: readonly EventRef[]): readonly EventRef[] {
  const all = [...known, ...more].sort(compareRefs)
  const distinct = all.filter((ref, index) => index === 0 || compareRefs(ref, all[index - 1] ?? ref) !== 0)
  if (distinct.length <= 2 * EVENTS_KEPT_EACH_END) return distinct
  return [...distinct.slice(0, EVENTS_KEPT_EACH_END), ...distinct.slice(-EVENTS_KEPT_EACH_END)]
}

function guidanceOf({ description, falsePositives, response }: IncomingFinding['rule']): Guidance | undefined {
  const guidance: Guidance = {
    ...(description === undefined ? {} : { description: keepText(description, GUIDANCE_CHARS_MAX) }),
    ...(falsePositives === undefined
      ? {}
      : { falsePositives: falsePositives.slice(0, LABELS_MAX).map((cause) => keepText(cause, GUIDANCE_CHARS_MAX)) }),
    ...(response === undefined ? {} : { response: keepText(response, GUIDANCE_CHARS_MAX) }),
  }
  return Object.keys(guidance).length === 0 ? undefined : guidance
}

/** The one of the higher score, whichever came first; what is as high is told apart by its words. */
function explained(known: Explanation | undefined, more: Explanation | undefined): { explanation?: Explanation } {
  if (more === undefined) return {}
  const kept = {
    ...more,
    entity: keepText(more.entity, VALUE_CHARS_MAX),
    expected: keepText(more.expected, VALUE_CHARS_MAX),
    seen: keepText(more.seen, VALUE_CHARS_MAX),
  }
  const isHigher = !known || kept.score > known.score || (kept.score === known.score && kept.seen > known.seen)
  return { explanation: isHigher ? kept : known }
}

function refsOf(finding: IncomingFinding): readonly EventRef[] {
  return finding.recordIds.map((recordId) => ({ time: finding.time, recordId: keepText(recordId, VALUE_CHARS_MAX) }))
}

function compareRefs(a: EventRef, b: EventRef): number {
  return a.time - b.time || (a.recordId < b.recordId ? -1 : a.recordId > b.recordId ? 1 : 0)
}
