import type { AuditEvent } from '../platform/index.ts'
import { RESOURCES_MAX, TEXT_CHARS_MAX } from './limits.ts'

const CLASS_UID = 6003

/** OCSF's activities by the last word of an action; any other word is 99, named. */
const ACTIVITIES: Readonly<Record<string, { readonly id: number; readonly name: string }>> = {
  create: { id: 1, name: 'Create' },
  put: { id: 1, name: 'Create' },
  import: { id: 1, name: 'Create' },
  get: { id: 2, name: 'Read' },
  list: { id: 2, name: 'Read' },
  read: { id: 2, name: 'Read' },
  search: { id: 2, name: 'Read' },
  update: { id: 3, name: 'Update' },
  delete: { id: 4, name: 'Delete' },
}

/** What an unknown caller tried beside `action`, and how often. */
export type OtherActions = Readonly<Record<string, number>>

/** An audit event as OCSF API Activity. Only the members of `AuditEvent` go in: no header, body or parameter of the call
 * is there to be written.
 * @see OCSF 1.8.0, API Activity (6003) */
export function toApiActivity(event: AuditEvent, otherActions?: OtherActions): object {
  const [service = '', , operation = ''] = event.action.split(':')
  const activity = ACTIVITIES[operation.toLowerCase()] ?? { id: 99, name: operation || 'Other' }
  const succeeded = event.outcome === 'success'
  return {
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: CLASS_UID,
    class_name: 'API Activity',
    activity_id: activity.id,
    activity_name: cut(activity.name),
    type_uid: CLASS_UID * 100 + activity.id,
    time: event.at,
    count: event.count,
    severity_id: event.outcome === 'refused' ? 2 : 1,
    severity: event.outcome === 'refused' ? 'Low' : 'Informational',
    status: succeeded ? 'Success' : 'Failure',
    status_id: succeeded ? 1 : 2,
    status_code: String(event.status),
    status_detail: cut(event.errorCode ?? event.outcome),
    metadata: {
      version: '1.8.0',
      product: { name: 'Rampart', vendor_name: 'Rampart' },
      log_name: 'audit',
      correlation_uid: cut(event.requestId),
    },
    actor: {
      user: {
        uid: cut(event.principal),
        name: cut(event.principal.slice(event.principal.lastIndexOf('/') + 1)),
        ...(event.account === 'unknown' ? {} : { account: { uid: event.account } }),
        ...(event.accessKeyId === undefined ? {} : { credential_uid: cut(event.accessKeyId) }),
      },
    },
    api: {
      operation: cut(event.action),
      service: { name: cut(service) },
      request: { uid: cut(event.requestId) },
      response: { code: event.status, ...(event.errorCode === undefined ? {} : { error: cut(event.errorCode) }) },
    },
    src_endpoint: event.sourceIp === undefined ? { name: 'rampart' } : { ip: cut(event.sourceIp) },
    resources: event.resources.slice(0, RESOURCES_MAX).map((uid) => ({ uid: cut(uid) })),
    ...(event.userAgent === undefined ? {} : { http_request: { user_agent: cut(event.userAgent) } }),
    unmapped: {
      outcome: event.outcome,
      ...(event.decisionId === undefined ? {} : { decision_id: cut(event.decisionId) }),
      ...(otherActions === undefined ? {} : { other_operations: otherActions }),
    },
  }
}

function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX ? text : text.slice(0, TEXT_CHARS_MAX)
}
