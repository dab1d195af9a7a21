import type { JsonObject, JsonValue, Logsource } from '../../pipeline/index.ts'

/** An OCSF event under the names that rules use, and what it is. */
export interface OcsfShape {
  /** The event's own members, and those that rules ask for beside them. */
  readonly root: JsonObject
  readonly logsource: Logsource
}

/** Gives an OCSF event the names of Sigma's taxonomy: of Sysmon and the Windows logs (with the channel and event id that it
 * tells, or those in which Windows writes such an activity), of CloudTrail, of web servers, of DNS.
 * Undefined for what is no OCSF event.   @see OCSF 1.8.0; Sigma taxonomy appendix */
export function shapeOcsf(event: JsonObject, known: Logsource): OcsfShape | undefined {
  const classUid = event.class_uid
  if (typeof classUid !== 'number' || !isObject(event.metadata)) return undefined
  const named: Record<string, JsonValue> = Object.create(null)
  const { unmapped } = event
  if (isObject(unmapped)) for (const name in unmapped) named[name] = unmapped[name] as JsonValue
  const names = namesByClass[classUid] ?? []
  for (const [name, path] of names) put(named, name, typeof path === 'string' ? at(event, path) : path(event))
  const place = placeOf(event, classUid)
  if (place) Object.assign(named, place)
  const logsource = place ? { product: 'windows' } : (logsourceOf(event, classUid) ?? known)
  return { root: Object.assign(named, unnamed(event, named)), logsource }
}

/** The event's own members, without those whose names mean something else to rules, as `query` does. */
function unnamed(event: JsonObject, named: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([name]) => !Object.hasOwn(named, name)))
}

function put(into: Record<string, JsonValue>, name: string, value: JsonValue | undefined): void {
  if (value !== undefined && value !== null) into[name] = value
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member that dots lead to. */
function at(event: JsonValue | undefined, path: string): JsonValue | undefined {
  let value = event
  for (const step of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}

type Names = readonly (readonly [string, string | ((event: JsonObject) => JsonValue | undefined)])[]

const account = (path: string) => (event: JsonObject) => {
  const name = at(event, `${path}.name`)
  const domain = at(event, `${path}.domain`)
  return typeof name === 'string' && typeof domain === 'string' ? `${domain}\\${name}` : name
}

const algorithms: Readonly<Record<string, string>> = {
  'SHA-1': 'SHA1',
  'SHA-256': 'SHA256',
  'SHA-512': 'SHA512',
  Imphash: 'IMPHASH',
}

/** `SHA1=…,MD5=…`, as Sysmon writes fingerprints. */
const hashes = (path: string) => (event: JsonObject) => {
  const list = at(event, path)
  if (!Array.isArray(list)) return undefined
  const pairs = (list as readonly JsonValue[]).flatMap((one) => {
    const [algorithm, value] = [at(one, 'algorithm'), at(one, 'value')]
    if (typeof algorithm !== 'string' || typeof value !== 'string') return []
    return [`${algorithms[algorithm] ?? algorithm.toUpperCase()}=${value}`]
  })
  return pairs.length > 0 ? pairs.join(',') : undefined
}

const acting: Names = [
  ['Image', 'actor.process.file.path'],
  ['CommandLine', 'actor.process.cmd_line'],
  ['ProcessId', 'actor.process.pid'],
  ['ProcessGuid', 'actor.process.uid'],
  ['User', account('actor.user')],
]

const ofFile = (path: string): Names => [
  ['Hashes', hashes(`${path}.hashes`)],
  ['OriginalFileName', `${path}.internal_name`],
  ['Company', `${path}.company_name`],
  ['Description', `${path}.desc`],
  ['FileVersion', `${path}.version`],
  ['Product', `${path}.product.name`],
  ['Signed', (event) => signedOf(at(event, `${path}.signature.state_id`))],
  ['Signature', `${path}.signature.certificate.subject`],
]

function signedOf(state: JsonValue | undefined): string | undefined {
  return typeof state === 'number' ? String(state === 1) : undefined
}

const parent = (event: JsonObject): JsonValue | undefined =>
  at(event, 'process.parent_process') ?? at(event, 'actor.process')

const process: Names = [
  ['Image', 'process.file.path'],
  ['NewProcessName', 'process.file.path'],
  ['CommandLine', 'process.cmd_line'],
  ['ProcessId', 'process.pid'],
  ['NewProcessId', 'process.pid'],
  ['ProcessGuid', 'process.uid'],
  ['CurrentDirectory', 'process.working_directory'],
  ['IntegrityLevel', 'process.integrity'],
  ['LogonId', 'process.session.uid'],
  ['SubjectLogonId', 'actor.session.uid'],
  ['SubjectUserName', 'actor.user.name'],
  ['SubjectDomainName', 'actor.user.domain'],
  ['SubjectUserSid', 'actor.user.uid'],
  ['User', (event) => account('process.user')(event) ?? account('actor.user')(event)],
  ['ParentImage', (event) => at(parent(event), 'file.path')],
  ['ParentProcessName', (event) => at(parent(event), 'file.path')],
  ['ParentCommandLine', (event) => at(parent(event), 'cmd_line')],
  ['ParentProcessId', (event) => at(parent(event), 'pid')],
  ['ParentProcessGuid', (event) => at(parent(event), 'uid')],
  ['ParentUser', (event) => account('user')((parent(event) ?? {}) as JsonObject)],
  ...ofFile('process.file'),
  // One process acts on another.
  ['SourceImage', 'actor.process.file.path'],
  ['SourceCommandLine', 'actor.process.cmd_line'],
  ['SourceProcessId', 'actor.process.pid'],
  ['SourceProcessGUID', 'actor.process.uid'],
  ['SourceUser', account('actor.user')],
  ['TargetImage', 'process.file.path'],
  ['TargetCommandLine', 'process.cmd_line'],
  ['TargetProcessId', 'process.pid'],
  ['TargetProcessGUID', 'process.uid'],
  ['TargetUser', account('process.user')],
  [
    'GrantedAccess',
    (event) => {
      const rights = event.actual_permissions
      return typeof rights === 'number' ? `0x${rights.toString(16)}` : undefined
    },
  ],
]

const file: Names = [
  ...acting,
  ['TargetFilename', 'file.path'],
  ['PipeName', (event) => (at(event, 'file.type_id') === 6 ? at(event, 'file.path') : undefined)],
  ['Device', 'file.path'],
  ...ofFile('file'),
]

const registryEvents: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  201001: { 1: 'CreateKey', 4: 'DeleteKey', 5: 'RenameKey' },
  201002: { 1: 'CreateValue', 2: 'SetValue', 3: 'RenameValue', 4: 'DeleteValue' },
}

const registryEvent = (event: JsonObject) => registryEvents[Number(event.class_uid)]?.[Number(event.activity_id)]

const registryKey: Names = [
  ...acting,
  ['TargetObject', (event) => at(event, 'prev_reg_key.path') ?? at(event, 'reg_key.path')],
  ['NewName', (event) => (event.prev_reg_key ? at(event, 'reg_key.path') : undefined)],
  ['EventType', registryEvent],
]

const registryValue: Names = [
  ...acting,
  [
    'TargetObject',
    (event) => {
      const [path, name] = [at(event, 'reg_value.path'), at(event, 'reg_value.name')]
      return typeof path === 'string' && typeof name === 'string' ? `${path}\\${name}` : path
    },
  ],
  ['Details', 'reg_value.data'],
  ['EventType', registryEvent],
]

const answersOf = (event: JsonObject): readonly string[] | undefined => {
  const { answers } = event
  if (!Array.isArray(answers)) return undefined
  return (answers as readonly JsonValue[]).flatMap((answer) => {
    const [type, data] = [at(answer, 'type'), at(answer, 'rdata')]
    if (typeof data !== 'string') return []
    return [typeof type === 'string' ? `type:  ${type} ${data}` : data]
  })
}

const dns: Names = [
  ...acting,
  ['QueryName', 'query.hostname'],
  [
    'QueryResults',
    (event) =>
      answersOf(event)
        ?.map((answer) => `${answer};`)
        .join(''),
  ],
  [
    'QueryStatus',
    (event) => {
      const code = event.rcode_id
      return typeof code === 'number' ? String(code === 0 ? 0 : 9_000 + code) : undefined
    },
  ],
  // The names of the category `dns`.
  ['query', 'query.hostname'],
  ['record_type', 'query.type'],
  ['answer', (event) => answersOf(event)?.join(';')],
]

function isIpv6(path: string) {
  return (event: JsonObject): JsonValue | undefined => {
    const ip = at(event, path)
    return typeof ip === 'string' ? String(ip.includes(':')) : undefined
  }
}

const network: Names = [
  ...acting,
  ['SourceIp', 'src_endpoint.ip'],
  ['SourcePort', 'src_endpoint.port'],
  ['SourceHostname', 'src_endpoint.hostname'],
  ['DestinationIp', 'dst_endpoint.ip'],
  ['DestinationPort', 'dst_endpoint.port'],
  ['DestinationHostname', 'dst_endpoint.hostname'],
  ['Protocol', 'connection_info.protocol_name'],
  [
    'Initiated',
    (event) => {
      const direction = at(event, 'connection_info.direction_id')
      return direction === 2 ? 'true' : direction === 1 ? 'false' : undefined
    },
  ],
  ['SourceIsIpv6', isIpv6('src_endpoint.ip')],
  ['DestinationIsIpv6', isIpv6('dst_endpoint.ip')],
  ['src_ip', 'src_endpoint.ip'],
  ['src_port', 'src_endpoint.port'],
  ['dst_ip', 'dst_endpoint.ip'],
  ['dst_port', 'dst_endpoint.port'],
]

const script: Names = [
  ['ScriptBlockText', 'script.script_content.value'],
  ['Payload', 'script.script_content.value'],
  ['ContextInfo', 'script.script_content.value'],
  ['ScriptBlockId', 'script.uid'],
  ['Path', 'script.file.path'],
  ['User', account('actor.user')],
]

const authentication: Names = [
  ['TargetUserName', 'user.name'],
  ['TargetDomainName', 'user.domain'],
  ['TargetUserSid', 'user.uid'],
  ['TargetLogonId', 'session.uid'],
  ['SubjectUserName', 'actor.user.name'],
  ['SubjectDomainName', 'actor.user.domain'],
  ['SubjectUserSid', 'actor.user.uid'],
  ['SubjectLogonId', 'actor.session.uid'],
  ['IpAddress', 'src_endpoint.ip'],
  ['IpPort', 'src_endpoint.port'],
  ['WorkstationName', 'src_endpoint.hostname'],
  ['Workstation', 'src_endpoint.hostname'],
  ['AuthenticationPackageName', 'auth_protocol'],
  ['ProcessName', 'logon_process.file.path'],
  ['Status', 'status_code'],
  ['SubStatus', 'status_code'],
  [
    'LogonType',
    (event) => {
      const type = event.logon_type_id
      return typeof type === 'number' && type !== 99 ? (type === 1 ? 0 : type) : undefined
    },
  ],
]

const service: Names = [
  ['ServiceName', 'win_service.name'],
  ['ImagePath', 'win_service.cmd_line'],
  ['ServiceFileName', 'win_service.cmd_line'],
  ['AccountName', 'win_service.service_start_name'],
  ['param1', 'win_service.name'],
  ['SubjectUserName', 'actor.user.name'],
]

const web: Names = [
  ['cs-method', 'http_request.http_method'],
  ['cs-uri-stem', 'http_request.url.path'],
  ['cs-uri-query', (event) => webQuery(event)],
  ['c-uri', 'http_request.url.url_string'],
  ['c-uri-query', 'http_request.url.query_string'],
  ['cs-host', 'http_request.url.hostname'],
  ['r-dns', 'http_request.url.hostname'],
  ['cs-user-agent', 'http_request.user_agent'],
  ['c-useragent', 'http_request.user_agent'],
  ['cs-referer', 'http_request.referrer'],
  ['sc-status', 'http_response.code'],
  ['c-ip', 'src_endpoint.ip'],
  ['cs-bytes', 'http_request.length'],
]

/** Rules look for paths in `cs-uri-query`, too.   @see Sigma taxonomy appendix, webserver */
function webQuery(event: JsonObject): JsonValue | undefined {
  const [path, query] = [at(event, 'http_request.url.path'), at(event, 'http_request.url.query_string')]
  if (typeof path !== 'string') return query
  return typeof query === 'string' && query !== '' ? `${path}?${query}` : path
}

const api: Names = [
  ['eventName', 'api.operation'],
  ['eventSource', 'api.service.name'],
  ['eventVersion', 'api.version'],
  ['awsRegion', 'cloud.region'],
  ['sourceIPAddress', (event) => at(event, 'src_endpoint.ip') ?? at(event, 'src_endpoint.domain')],
  ['userAgent', 'http_request.user_agent'],
  ['errorCode', 'api.response.error'],
  ['errorMessage', 'api.response.error_message'],
  ['requestParameters', 'api.request.data'],
  ['responseElements', 'api.response.data'],
  ['recipientAccountId', 'cloud.account.uid'],
  ['userIdentity.type', 'actor.user.type'],
  ['userIdentity.arn', 'actor.user.uid'],
  ['userIdentity.userName', 'actor.user.name'],
  ['userIdentity.principalId', (event) => at(event, 'actor.user.uid_alt') ?? at(event, 'actor.user.uid')],
  ['userIdentity.accountId', 'actor.user.account.uid'],
  ['userIdentity.accessKeyId', 'actor.user.credential_uid'],
  ['userIdentity.sessionContext.sessionIssuer.arn', 'actor.session.issuer'],
  [
    'userIdentity.sessionContext.sessionIssuer.type',
    (event) => (/:role\//.test(String(at(event, 'actor.session.issuer'))) ? 'Role' : undefined),
  ],
  [
    'userIdentity.sessionContext.attributes.mfaAuthenticated',
    (event) => {
      const mfa = at(event, 'actor.session.is_mfa')
      return typeof mfa === 'boolean' ? String(mfa) : undefined
    },
  ],
]

const namesByClass: Readonly<Record<number, Names>> = {
  1001: file,
  1002: [...acting, ['ImageLoaded', 'driver.file.path'], ...ofFile('driver.file')],
  1005: [...acting, ['ImageLoaded', 'module.file.path'], ...ofFile('module.file')],
  1007: process,
  1009: script,
  3002: authentication,
  4001: network,
  4002: web,
  4003: dns,
  6003: api,
  201001: registryKey,
  201002: registryValue,
  201004: service,
}

const SYSMON = 'Microsoft-Windows-Sysmon/Operational'

/** Where Windows writes an activity that does not say so itself: by class and activity, Sysmon's event id. */
const sysmonIds: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  1001: { 1: 11, 4: 23, 6: 2 },
  1002: { 1: 6 },
  1005: { 1: 7 },
  1007: { 1: 1, 2: 5, 3: 10, 4: 8 },
  4001: { 1: 3 },
  4003: { 1: 22, 2: 22 },
  201001: { 1: 12, 4: 12, 5: 14 },
  201002: { 1: 13, 2: 13, 3: 14, 4: 12 },
}
const pipeIds: Readonly<Record<number, number>> = { 1: 17, 14: 18 }

interface WindowsPlace extends JsonObject {
  readonly Channel: string
  readonly EventID: number
}

/** Channel and event id of an event of Windows; undefined for any other. */
function placeOf(event: JsonObject, classUid: number): WindowsPlace | undefined {
  const [channel, code] = [at(event, 'metadata.log_name'), at(event, 'metadata.event_code')]
  const provider = at(event, 'metadata.log_provider')
  const said = typeof provider === 'string' ? { Provider_Name: provider } : {}
  const isCode = (typeof code === 'string' && /^\d{1,9}$/.test(code)) || typeof code === 'number'
  if (typeof channel === 'string' && isCode) return { ...said, Channel: channel, EventID: Number(code) }
  if (!isWindows(event, classUid)) return undefined
  const activity = Number(event.activity_id)
  const isPipe = classUid === 1001 && at(event, 'file.type_id') === 6
  const eventId = isPipe ? pipeIds[activity] : sysmonIds[classUid]?.[activity]
  if (eventId !== undefined) return { ...said, Channel: SYSMON, EventID: eventId }
  if (classUid === 1009) return { ...said, Channel: 'Microsoft-Windows-PowerShell/Operational', EventID: 4104 }
  if (classUid === 3002 && activity === 1) {
    return { ...said, Channel: 'Security', EventID: event.status_id === 2 ? 4625 : 4624 }
  }
  return undefined
}

const WINDOWS_OS = 100
const LINUX_OS = 200
const MAC_OS = 300

/** The registry is Windows' own; else the device says it, or a path with its drive. */
function isWindows(event: JsonObject, classUid: number): boolean {
  if (classUid >= 201_000 && classUid < 202_000) return true
  const os = at(event, 'device.os.type_id')
  if (typeof os === 'number' && os !== 0 && os !== 99) return os === WINDOWS_OS
  return ['process.file.path', 'actor.process.file.path', 'file.path', 'module.file.path'].some((path) => {
    const text = at(event, path)
    return typeof text === 'string' && /^(?:[A-Za-z]:\\|\\)/.test(text)
  })
}

/** Sigma's categories of classes, and of single activities of some. */
const categories: Readonly<Record<number, string>> = { 4001: 'network_connection', 4002: 'webserver', 4003: 'dns' }
const activityCategories: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1001: { 1: 'file_event', 2: 'file_access', 3: 'file_change', 4: 'file_delete', 5: 'file_rename' },
  1007: { 1: 'process_creation', 2: 'process_termination', 3: 'process_access', 4: 'create_remote_thread' },
}
const clouds: Readonly<Record<string, Logsource>> = {
  aws: { product: 'aws', service: 'cloudtrail' },
  azure: { product: 'azure' },
  gcp: { product: 'gcp' },
}

/** What else an event says it is; undefined when that is nothing rules know. */
function logsourceOf(event: JsonObject, classUid: number): Logsource | undefined {
  if (classUid === 6003) {
    const provider = at(event, 'cloud.provider')
    return typeof provider === 'string' ? clouds[provider.toLowerCase()] : undefined
  }
  const isProxied = classUid === 4002 && event.proxy_endpoint !== undefined
  const ofClass = activityCategories[classUid]?.[Number(event.activity_id)] ?? categories[classUid]
  const category = isProxied ? 'proxy' : ofClass
  if (category === undefined) return undefined
  const os = at(event, 'device.os.type_id')
  const product = os === LINUX_OS ? 'linux' : os === MAC_OS ? 'macos' : undefined
  return product === undefined || classUid === 4002 || classUid === 4003 ? { category } : { product, category }
}
