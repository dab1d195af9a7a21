import { isIP } from 'node:net'
import type { Event, Parser, RecordFormat, StoredRecord } from '../../pipeline/index.ts'
import { PARSE_LIMITS, TIME_LIMITS } from '../limits.ts'
import { type Draft, finishEvent, startEvent } from '../ocsf/event.ts'
import { hasPriority } from '../syslog/header.ts'
import { isAccessLog, tryParseAccessLog } from './access-log.ts'
import { createCsvReader } from './csv.ts'
import { isJournalRecord, readJournal } from './journal.ts'
import { isObject, tryParseJson } from './json.ts'
import { setIfFree } from './members.ts'
import { tryParseCef, tryParseLeef } from './pairs.ts'
import { type ParseProblem, parseProblems } from './problems.ts'
import type { Reading } from './reading.ts'
import { readRecord } from './record.ts'
import { readSyslog } from './syslog.ts'
import { decodeText } from './text.ts'
import { tryReadAudit } from './unix/audit.ts'
import { readW3cRow } from './w3c.ts'
import { readZeekRow } from './zeek-row.ts'

function raw(text: string, error?: ParseProblem): Reading {
  const reading: Reading = {
    ...{ original: { message: text }, logsource: {}, time: undefined, ocsf: startEvent(0, 0) },
    isBare: true,
  }
  return error === undefined ? reading : { ...reading, error }
}

function readJson(text: string): Reading {
  const parsed = tryParseJson(text)
  if (!parsed.ok) return raw(text, parsed.error)
  return isObject(parsed.value) ? readObject(parsed.value) : raw(text, 'json.notObject')
}

const readObject = (record: Draft): Reading => (isJournalRecord(record) ? readJournal(record) : readRecord(record))

/** Syslog without a priority, as it stands in files: a time and a program in front. */
function isSyslogFile(text: string): boolean {
  return /^(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,20} \S{1,255} \S{1,128}: )/.test(
    text,
  )
}

/** A line whose form nobody told: by its first characters. */
function readLine(text: string, receivedAt: number, senderIp: string | undefined): Reading {
  const first = text.charCodeAt(0)
  if (first === 60 && hasPriority(text)) return readSyslog(text, receivedAt, senderIp)
  const line = text.endsWith('\n') ? text.replace(/\r?\n$/, '') : text
  if (first === 67) {
    const cef = tryParseCef(line)
    if (cef !== undefined) return cef
  }
  if (first === 76) {
    const leef = tryParseLeef(line)
    if (leef !== undefined) return leef
  }
  if (first === 110 || first === 116) {
    const audit = tryReadAudit(line)
    if (audit !== undefined) return audit
  }
  if (isSyslogFile(line)) return readSyslog(line, receivedAt, senderIp)
  return (isAccessLog(line) ? tryParseAccessLog(line) : undefined) ?? raw(line)
}

/** `auto` is JSON by its brace, else a line; a brace that begins no JSON is a parse error only where JSON was promised. */
function readAuto(text: string, receivedAt: number, senderIp: string | undefined): Reading {
  const trimmed = text.trimStart()
  if (trimmed.startsWith('{')) {
    const parsed = tryParseJson(trimmed)
    if (parsed.ok && isObject(parsed.value)) return readObject(parsed.value)
    return raw(text, parsed.ok ? 'json.notObject' : parsed.error)
  }
  return readLine(trimmed === text ? text : trimmed, receivedAt, senderIp)
}

/** The address in `syslog/udp 10.0.0.9`. */
function senderIpOf(source: string): string | undefined {
  if (!source.startsWith('syslog/')) return undefined
  const address = source.slice(source.indexOf(' ') + 1)
  return isIP(address) === 0 ? undefined : address
}

/** A parser for the records of any pipe. The same record gives the same event, whenever it is read: time comes from
 * the record. `parseError` is a code of `parseProblems` and its text: `json.tooDeep: nested more than 32 deep`. */
export function createParser(): Parser {
  const read = createRecordReader()
  return { parse: (record) => read(record).event }
}

/** The same for who also asks what a record itself says. */
export function createRecordReader(): (record: StoredRecord) => { readonly event: Event; readonly reading: Reading } {
  const readCsv = createCsvReader()

  const readCsvRecord = (text: string, record: StoredRecord): Reading => {
    const columns = record.headers.columns
    if (columns === undefined) return raw(text, 'csv.noColumns')
    if (record.headers.dialect === 'zeek') return readZeekRow(text, columns, record.headers)
    if (record.headers.dialect === 'w3c') return readW3cRow(text, columns, record.headers)
    const row = readCsv(text, columns, record.headers.delimiter ?? ',')
    const reading = readRecord(row.members)
    return row.fits ? reading : { ...reading, error: 'csv.columnsDiffer' }
  }

  const read = (format: RecordFormat, text: string, record: StoredRecord): Reading => {
    switch (format) {
      case 'json':
        return readJson(text)
      case 'csv':
        return readCsvRecord(text, record)
      case 'syslog':
        return readSyslog(text, record.receivedAt, senderIpOf(record.source))
      case 'text':
        return readLine(text, record.receivedAt, undefined)
      case 'auto':
        return readAuto(text, record.receivedAt, senderIpOf(record.source))
    }
  }

  const tryRead = (text: string, record: StoredRecord): Reading => {
    if (record.payload.length > PARSE_LIMITS.recordBytesMax) return raw(text, 'record.tooLarge')
    try {
      return read(record.format, text, record)
    } catch {
      // A bug of a reader must cost one record's fields, not the shard.
      return raw(text, 'parser.failed')
    }
  }

  return (record) => {
    const { text, isUtf8 } = decodeText(record.payload)
    const reading = tryRead(text, record)
    const parseError = reading.error ?? (isUtf8 ? undefined : 'record.notUtf8')
    return { event: toEvent(record, { text, reading, parseError }), reading }
  }
}

/** The time the record claims, unless it cannot be: then the receive time, and why. */
function sanitise(claimed: number | undefined, receivedAt: number): { readonly time: number; readonly label?: string } {
  if (claimed === undefined) return { time: receivedAt }
  if (claimed > receivedAt + TIME_LIMITS.aheadMsMax) return { time: receivedAt, label: 'time:future' }
  return claimed < TIME_LIMITS.atMin ? { time: receivedAt, label: 'time:past' } : { time: claimed }
}

function toEvent(
  record: StoredRecord,
  parts: { readonly text: string; readonly reading: Reading; readonly parseError: ParseProblem | undefined },
): Event {
  const { original, logsource, ocsf, time: claimed } = parts.reading
  const { time, label } = sanitise(claimed, record.receivedAt)
  const { source, format, headers } = record
  const event = {
    offset: record.offset,
    receivedAt: record.receivedAt,
    time,
    original,
    ocsf,
    logsource,
    raw: parts.text,
    form: { source, format, headers },
  }
  // An event that came as OCSF is left as its producer wrote it.
  if (ocsf !== original) {
    const metadata = (ocsf.metadata ?? {}) as Draft
    const labels = Array.isArray(metadata.labels) ? metadata.labels.map(String) : []
    if (label !== undefined) labels.push(label)
    if (parts.parseError !== undefined) labels.push(`parse_error:${parts.parseError}`)
    if (record.headers.partial === 'true') labels.push('partial')
    if (record.headers.cut === 'true') setIfFree(metadata, 'is_truncated', true)
    ocsf.metadata = metadata
    finishEvent(ocsf, { time, receivedAt: record.receivedAt, labels })
  }
  if (parts.parseError === undefined) return event
  return { ...event, parseError: `${parts.parseError}: ${parseProblems[parts.parseError]}` }
}
