import { parseTime } from '../../../platform/base/index.ts'
import { PARSE_LIMITS } from '../../limits.ts'
import { type Draft, startEvent } from '../../ocsf/event.ts'
import { device, process, put, textOf } from '../../ocsf/objects.ts'
import { setIfFree } from '../members.ts'
import type { Reading } from '../reading.ts'
import { deviceOf, type UnixMessage } from './message.ts'

/** Fields that hold what a user chose: in quotes where that is harmless, else as hexadecimal digits.
 * @see https://github.com/linux-audit/audit-documentation/wiki/SPEC-Writing-Good-Events */
const untrusted: ReadonlySet<string> = new Set([
  'exe',
  'comm',
  'name',
  'cwd',
  'key',
  'cmd',
  'acct',
  'proctitle',
  'data',
  'path',
  'old',
  'new',
  'vm',
  'grp',
  'dir',
])
const ARGUMENT = /^a\d{1,4}$/
/** What is written for nothing. */
const nothing: ReadonlySet<string> = new Set(['(null)', '?', '(none)'])

/** `node=` where machines share a log, the type, and the event's time and number. */
const FRONT = /^(?:node=(\S{1,255}) )?type=(\S{1,64}) (?:msg=)?audit\((\d{1,12}\.\d{1,6}):\d{1,20}\): ?/
/** The daemon puts its readings of numbers behind this.   @see auditd.conf(5), log_format ENRICHED */
const ENRICHED = '\x1d'

function decodeHex(value: string): string {
  if (value.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(value)) return value
  // Arguments of a command line stand with zeros between them.
  return Buffer.from(value, 'hex').toString('utf8').replaceAll('\0', ' ')
}

function readFields(text: string, type: string, into: Draft): boolean {
  const field = /(?:^|[\s,])([\w-]{1,64})=(?:"([^"]*)"|'([^']*)'|(\S*))/g
  let count = 0
  for (let found = field.exec(text); found !== null; found = field.exec(text)) {
    if (++count > PARSE_LIMITS.columnsMax) return false
    const [, name = '', quoted, nested, bare = ''] = found
    if (nested !== undefined) {
      // Programs have what they say in one field.
      if (name === 'msg') readFields(nested, type, into)
      else setIfFree(into, name, nested)
      continue
    }
    const isChosen = untrusted.has(name) || (type === 'EXECVE' && ARGUMENT.test(name))
    const value = quoted ?? (isChosen ? decodeHex(bare) : bare)
    if (!nothing.has(value)) setIfFree(into, name, value)
  }
  return true
}

/** The command of an `EXECVE` record. */
function commandOf(record: Draft): string | undefined {
  const words: string[] = []
  for (let word = textOf(record.a0); word !== undefined; word = textOf(record[`a${words.length}`])) words.push(word)
  return words.length === 0 ? undefined : words.join(' ')
}

function toOcsf(record: Draft): Draft {
  const command = record.type === 'EXECVE' ? commandOf(record) : undefined
  const draft = command === undefined ? startEvent(0, 0) : startEvent(1007, 1)
  if (command !== undefined) put(draft, 'process', process({ image: record.a0, commandLine: command }, true))
  put(draft, 'device', device(record.node))
  draft.metadata = { product: { name: 'auditd', vendor_name: 'Linux' }, event_code: String(record.type) }
  return draft
}

/** A record of the Linux audit system; members have the names of the record. Undefined when it is none.
 * @see auditd(8), ausearch(8) */
export function tryReadAudit(text: string): Reading | undefined {
  const front = FRONT.exec(text)
  if (front === null) return undefined
  const [whole, node, type = '', seconds = ''] = front
  const original: Draft = { type }
  put(original, 'node', node)
  const isWhole = readFields(text.slice(whole.length).replace(ENRICHED, ' '), type, original)
  setIfFree(original, 'message', text)
  const reading: Reading = {
    original,
    logsource: { product: 'linux', service: 'auditd' },
    time: parseTime(Number(seconds)),
    ocsf: toOcsf(original),
  }
  return isWhole ? reading : { ...reading, error: 'audit.tooManyMembers' }
}

/** The same as a message of syslog, where the audit system's dispatcher sends it there. */
export function readAudit(message: UnixMessage, original: Draft): Draft | undefined {
  const reading = tryReadAudit(message.text)
  if (reading === undefined) return undefined
  for (const [name, value] of Object.entries(reading.original)) setIfFree(original, name, value)
  put(reading.ocsf, 'device', deviceOf(message) ?? reading.ocsf.device)
  return reading.ocsf
}
