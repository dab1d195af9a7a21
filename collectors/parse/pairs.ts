import { parseTime } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import { type Draft, FAILURE, SUCCESS, setStatus, severityIds, startEvent } from '../ocsf/event.ts'
import { endpoint, put, textOf, user } from '../ocsf/objects.ts'
import { set, setIfFree } from './members.ts'
import type { Reading } from './reading.ts'

/** The first `count` header fields between bars, and where the rest starts; `\|` and `\\` are escaped. */
function readHeader(text: string, from: number, count: number): { fields: string[]; end: number } | undefined {
  const fields: string[] = []
  let field = ''
  let start = from
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 92 && (text[at + 1] === '|' || text[at + 1] === '\\')) {
      field += text.slice(start, at)
      start = at + 1
      at += 1
    } else if (code === 124) {
      fields.push(field + text.slice(start, at))
      field = ''
      start = at + 1
      if (fields.length === count) return { fields, end: start }
    }
  }
  // The last header field may end the line.
  if (fields.length === count - 1) {
    fields.push(field + text.slice(start))
    return { fields, end: text.length }
  }
  return undefined
}

function unescapeCef(value: string): string {
  if (!value.includes('\\')) return value
  return value.replace(/\\([=\\nr|])/g, (_, mark: string) => (mark === 'n' ? '\n' : mark === 'r' ? '\r' : mark))
}

/** Members of a CEF extension: a value runs up to the next ` name=`, as spaces are not escaped in it. */
function readExtension(text: string, into: Draft): boolean {
  const name = /(?:^|\s)([\w.[\]-]{1,64})=/g
  let pending: { key: string; from: number } | undefined
  let count = 0
  for (let found = name.exec(text); found !== null; found = name.exec(text)) {
    if (pending !== undefined) set(into, pending.key, unescapeCef(text.slice(pending.from, found.index).trimEnd()))
    if (++count > PARSE_LIMITS.columnsMax) return false
    pending = { key: found[1] ?? '', from: found.index + found[0].length }
  }
  if (pending !== undefined) set(into, pending.key, unescapeCef(text.slice(pending.from).trimEnd()))
  return true
}

/** `cs1Label=reason cs1=…` also as a member of the label's own name. */
function nameCustomMembers(fields: Draft): void {
  for (const key of Object.keys(fields)) {
    if (!key.endsWith('Label')) continue
    const label = fields[key]
    const custom = key.slice(0, -5)
    const value = Object.hasOwn(fields, custom) ? fields[custom] : undefined
    if (typeof label === 'string' && label !== '') setIfFree(fields, label, value)
  }
}

const severityWords: Readonly<Record<string, number>> = {
  unknown: severityIds.unknown,
  low: severityIds.low,
  medium: severityIds.medium,
  high: severityIds.high,
  'very-high': severityIds.critical,
}

function severityOf(value: string | undefined): number {
  if (value === undefined) return severityIds.informational
  const word = value.toLowerCase()
  if (Object.hasOwn(severityWords, word)) return severityWords[word] ?? severityIds.informational
  const number = Number(value)
  if (!(number >= 0 && number <= 10)) return severityIds.informational
  return number <= 3
    ? severityIds.low
    : number <= 6
      ? severityIds.medium
      : number <= 8
        ? severityIds.high
        : severityIds.critical
}

/** Network activity when both ends are named, else an event of no class. */
function toOcsf(
  fields: Draft,
  device: { vendor: string; product: string; version: string; id: string; severity?: string },
): Draft {
  const source = endpoint({ address: fields.src, hostname: fields.shost, port: fields.spt ?? fields.srcPort })
  const target = endpoint({ address: fields.dst, hostname: fields.dhost, port: fields.dpt ?? fields.dstPort })
  const isFlow = source !== undefined && target !== undefined
  const draft = startEvent(isFlow ? 4001 : 0, isFlow ? 6 : 99, device.id)
  put(draft, 'src_endpoint', isFlow ? source : undefined)
  put(draft, 'dst_endpoint', isFlow ? target : undefined)
  if (isFlow) {
    const protocol = textOf(fields.proto)
    if (protocol !== undefined) draft.connection_info = { direction_id: 0, protocol_name: protocol.toLowerCase() }
  }
  const actor = user({ name: fields.suser ?? fields.usrName, uid: fields.suid })
  if (actor !== undefined) draft.actor = { user: actor }
  const outcome = textOf(fields.outcome)?.toLowerCase()
  if (outcome === 'success') setStatus(draft, SUCCESS)
  else if (outcome === 'failure') setStatus(draft, FAILURE, textOf(fields.reason))
  draft.severity_id = severityOf(device.severity)
  draft.metadata = {
    product: { name: device.product || 'unknown', vendor_name: device.vendor || 'unknown', version: device.version },
    event_code: device.id,
  }
  return draft
}

/** An ArcSight Common Event Format message; undefined when it is none.
 * @see Micro Focus, ArcSight Common Event Format, version 26 */
export function tryParseCef(text: string): Reading | undefined {
  if (!text.startsWith('CEF:')) return undefined
  const header = readHeader(text, 4, 7)
  if (header === undefined) return undefined
  const [version = '', vendor = '', product = '', deviceVersion = '', id = '', name = '', severity = ''] = header.fields
  const original: Draft = {
    cefVersion: version,
    deviceVendor: vendor,
    deviceProduct: product,
    deviceVersion,
    deviceEventClassId: id,
    name,
    severity,
  }
  const isWhole = readExtension(text.slice(header.end), original)
  nameCustomMembers(original)
  const reading: Reading = {
    original,
    logsource: { product: product.toLowerCase() },
    time: parseTime(original.rt) ?? parseTime(original.start) ?? parseTime(original.end),
    ocsf: toOcsf(original, { vendor, product, version: deviceVersion, id, severity }),
  }
  return isWhole ? reading : { ...reading, error: 'cef.tooManyMembers' }
}

/** The delimiter of LEEF 2 as its header names it: a character, or its number as `x5E` or `0x5E`. */
function leefDelimiter(named: string): string {
  const hex = /^(?:0?x)([0-9a-fA-F]{1,4})$/.exec(named)
  if (hex?.[1] !== undefined) return String.fromCharCode(Number.parseInt(hex[1], 16))
  return named.length === 1 ? named : '\t'
}

/** A QRadar Log Event Extended Format message of version 1 or 2; undefined when it is none.
 * @see IBM QRadar, LEEF event components */
export function tryParseLeef(text: string): Reading | undefined {
  if (!text.startsWith('LEEF:')) return undefined
  const isSecond = text.startsWith('LEEF:2')
  const header = readHeader(text, 5, isSecond ? 6 : 5)
  if (header === undefined) return undefined
  const [version = '', vendor = '', product = '', deviceVersion = '', id = '', named = ''] = header.fields
  const original: Draft = {
    leefVersion: version,
    deviceVendor: vendor,
    deviceProduct: product,
    deviceVersion,
    eventId: id,
  }
  let isWhole = true
  let count = 0
  for (const pair of text.slice(header.end).split(isSecond ? leefDelimiter(named) : '\t')) {
    const cut = pair.indexOf('=')
    if (cut < 1) continue
    if (++count > PARSE_LIMITS.columnsMax) {
      isWhole = false
      break
    }
    set(original, pair.slice(0, cut).trim(), pair.slice(cut + 1))
  }
  const severity = textOf(original.sev)
  const reading: Reading = {
    original,
    logsource: { product: product.toLowerCase() },
    time: parseTime(original.devTime),
    ocsf: toOcsf(original, {
      vendor,
      product,
      version: deviceVersion,
      id,
      ...(severity === undefined ? {} : { severity }),
    }),
  }
  return isWhole ? reading : { ...reading, error: 'leef.tooManyMembers' }
}
