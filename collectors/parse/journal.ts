import type { JsonObject, JsonValue } from '../../pipeline/index.ts'
import type { Draft } from '../ocsf/event.ts'
import { integerOf, textOf } from '../ocsf/objects.ts'
import type { SyslogHeader } from '../syslog/header.ts'
import { setIfFree } from './members.ts'
import type { Reading } from './reading.ts'
import { readMessage } from './syslog.ts'
import { decodeText } from './text.ts'

/** Syslog's user.notice, for what says neither. */
const DEFAULT_FACILITY = 1
const DEFAULT_SEVERITY = 5
const FACILITY_MAX = 23

/** True for an entry of systemd's journal, as `journalctl -o json` writes it.
 * @see https://systemd.io/JOURNAL_EXPORT_FORMATS/ (Journal JSON Format) */
export function isJournalRecord(record: JsonObject): boolean {
  return Object.hasOwn(record, '__REALTIME_TIMESTAMP') && Object.hasOwn(record, 'MESSAGE')
}

/** Text, or the bytes of what is no UTF-8; the last one where a field is there several times; null stands for one that was
 * too long. */
function fieldOf(record: Draft, name: string): string | undefined {
  const value = record[name]
  if (!Array.isArray(value)) return textOf(value)
  const last = value.at(-1) as JsonValue | undefined
  if (typeof last !== 'number') return textOf(last)
  return decodeText(Buffer.from(value as number[])).text
}

function smallOf(text: string | undefined, max: number, otherwise: number): number {
  const number = integerOf(text)
  return number !== undefined && number >= 0 && number <= max ? number : otherwise
}

/** An entry of the journal means what the same message means in syslog; its own members stay beside.
 * @see systemd.journal-fields(7) */
export function readJournal(record: Draft): Reading {
  const micros = integerOf(fieldOf(record, '_SOURCE_REALTIME_TIMESTAMP') ?? fieldOf(record, '__REALTIME_TIMESTAMP'))
  const hostname = fieldOf(record, '_HOSTNAME')
  const appname = fieldOf(record, 'SYSLOG_IDENTIFIER') ?? fieldOf(record, '_COMM')
  const procid = fieldOf(record, 'SYSLOG_PID') ?? fieldOf(record, '_PID')
  const header: SyslogHeader = {
    rfc: '3164',
    facility: smallOf(fieldOf(record, 'SYSLOG_FACILITY'), FACILITY_MAX, DEFAULT_FACILITY),
    severity: smallOf(fieldOf(record, 'PRIORITY'), 7, DEFAULT_SEVERITY),
    ...(micros === undefined ? {} : { time: Math.floor(micros / 1000) }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(appname === undefined ? {} : { appname }),
    ...(procid === undefined ? {} : { procid }),
    message: fieldOf(record, 'MESSAGE') ?? '',
  }
  const reading = readMessage(header, undefined)
  const original: Draft = { ...record }
  for (const [name, value] of Object.entries(reading.original)) setIfFree(original, name, value)
  const metadata = { ...(reading.ocsf.metadata as Draft | undefined), log_format: 'journal' }
  return { ...reading, original, ocsf: { ...reading.ocsf, metadata } }
}
