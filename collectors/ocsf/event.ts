import type { JsonValue } from '../../pipeline/index.ts'
import { type ClassUid, classes } from './classes.ts'
import { observe } from './observables.ts'

/** A JSON object while it is being built. */
export type Draft = { [member: string]: JsonValue }

/** The schema this folder writes.   @see https://schema.ocsf.io/1.8.0 */
const OCSF_VERSION = '1.8.0'

/** Status ids that every class shares. */
export const SUCCESS = 1
export const FAILURE = 2

/** Severity ids that every class shares. */
export const severityIds = { unknown: 0, informational: 1, low: 2, medium: 3, high: 4, critical: 5, fatal: 6 } as const

const severityNames = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical', 'Fatal']

/** Starts an event of a class: its uid, activity and the names that go with them. An activity the class does not know
 * is 99, and `otherName` says what the source calls it. */
export function startEvent(classUid: ClassUid, activityId: number, otherName?: string): Draft {
  const entry = classes[classUid]
  const known = entry.activities[activityId]
  const draft: Draft = {
    activity_id: known === undefined ? 99 : activityId,
    activity_name: known ?? otherName ?? 'Other',
    category_uid: Math.floor(classUid / 1000) % 100,
    class_name: entry.name,
    class_uid: classUid,
    type_uid: classUid * 100 + (known === undefined ? 99 : activityId),
  }
  if (activityId === 99 && otherName !== undefined) draft.activity_name = otherName
  return draft
}

/** Sets success or failure with its text sibling. */
export function setStatus(draft: Draft, statusId: typeof SUCCESS | typeof FAILURE, detail?: string): void {
  draft.status_id = statusId
  draft.status = statusId === SUCCESS ? 'Success' : 'Failure'
  if (detail) draft.status_detail = detail
}

/** What the frame needs beside the class's own members. */
export interface Frame {
  readonly time: number
  readonly receivedAt: number
  /** Marks for people and searches: `parse_error:…`, `time:future`, `missing:user`. */
  readonly labels: string[]
}

/** Completes a started event in place: time, severity, metadata, observables. A member the class demands and the
 * source does not have is filled with what OCSF gives for unknown, and labelled `missing:<member>`; nothing is dropped.
 * The draft's `metadata` may already hold `product` and more. */
export function finishEvent(draft: Draft, frame: Frame): void {
  const classUid = draft.class_uid as ClassUid
  for (const requirement of classes[classUid].requires) {
    if (requirement.anyOf.some((member) => draft[member] !== undefined)) continue
    draft[requirement.anyOf[0]] = requirement.unknown
    frame.labels.push(`missing:${requirement.anyOf.join('|')}`)
  }
  draft.time = frame.time
  const severityId = typeof draft.severity_id === 'number' ? draft.severity_id : severityIds.informational
  draft.severity_id = severityId
  draft.severity = severityNames[severityId] ?? 'Other'

  const metadata: Draft = { version: OCSF_VERSION, product: { name: 'unknown' }, logged_time: frame.receivedAt }
  Object.assign(metadata, draft.metadata)
  const profiles: string[] = []
  if (draft.device !== undefined || draft.actor !== undefined) profiles.push('host')
  if (draft.cloud !== undefined || (draft.api !== undefined && classUid !== 6003)) profiles.push('cloud')
  if (profiles.length > 0) metadata.profiles = profiles
  if (frame.labels.length > 0) metadata.labels = frame.labels
  draft.metadata = metadata

  const observables = observe(classUid, draft)
  if (observables.length > 0) {
    draft.observables = Array.isArray(draft.observables) ? [...draft.observables, ...observables] : observables
  }
}
