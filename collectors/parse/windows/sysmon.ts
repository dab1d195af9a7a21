import type { JsonValue } from '../../../pipeline/index.ts'
import { parseTime } from '../../../platform/base/index.ts'
import type { ClassUid } from '../../ocsf/classes.ts'
import { type Draft, FAILURE, setStatus, startEvent } from '../../ocsf/event.ts'
import { endpoint, file, fingerprints, integerOf, ipOf, process, put, textOf, user } from '../../ocsf/objects.ts'
import type { WindowsEvent } from './flatten.ts'

/** The process a Sysmon event is about, from members without or with a prefix (`Source`, `Target`, `Parent`). */
function processOf(fields: Draft, prefix: '' | 'Source' | 'Target' | 'Parent', required = false): Draft | undefined {
  return process(
    {
      pid: fields[`${prefix}ProcessId`],
      uid: fields[`${prefix}ProcessGuid`] ?? fields[`${prefix}ProcessGUID`],
      image: fields[`${prefix}Image`],
      commandLine: fields[`${prefix}CommandLine`],
      user: user({ name: fields[`${prefix}User`] }),
    },
    required,
  )
}

function withActor(draft: Draft, acting: Draft | undefined, acts?: JsonValue): void {
  const actor: Draft = {}
  put(actor, 'process', acting)
  put(actor, 'user', acting?.user ?? user({ name: acts }))
  if (Object.keys(actor).length > 0) draft.actor = actor
}

function hashedFile(fields: Draft, path: JsonValue | undefined, typeId: number): Draft | undefined {
  const draft = file(path, typeId)
  if (draft !== undefined) put(draft, 'hashes', fingerprints(fields.Hashes ?? fields.Hash))
  return draft
}

function launch(fields: Draft): Draft {
  const draft = startEvent(1007, 1)
  const parent = processOf(fields, 'Parent')
  withActor(draft, parent, fields.User)
  const launched = processOf(fields, '', true)
  if (launched !== undefined) {
    const image = launched.file as Draft | undefined
    if (image !== undefined) {
      put(image, 'hashes', fingerprints(fields.Hashes))
      put(image, 'company_name', textOf(fields.Company))
      put(image, 'version', textOf(fields.FileVersion))
      put(image, 'desc', textOf(fields.Description))
      put(image, 'internal_name', textOf(fields.OriginalFileName))
    }
    put(launched, 'working_directory', textOf(fields.CurrentDirectory))
    put(launched, 'integrity', textOf(fields.IntegrityLevel))
    put(launched, 'parent_process', parent)
    const logon = textOf(fields.LogonId)
    if (logon !== undefined) launched.session = { uid: logon }
    draft.process = launched
  }
  return draft
}

/** One process acts on another: opens it, starts a thread in it. */
function between(fields: Draft, activity: number): Draft {
  const draft = startEvent(1007, activity)
  withActor(draft, processOf(fields, 'Source'), fields.SourceUser)
  put(draft, 'process', processOf(fields, 'Target', true))
  if (activity === 4) {
    draft.injection_type_id = 1
    draft.injection_type = 'Remote Thread'
  }
  put(draft, 'actual_permissions', integerOf(fields.GrantedAccess))
  return draft
}

function network(fields: Draft): Draft {
  const draft = startEvent(4001, 1)
  withActor(draft, processOf(fields, ''), fields.User)
  const source = { address: fields.SourceIp, hostname: fields.SourceHostname, port: fields.SourcePort }
  const target = { address: fields.DestinationIp, hostname: fields.DestinationHostname, port: fields.DestinationPort }
  put(draft, 'src_endpoint', endpoint(source))
  put(draft, 'dst_endpoint', endpoint(target))
  const initiated = textOf(fields.Initiated)?.toLowerCase()
  const info: Draft = { direction_id: initiated === 'true' ? 2 : initiated === 'false' ? 1 : 0 }
  put(info, 'protocol_name', textOf(fields.Protocol)?.toLowerCase())
  draft.connection_info = info
  return draft
}

function onFile(fields: Draft, activity: number, typeId: number, path: JsonValue | undefined): Draft {
  const draft = startEvent(1001, activity)
  withActor(draft, processOf(fields, ''), fields.User)
  const target = hashedFile(fields, path, typeId)
  if (target !== undefined) {
    put(target, 'created_time', parseTime(fields.CreationUtcTime))
    draft.file = target
  }
  return draft
}

function module(fields: Draft): Draft {
  const draft = startEvent(1005, 1)
  withActor(draft, processOf(fields, ''), fields.User)
  const loaded = hashedFile(fields, fields.ImageLoaded, 1)
  if (loaded !== undefined) {
    put(loaded, 'company_name', textOf(fields.Company))
    put(loaded, 'version', textOf(fields.FileVersion))
    draft.module = { file: loaded, load_type_id: 0 }
  }
  return draft
}

function driver(fields: Draft): Draft {
  const draft = startEvent(1002, 1)
  const loaded = hashedFile(fields, fields.ImageLoaded, 1)
  if (loaded !== undefined) draft.driver = { file: loaded }
  // Drivers are loaded by the kernel's own process, always number 4.
  draft.actor = { process: { pid: 4, name: 'System' } }
  return draft
}

const registryActivities: ReadonlyMap<string, readonly [ClassUid, number]> = new Map([
  ['CreateKey', [201001, 1]],
  ['DeleteKey', [201001, 4]],
  ['RenameKey', [201001, 5]],
  ['CreateValue', [201002, 2]],
  ['DeleteValue', [201002, 4]],
  ['SetValue', [201002, 2]],
  ['RenameValue', [201002, 3]],
])

function registry(fields: Draft, fallback: readonly [ClassUid, number]): Draft {
  const path = textOf(fields.TargetObject)
  const [classUid, activity] = registryActivities.get(textOf(fields.EventType) ?? '') ?? fallback
  const draft = startEvent(classUid, activity)
  withActor(draft, processOf(fields, ''), fields.User)
  if (path === undefined) return draft
  if (classUid === 201001) {
    draft.reg_key = { path: textOf(fields.NewName) ?? path }
    if (fields.NewName !== undefined) draft.prev_reg_key = { path }
    return draft
  }
  const cut = path.lastIndexOf('\\')
  const value: Draft = { name: path.slice(cut + 1) || '(Default)', path: cut > 0 ? path.slice(0, cut) : path }
  put(value, 'data', textOf(fields.Details))
  draft.reg_value = value
  return draft
}

/** Windows DNS status codes that are DNS response codes.   @see winerror.h, DNS_ERROR_RCODE_* */
const responseCodes: ReadonlyMap<number, readonly [number, string]> = new Map([
  [0, [0, 'NoError']],
  [9001, [1, 'FormError']],
  [9002, [2, 'ServError']],
  [9003, [3, 'NXDomain']],
  [9004, [4, 'NotImp']],
  [9005, [5, 'Refused']],
])

function dns(fields: Draft): Draft {
  const answers: JsonValue[] = []
  for (const answer of (textOf(fields.QueryResults) ?? '').split(';', 64)) {
    // `type:  5 alias.example` for names, `::ffff:10.0.0.1` for addresses.
    const typed = /^type: {1,2}(\d{1,5}) (\S+)/.exec(answer.trim())
    const rdata = typed?.[2] ?? ipOf(answer.trim())
    if (rdata === undefined) continue
    answers.push(typed?.[1] === undefined ? { rdata } : { rdata, type: typed[1] })
  }
  const draft = startEvent(4003, answers.length > 0 ? 2 : 1)
  withActor(draft, processOf(fields, ''), fields.User)
  put(draft, 'src_endpoint', endpoint({ hostname: fields.Computer ?? fields.Hostname }))
  const name = textOf(fields.QueryName)
  if (name !== undefined) draft.query = { hostname: name }
  if (answers.length > 0) draft.answers = answers
  const status = integerOf(fields.QueryStatus)
  if (status !== undefined) {
    const [rcodeId, rcode] = responseCodes.get(status) ?? [99, `Windows ${status}`]
    draft.rcode_id = rcodeId
    draft.rcode = rcode
  }
  return draft
}

/** Blocked operations are attempts: the activity with status failure. */
function refused(draft: Draft): Draft {
  setStatus(draft, FAILURE, 'blocked by Sysmon')
  return draft
}

/** The OCSF event of a Sysmon event; undefined for kinds that have no class.
 * @see https://learn.microsoft.com/sysinternals/downloads/sysmon, Events */
export function normaliseSysmon({ fields, eventId }: WindowsEvent): Draft | undefined {
  switch (eventId) {
    case 1:
      return launch(fields)
    case 2:
      return onFile(fields, 6, 1, fields.TargetFilename)
    case 3:
      return network(fields)
    case 5: {
      const draft = startEvent(1007, 2)
      withActor(draft, undefined, fields.User)
      put(draft, 'process', processOf(fields, '', true))
      return draft
    }
    case 6:
      return driver(fields)
    case 7:
      return module(fields)
    case 8:
      return between(fields, 4)
    case 9:
      return onFile(fields, 2, 4, fields.Device)
    case 10:
      return between(fields, 3)
    case 11:
    case 15:
    case 29:
      return onFile(fields, 1, 1, fields.TargetFilename)
    case 12:
      return registry(fields, [201001, 1])
    case 13:
      return registry(fields, [201002, 2])
    case 14:
      return registry(fields, [201001, 5])
    case 17:
      return onFile(fields, 1, 6, fields.PipeName)
    case 18:
      return onFile(fields, 14, 6, fields.PipeName)
    case 22:
      return dns(fields)
    case 23:
    case 26:
      return onFile(fields, 4, 1, fields.TargetFilename)
    case 25: {
      const draft = startEvent(1007, 99, 'Tampering')
      withActor(draft, undefined, fields.User)
      put(draft, 'process', processOf(fields, '', true))
      return draft
    }
    case 27:
      return refused(onFile(fields, 1, 1, fields.TargetFilename))
    case 28:
      return refused(onFile(fields, 4, 1, fields.TargetFilename))
    default:
      return undefined
  }
}
