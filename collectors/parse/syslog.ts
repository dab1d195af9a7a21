import type { Logsource } from '../../pipeline/index.ts'
import { type Draft, severityIds, startEvent } from '../ocsf/event.ts'
import { baseName, device, put } from '../ocsf/objects.ts'
import { parseSyslogHeader, type SyslogHeader } from '../syslog/header.ts'
import { isAccessLog, tryParseAccessLog } from './access-log.ts'
import { isObject, tryParseJson } from './json.ts'
import { setIfFree } from './members.ts'
import { tryParseCef, tryParseLeef } from './pairs.ts'
import type { Reading } from './reading.ts'
import { readRecord } from './record.ts'
import type { UnixMessage } from './unix/message.ts'
import { programOf } from './unix/programs.ts'

const facilityNames = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  'ntp',
  'audit',
  'alert',
  'clock',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
]

const severityNames = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug']

/** OCSF severity of a syslog one: notice is "normal but significant", so no more than information. */
const severityOf = [
  severityIds.fatal,
  severityIds.critical,
  severityIds.critical,
  severityIds.high,
  severityIds.medium,
  severityIds.informational,
  severityIds.informational,
  severityIds.informational,
]

function membersOf(header: SyslogHeader, withMessage: boolean): Draft {
  const members: Draft = {
    facility: facilityNames[header.facility] ?? String(header.facility),
    severity: severityNames[header.severity] ?? String(header.severity),
  }
  put(members, 'timestamp', header.timestamp)
  put(members, 'hostname', header.hostname)
  put(members, 'app_name', header.appname)
  put(members, 'proc_id', header.procid)
  put(members, 'msg_id', header.msgid)
  put(members, 'structured_data', header.structuredData)
  if (withMessage) members.message = header.message
  return members
}

/** rsyslog and sshd fold repeats into `message repeated 3 times: [ text]`. */
function unfold(message: string): { readonly text: string; readonly count: number | undefined } {
  if (!message.startsWith('message repeated ')) return { text: message, count: undefined }
  const found = /^message repeated (\d{1,9}) times?: \[ ?/.exec(message)
  if (found === null || !message.endsWith(']')) return { text: message, count: undefined }
  return { text: message.slice(found[0].length, -1), count: Number(found[1]) }
}

/** JSON, CEF, LEEF or an access log line inside a message: its members, with the header's beside them. */
function readBody(header: SyslogHeader, senderIp: string | undefined): Reading | undefined {
  const { message } = header
  const inner = readInner(message, header.appname)
  if (inner === undefined) return undefined
  const { original, ocsf } = inner
  // The body keeps its names; the sender of the syslog message is the device whatever the body claims.
  for (const [name, value] of Object.entries(membersOf(header, false))) setIfFree(original, name, value)
  put(ocsf, 'device', device(header.hostname, senderIp) ?? ocsf.device)
  return { ...inner, time: inner.time ?? header.time }
}

function readInner(message: string, appname: string | undefined): Reading | undefined {
  const first = message.charCodeAt(0)
  if (first === 123 || first === 64) {
    const cookie = message.startsWith('@cee:')
    if (first === 64 && !cookie) return undefined
    const parsed = tryParseJson(cookie ? message.slice(5) : message)
    if (parsed.ok && isObject(parsed.value)) return readRecord(parsed.value)
    // A message may begin with a brace without being JSON; the cookie promises it, and a bound was passed.
    if (!parsed.ok && (cookie || parsed.error !== 'json.malformed')) {
      return { original: { message }, logsource: {}, time: undefined, ocsf: startEvent(0, 0), error: parsed.error }
    }
    return undefined
  }
  if (first === 67) return tryParseCef(message)
  if (first === 76) return tryParseLeef(message)
  return isAccessLog(message) ? tryParseAccessLog(message, appname) : undefined
}

/** A message of Cisco IOS names its facility, severity and mnemonic; where syslog wrote it to a file, after a counter in the
 * place of a program.
 * @see Cisco IOS, System Message Logging, format */
function isCisco({ appname, message }: SyslogHeader): boolean {
  if (appname === undefined) return false
  return (
    appname.startsWith('%') ||
    (/^\d{1,12}$/.test(appname) && /(?:^|: )%[A-Z][A-Z0-9_-]{1,64}-[0-7]-[A-Z0-9_]{1,64}: /.test(message))
  )
}

function readProgram(header: SyslogHeader, senderIp: string | undefined): Reading {
  const { text, count } = unfold(header.message)
  const original = membersOf(header, false)
  original.message = header.message
  let logsource: Logsource = {}
  let ocsf: Draft | undefined
  if (isCisco(header)) logsource = { product: 'cisco' }
  else if (header.appname !== undefined) {
    const message: UnixMessage = {
      text,
      appname: baseName(header.appname),
      procid: header.procid,
      hostname: header.hostname,
      senderIp,
    }
    const program = programOf(message.appname, header.facility)
    logsource = { product: 'linux', service: program.service }
    ocsf = program.read(message, original)
  }
  if (ocsf === undefined) {
    ocsf = startEvent(0, 0)
    put(ocsf, 'device', device(header.hostname, senderIp))
    const metadata: Draft = {}
    if (header.appname !== undefined) metadata.product = { name: header.appname }
    ocsf.metadata = metadata
  }
  if (count !== undefined) ocsf.count = count
  return { original, logsource, time: header.time, ocsf }
}

/** What a message means, its header taken off: by its body, or by its program. */
export function readMessage(header: SyslogHeader, senderIp: string | undefined): Reading {
  const reading = readBody(header, senderIp) ?? readProgram(header, senderIp)
  const { ocsf } = reading
  if (ocsf.severity_id === undefined) ocsf.severity_id = severityOf[header.severity] ?? severityIds.informational
  return reading
}

/** A syslog message of either RFC: header, then what its body or its program means. Any text has a reading. */
export function readSyslog(text: string, receivedAt: number, senderIp: string | undefined): Reading {
  const header = parseSyslogHeader(text, receivedAt)
  const reading = readMessage(header, senderIp)
  const { ocsf } = reading
  const metadata: Draft = { ...(ocsf.metadata as Draft | undefined) }
  setIfFree(metadata, 'log_format', `syslog-${header.rfc}`)
  setIfFree(metadata, 'original_time', header.timestamp)
  ocsf.metadata = metadata
  return reading
}
