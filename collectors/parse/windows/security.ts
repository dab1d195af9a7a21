import type { JsonValue } from '../../../pipeline/index.ts'
import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { endpoint, file, integerOf, process, put, textOf, user } from '../../ocsf/objects.ts'
import type { WindowsEvent } from './flatten.ts'

/** An account of the event: `Subject` acts, `Target` is acted on. */
function account(fields: Draft, prefix: 'Subject' | 'Target' | 'New'): Draft | undefined {
  return user({
    name: fields[`${prefix}UserName`],
    uid: fields[`${prefix}UserSid`] ?? fields[`${prefix}Sid`],
    domain: fields[`${prefix}DomainName`],
  })
}

function withActor(draft: Draft, fields: Draft, acting?: Draft): void {
  const actor: Draft = {}
  put(actor, 'process', acting)
  put(actor, 'user', account(fields, 'Subject'))
  const logon = textOf(fields.SubjectLogonId)
  if (logon !== undefined) actor.session = { uid: logon }
  if (Object.keys(actor).length > 0) draft.actor = actor
}

function loggingProcess(fields: Draft): Draft | undefined {
  return process({ pid: fields.ProcessId, image: fields.ProcessName })
}

/** The machine that logged, as the end an authentication arrived at. */
function here(fields: Draft): Draft | undefined {
  return endpoint({ hostname: fields.Computer ?? fields.Hostname })
}

const logonTypes: ReadonlyMap<number, string> = new Map([
  [0, 'System'],
  [2, 'Interactive'],
  [3, 'Network'],
  [4, 'Batch'],
  [5, 'OS Service'],
  [7, 'Unlock'],
  [8, 'Network Cleartext'],
  [9, 'New Credentials'],
  [10, 'Remote Interactive'],
  [11, 'Cached Interactive'],
  [12, 'Cached Remote Interactive'],
  [13, 'Cached Unlock'],
])

const REMOTE_LOGON_TYPES = new Set([3, 8, 10, 12])

/** Reasons of failed logons.   @see ntstatus.h */
const logonFailures: ReadonlyMap<string, string> = new Map([
  ['0xc0000064', 'no such user'],
  ['0xc000006a', 'wrong password'],
  ['0xc000006d', 'bad user name or authentication information'],
  ['0xc000006e', 'account restriction'],
  ['0xc000006f', 'outside authorised hours'],
  ['0xc0000070', 'unauthorised workstation'],
  ['0xc0000071', 'expired password'],
  ['0xc0000072', 'account disabled'],
  ['0xc0000133', 'clocks too far apart'],
  ['0xc000015b', 'logon type not granted'],
  ['0xc0000193', 'account expired'],
  ['0xc0000224', 'password must change'],
  ['0xc0000234', 'account locked out'],
])

function withProtocol(draft: Draft, value: JsonValue | undefined): void {
  const name = textOf(value)
  if (name === undefined) return
  const lower = name.toLowerCase()
  draft.auth_protocol = name
  draft.auth_protocol_id = lower.startsWith('ntlm') || lower.includes('msv1_0') ? 1 : lower === 'kerberos' ? 2 : 99
}

function authentication(fields: Draft, activity: number): Draft {
  const draft = startEvent(3002, activity)
  put(draft, 'user', account(fields, 'Target'))
  withActor(draft, fields)
  const address = textOf(fields.IpAddress)
  put(
    draft,
    'src_endpoint',
    endpoint({
      address: address === 'LOCAL' ? undefined : address,
      hostname: fields.WorkstationName ?? fields.Workstation,
      port: fields.IpPort,
    }),
  )
  put(draft, 'dst_endpoint', here(fields))
  const typeId = integerOf(fields.LogonType)
  if (typeId !== undefined) {
    const name = logonTypes.get(typeId)
    draft.logon_type_id = name === undefined ? 99 : typeId === 0 ? 1 : typeId
    draft.logon_type = name ?? String(typeId)
    draft.is_remote = REMOTE_LOGON_TYPES.has(typeId)
  }
  withProtocol(draft, fields.AuthenticationPackageName)
  put(draft, 'logon_process', loggingProcess(fields))
  const logon = textOf(fields.TargetLogonId)
  if (logon !== undefined) draft.session = { uid: logon }
  return draft
}

function failed(draft: Draft, fields: Draft): Draft {
  const status = textOf(fields.SubStatus) ?? textOf(fields.Status)
  const code = status === '0x0' ? textOf(fields.Status) : status
  setStatus(draft, FAILURE, code === undefined ? undefined : (logonFailures.get(code.toLowerCase()) ?? code))
  put(draft, 'status_code', code)
  return draft
}

function succeeded(draft: Draft): Draft {
  setStatus(draft, SUCCESS)
  return draft
}

/** Kerberos and NTLM events carry their outcome in `Status`: zero is success. */
function byStatus(draft: Draft, fields: Draft): Draft {
  return integerOf(fields.Status) === 0 || fields.Status === undefined ? succeeded(draft) : failed(draft, fields)
}

function ticket(fields: Draft, activity: number): Draft {
  const draft = authentication(fields, activity)
  const service = textOf(fields.ServiceName)
  if (service !== undefined) draft.service = { name: service }
  draft.auth_protocol_id = 2
  draft.auth_protocol = 'Kerberos'
  return byStatus(draft, fields)
}

function launch(fields: Draft): Draft {
  const draft = startEvent(1007, 1)
  const creator = process({ pid: fields.ProcessId, image: fields.ParentProcessName })
  withActor(draft, fields, creator)
  const launched = process(
    {
      pid: fields.NewProcessId,
      image: fields.NewProcessName,
      commandLine: fields.CommandLine,
      user: account(fields, 'Target') ?? account(fields, 'Subject'),
    },
    true,
  )
  if (launched !== undefined) {
    put(launched, 'parent_process', creator)
    draft.process = launched
  }
  return succeeded(draft)
}

function exit(fields: Draft): Draft {
  const draft = startEvent(1007, 2)
  withActor(draft, fields)
  put(draft, 'process', process({ pid: fields.ProcessId, image: fields.ProcessName }, true))
  put(draft, 'exit_code', integerOf(fields.Status))
  return draft
}

function accountChange(fields: Draft, activity: number, name?: string): Draft {
  const draft = startEvent(3001, activity, name)
  put(draft, 'user', account(fields, 'Target') ?? account(fields, 'New') ?? user({ name: fields.NewTargetUserName }))
  withActor(draft, fields)
  return succeeded(draft)
}

function groupChange(fields: Draft, activity: number, name?: string): Draft {
  const draft = startEvent(3006, activity, name)
  const group: Draft = {}
  put(group, 'name', textOf(fields.TargetUserName))
  put(group, 'uid', textOf(fields.TargetSid))
  put(group, 'domain', textOf(fields.TargetDomainName))
  if (group.name !== undefined || group.uid !== undefined) draft.group = group
  // MemberName is a distinguished name, or `-` for local accounts.
  put(draft, 'user', user({ name: fields.MemberName, uid: fields.MemberSid }))
  withActor(draft, fields)
  return succeeded(draft)
}

function job(fields: Draft, activity: number): Draft {
  const draft = startEvent(1006, activity)
  withActor(draft, fields)
  const name = textOf(fields.TaskName)
  if (name !== undefined) {
    const task: Draft = { name }
    const content = textOf(fields.TaskContent) ?? textOf(fields.TaskContentNew)
    if (content !== undefined) put(task, 'cmd_line', commandOfTask(content))
    draft.job = task
  }
  return succeeded(draft)
}

/** Command and arguments of the first action in a task's XML. */
function commandOfTask(xml: string): string | undefined {
  const command = between(xml, '<Command>', '</Command>')
  if (command === undefined) return undefined
  const args = between(xml, '<Arguments>', '</Arguments>')
  return args === undefined ? command : `${command} ${args}`
}

function between(text: string, open: string, close: string): string | undefined {
  const from = text.indexOf(open)
  if (from < 0) return undefined
  const to = text.indexOf(close, from)
  if (to < 0) return undefined
  return text
    .slice(from + open.length, to)
    .replace(/&(amp|lt|gt|quot|apos);/g, (_, name: 'amp' | 'lt' | 'gt' | 'quot' | 'apos') => entities[name])
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const

function service(fields: Draft): Draft {
  const draft = startEvent(201004, 1)
  withActor(draft, fields)
  const name = textOf(fields.ServiceName)
  if (name !== undefined) {
    const made: Draft = { name, service_type_id: 0 }
    const command = textOf(fields.ServiceFileName)
    put(made, 'cmd_line', command)
    put(made, 'service_start_name', textOf(fields.ServiceAccount))
    draft.win_service = made
  }
  return succeeded(draft)
}

const protocols: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
])

function filtered(fields: Draft, activity: number): Draft {
  const draft = startEvent(4001, activity)
  const acting = process({ pid: fields.ProcessID ?? fields.ProcessId, image: fields.Application })
  if (acting !== undefined) draft.actor = { process: acting }
  put(draft, 'src_endpoint', endpoint({ address: fields.SourceAddress, port: fields.SourcePort }))
  put(draft, 'dst_endpoint', endpoint({ address: fields.DestAddress, port: fields.DestPort }))
  const direction = textOf(fields.Direction)
  const info: Draft = { direction_id: direction === '%%14592' ? 1 : direction === '%%14593' ? 2 : 0 }
  const protocol = integerOf(fields.Protocol)
  if (protocol !== undefined) {
    info.protocol_num = protocol
    put(info, 'protocol_name', protocols.get(protocol))
  }
  draft.connection_info = info
  setStatus(draft, activity === 5 ? FAILURE : SUCCESS)
  return draft
}

/** A handle was opened or used: on a file, a registry key or a process, by the object's type. */
function object(fields: Draft, activity: number): Draft | undefined {
  const type = textOf(fields.ObjectType)
  const name = textOf(fields.ObjectName)
  const acting = loggingProcess(fields)
  if (name === undefined) return undefined
  let draft: Draft
  if (type === 'File') {
    draft = startEvent(1001, activity)
    put(draft, 'file', file(name, 0))
  } else if (type === 'Key') {
    draft = startEvent(201001, activity === 4 ? 4 : 2)
    draft.reg_key = { path: name }
  } else if (type === 'Process') {
    draft = startEvent(1007, 3)
    put(draft, 'process', process({ image: name }, true))
    put(draft, 'actual_permissions', integerOf(fields.AccessMask))
    draft.metadata = { labels: ['missing:process.pid'] }
  } else return undefined
  withActor(draft, fields, acting)
  return draft
}

function share(fields: Draft): Draft {
  const draft = startEvent(1001, 14)
  withActor(draft, fields)
  const name = textOf(fields.ShareName)
  const inside = textOf(fields.RelativeTargetName)
  const path = name === undefined ? inside : inside === undefined || inside === '\\' ? name : `${name}\\${inside}`
  put(draft, 'file', file(path, 0))
  put(draft, 'access_mask', integerOf(fields.AccessMask))
  return draft
}

function registryValue(fields: Draft): Draft {
  const draft = startEvent(201002, 3)
  withActor(draft, fields, loggingProcess(fields))
  const path = textOf(fields.ObjectName)
  const name = textOf(fields.ObjectValueName)
  if (path !== undefined) {
    draft.reg_value = { name: name ?? '(Default)', path }
    put(draft.reg_value, 'data', textOf(fields.NewValue))
  }
  return draft
}

function privileges(fields: Draft): Draft {
  const draft = startEvent(3003, 1)
  put(draft, 'user', account(fields, 'Subject'))
  const list = textOf(fields.PrivilegeList)
    ?.split(/\s+/, 64)
    .filter((name) => name !== '')
  if (list !== undefined && list.length > 0) draft.privileges = list
  const logon = textOf(fields.SubjectLogonId)
  if (logon !== undefined) draft.session = { uid: logon }
  put(draft, 'dst_endpoint', here(fields))
  return succeeded(draft)
}

function cleared(fields: Draft): Draft {
  const draft = startEvent(1008, 1)
  withActor(draft, fields)
  draft.log_name = textOf(fields.Channel) ?? 'Security'
  draft.log_type_id = 1
  draft.log_type = 'OS'
  draft.severity_id = 4
  return succeeded(draft)
}

/** The OCSF event of an event of the Security channel; undefined for kinds that have no class. The localised message is
 * never read.
 * @see https://learn.microsoft.com/windows/security/threat-protection/auditing/security-auditing-overview */
export function normaliseSecurity({ fields, eventId }: WindowsEvent): Draft | undefined {
  switch (eventId) {
    case 1102:
      return cleared(fields)
    case 4624:
    case 4778:
      return succeeded(authentication(fields, 1))
    case 4625:
      return failed(authentication(fields, 1), fields)
    case 4634:
    case 4647:
    case 4779:
      return succeeded(authentication(fields, 2))
    case 4648: {
      const draft = authentication(fields, 1)
      put(draft, 'dst_endpoint', endpoint({ hostname: fields.TargetServerName }) ?? here(fields))
      return succeeded(draft)
    }
    case 4672:
      return privileges(fields)
    case 4688:
      return launch(fields)
    case 4689:
      return exit(fields)
    case 4656:
    case 4663:
      return object(fields, 14)
    case 4660:
      return object(fields, 4)
    case 4657:
      return registryValue(fields)
    case 4697:
      return service(fields)
    case 4698:
      return job(fields, 1)
    case 4699:
      return job(fields, 3)
    case 4700:
      return job(fields, 4)
    case 4701:
      return job(fields, 5)
    case 4702:
      return job(fields, 2)
    case 4720:
    case 4741:
      return accountChange(fields, 1)
    case 4722:
      return accountChange(fields, 2)
    case 4723:
      return accountChange(fields, 3)
    case 4724:
      return accountChange(fields, 4)
    case 4725:
      return accountChange(fields, 5)
    case 4726:
    case 4743:
      return accountChange(fields, 6)
    case 4738:
    case 4742:
      return accountChange(fields, 99, 'Change')
    case 4740:
      return accountChange(fields, 9)
    case 4767:
      return accountChange(fields, 12)
    case 4781:
      return accountChange(fields, 99, 'Rename')
    case 4727:
    case 4731:
    case 4754:
      return groupChange(fields, 6)
    case 4728:
    case 4732:
    case 4756:
      return groupChange(fields, 3)
    case 4729:
    case 4733:
    case 4757:
      return groupChange(fields, 4)
    case 4730:
    case 4734:
    case 4758:
      return groupChange(fields, 5)
    case 4735:
    case 4737:
    case 4755:
      return groupChange(fields, 99, 'Change')
    case 4768:
      return ticket(fields, 3)
    case 4769:
      return ticket(fields, 4)
    case 4770:
      return ticket(fields, 5)
    case 4771:
      return ticket(fields, 6)
    case 4776: {
      const draft = authentication(fields, 1)
      withProtocol(draft, fields.PackageName)
      return byStatus(draft, fields)
    }
    case 5140:
    case 5145:
      return share(fields)
    case 5152:
    case 5157:
      return filtered(fields, 5)
    case 5154:
    case 5158:
      return filtered(fields, 7)
    case 5156:
      return filtered(fields, 1)
    default:
      return undefined
  }
}
