import type { JsonValue } from '../../pipeline/index.ts'
import { parseTime } from '../../platform/base/index.ts'
import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../ocsf/event.ts'
import { endpoint, ipOf, put, textOf } from '../ocsf/objects.ts'
import { isObject } from './json.ts'
import type { Reading } from './reading.ts'

const CREATE = 1
const READ = 2
const UPDATE = 3
const DELETE = 4

/** What the first word of an operation's name means. */
const verbs: ReadonlyMap<string, number> = new Map([
  ['Allocate', CREATE],
  ['Copy', CREATE],
  ['Create', CREATE],
  ['Import', CREATE],
  ['Issue', CREATE],
  ['Register', CREATE],
  ['Request', CREATE],
  ['Run', CREATE],
  ['Upload', CREATE],
  ['Batch', READ],
  ['Check', READ],
  ['Describe', READ],
  ['Download', READ],
  ['Generate', READ],
  ['Get', READ],
  ['Head', READ],
  ['List', READ],
  ['Lookup', READ],
  ['Query', READ],
  ['Scan', READ],
  ['Search', READ],
  ['Simulate', READ],
  ['Select', READ],
  ['Add', UPDATE],
  ['Associate', UPDATE],
  ['Attach', UPDATE],
  ['Authorize', UPDATE],
  ['Change', UPDATE],
  ['Disable', UPDATE],
  ['Disassociate', UPDATE],
  ['Enable', UPDATE],
  ['Modify', UPDATE],
  ['Put', UPDATE],
  ['Reboot', UPDATE],
  ['Reset', UPDATE],
  ['Restore', UPDATE],
  ['Revoke', UPDATE],
  ['Rotate', UPDATE],
  ['Set', UPDATE],
  ['Start', UPDATE],
  ['Stop', UPDATE],
  ['Tag', UPDATE],
  ['Untag', UPDATE],
  ['Update', UPDATE],
  ['Deactivate', UPDATE],
  ['Delete', DELETE],
  ['Deregister', DELETE],
  ['Detach', UPDATE],
  ['Release', DELETE],
  ['Remove', DELETE],
  ['Terminate', DELETE],
])

function activityOf(operation: string, readOnly: JsonValue | undefined): number {
  const word = /^[A-Z][a-z]+/.exec(operation)?.[0]
  return (word === undefined ? undefined : verbs.get(word)) ?? (readOnly === true ? READ : 99)
}

/** Types of account ids in OCSF, by `userIdentity.type`. */
function accountType(type: string | undefined): number {
  return type === 'IAMUser' ? 3 : type === 'AssumedRole' || type === 'Role' ? 4 : 10
}

function userOf(identity: Draft): Draft | undefined {
  const context = isObject(identity.sessionContext) ? identity.sessionContext : {}
  const issuer = isObject(context.sessionIssuer) ? context.sessionIssuer : {}
  const type = textOf(identity.type)
  const name = textOf(identity.userName) ?? textOf(issuer.userName) ?? (type === 'Root' ? 'root' : undefined)
  const uid = textOf(identity.arn) ?? textOf(identity.principalId)
  const accountUid = textOf(identity.accountId)
  if (name === undefined && uid === undefined && accountUid === undefined) return undefined
  const user: Draft = {}
  put(user, 'name', name)
  put(user, 'uid', uid)
  put(user, 'uid_alt', uid === textOf(identity.principalId) ? undefined : textOf(identity.principalId))
  put(user, 'type', type)
  user.type_id = type === undefined ? 0 : type === 'Root' ? 2 : type === 'IAMUser' ? 1 : type === 'AWSService' ? 4 : 99
  put(user, 'credential_uid', textOf(identity.accessKeyId))
  if (accountUid !== undefined) user.account = { uid: accountUid, type_id: accountType(type) }
  return user
}

function sessionOf(identity: Draft): Draft | undefined {
  if (!isObject(identity.sessionContext)) return undefined
  const { attributes, sessionIssuer } = identity.sessionContext
  const session: Draft = {}
  if (isObject(attributes)) {
    put(session, 'created_time', parseTime(attributes.creationDate))
    const mfa = textOf(attributes.mfaAuthenticated)
    if (mfa !== undefined) session.is_mfa = mfa === 'true'
  }
  if (isObject(sessionIssuer)) put(session, 'issuer', textOf(sessionIssuer.arn))
  return Object.keys(session).length > 0 ? session : undefined
}

function actorOf(record: Draft): Draft {
  const identity = isObject(record.userIdentity) ? record.userIdentity : {}
  const actor: Draft = {}
  put(actor, 'user', userOf(identity))
  put(actor, 'session', sessionOf(identity))
  put(actor, 'invoked_by', textOf(identity.invokedBy))
  if (Object.keys(actor).length === 0) actor.app_name = 'unknown'
  return actor
}

function resourcesOf(record: Draft): JsonValue[] | undefined {
  if (!Array.isArray(record.resources)) return undefined
  const list: JsonValue[] = []
  for (const resource of record.resources.slice(0, 64)) {
    if (!isObject(resource)) continue
    const uid = textOf(resource.ARN)
    if (uid === undefined) continue
    const draft: Draft = { uid }
    put(draft, 'type', textOf(resource.type))
    list.push(draft)
  }
  return list.length > 0 ? list : undefined
}

/** The caller: an address, or the AWS service that calls on somebody's behalf. */
function sourceOf(record: Draft): Draft | undefined {
  const source = textOf(record.sourceIPAddress)
  if (source === undefined) return undefined
  return ipOf(source) === undefined ? { svc_name: source } : endpoint({ address: source })
}

function apiOf(record: Draft, operation: string): Draft {
  const api: Draft = { operation, service: { name: textOf(record.eventSource) ?? 'unknown' } }
  put(api, 'version', textOf(record.apiVersion))
  const request = textOf(record.requestID)
  if (request !== undefined) api.request = { uid: request }
  const error = textOf(record.errorCode)
  if (error !== undefined) {
    const response: Draft = { error }
    put(response, 'error_message', textOf(record.errorMessage))
    api.response = response
  }
  return api
}

/** Console sign-ins tell their outcome in `responseElements`, other calls by an error code. */
function withOutcome(draft: Draft, record: Draft): void {
  const response = isObject(record.responseElements) ? record.responseElements : {}
  const console = textOf(response.ConsoleLogin)
  const error = textOf(record.errorCode)
  const failed = console === undefined ? error !== undefined : console !== 'Success'
  setStatus(draft, failed ? FAILURE : SUCCESS, textOf(record.errorMessage))
  put(draft, 'status_code', error)
}

/** The user that signs in or is taken on: of the caller, or the role assumed. */
function authentication(record: Draft, operation: string, actor: Draft): Draft {
  const draft = startEvent(3002, 1)
  const request = isObject(record.requestParameters) ? record.requestParameters : {}
  const role = operation === 'ConsoleLogin' ? undefined : textOf(request.roleArn)
  if (role !== undefined) {
    draft.user = { name: role.slice(role.lastIndexOf('/') + 1) || role, uid: role }
  } else put(draft, 'user', isObject(actor.user) ? actor.user : undefined)
  draft.actor = actor
  draft.service = { name: textOf(record.eventSource) ?? 'unknown' }
  draft.is_remote = true
  const extra = isObject(record.additionalEventData) ? record.additionalEventData : {}
  const mfa = textOf(extra.MFAUsed)
  if (mfa !== undefined) draft.is_mfa = mfa === 'Yes'
  return draft
}

const SIGN_INS = new Set([
  'ConsoleLogin',
  'AssumeRole',
  'AssumeRoleWithSAML',
  'AssumeRoleWithWebIdentity',
  'GetSessionToken',
  'GetFederationToken',
])

/** An AWS CloudTrail record; undefined when the object is none. Calls are API Activity, sign-ins and assumed roles
 * Authentication. Its members stay as they are.
 * @see AWS CloudTrail user guide, record contents */
export function tryReadCloudtrail(record: Draft): Reading | undefined {
  const { eventSource, eventName } = record
  if (typeof eventSource !== 'string' || typeof eventName !== 'string') return undefined
  if (!eventSource.endsWith('.amazonaws.com')) return undefined
  const actor = actorOf(record)
  let ocsf: Draft
  if (SIGN_INS.has(eventName)) ocsf = authentication(record, eventName, actor)
  else {
    ocsf = startEvent(6003, activityOf(eventName, record.readOnly), eventName)
    ocsf.actor = actor
    put(ocsf, 'resources', resourcesOf(record))
  }
  ocsf.api = apiOf(record, eventName)
  put(ocsf, 'src_endpoint', sourceOf(record))
  const cloud: Draft = { provider: 'AWS' }
  put(cloud, 'region', textOf(record.awsRegion))
  const accountUid = textOf(record.recipientAccountId)
  if (accountUid !== undefined) cloud.account = { uid: accountUid, type_id: 10 }
  ocsf.cloud = cloud
  const agent = textOf(record.userAgent)
  if (agent !== undefined) ocsf.http_request = { user_agent: agent }
  withOutcome(ocsf, record)
  const metadata: Draft = {
    product: { name: 'CloudTrail', vendor_name: 'AWS', version: textOf(record.eventVersion) ?? 'unknown' },
    event_code: eventName,
    log_name: 'AWS CloudTrail',
  }
  put(metadata, 'uid', textOf(record.eventID))
  put(metadata, 'correlation_uid', textOf(record.requestID))
  put(metadata, 'original_time', textOf(record.eventTime))
  ocsf.metadata = metadata
  return {
    original: record,
    logsource: { product: 'aws', service: 'cloudtrail' },
    time: parseTime(record.eventTime),
    ocsf,
  }
}
