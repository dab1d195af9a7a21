import type { Logsource } from '../../pipeline/index.ts'
import { parseTime } from '../../platform/base/index.ts'
import { PARSE_LIMITS } from '../limits.ts'
import { type Draft, startEvent } from '../ocsf/event.ts'
import { endpoint, integerOf, put } from '../ocsf/objects.ts'
import { httpActivity } from './access-log.ts'
import { splitCsvRow } from './csv.ts'
import { set, setIfFree } from './members.ts'
import type { Reading } from './reading.ts'

/** Names of what proxies alone write. */
const proxyNames = ['s-action', 'sc-filter-result', 'cs-uri-scheme', 'cs-categories', 'r-ip', 'r-host', 's-hierarchy']
const webNames = ['cs-method', 'cs-uri', 'cs-uri-stem', 'sc-status']
const headerNames = ['cs-user-agent', 'cs-referer', 'cs-cookie']
/** Sigma's names of what firewalls and proxies write, by the names of W3C. */
const firewallNames = { 'src-ip': 'src_ip', 'dst-ip': 'dst_ip', 'src-port': 'src_port', 'dst-port': 'dst_port' }
const clientNames = {
  'cs-user-agent': 'c-useragent',
  'cs-uri-query': 'c-uri-query',
  'cs-uri-extension': 'c-uri-extension',
}

/** `cs(User-Agent)` is `cs-user-agent` in Sigma. */
function nameOf(field: string): string {
  const header = /^([a-z]{1,2})\(([^)]{1,64})\)$/.exec(field)
  return header === null ? field : `${header[1]}-${header[2]?.toLowerCase()}`
}

/** The fields of a row: of commas where the head has them, of tabs where the row has one, else of spaces and quotes. */
function split(row: string, isCommas: boolean): string[] {
  if (isCommas) return splitCsvRow(row, ',')
  if (row.includes('\t')) return row.split('\t', PARSE_LIMITS.columnsMax + 1)
  return row.includes('"') ? splitCsvRow(row, ' ') : row.split(' ', PARSE_LIMITS.columnsMax + 1)
}

interface Head {
  readonly isCommas: boolean
  readonly names: readonly string[]
  readonly software: string
  readonly logsource: Logsource
}

/** By the headers of records, which those of one log share. */
const heads = new WeakMap<Readonly<Record<string, string>>, Head>()

function headOf(columns: string, headers: Readonly<Record<string, string>>): Head {
  const known = heads.get(headers)
  if (known) return known
  const isCommas = columns.includes(',')
  const names = columns.split(isCommas ? ',' : /\s+/, PARSE_LIMITS.columnsMax).map(nameOf)
  const software = headers.software ?? ''
  const head = { isCommas, names, software, logsource: logsourceOf(names, software) }
  heads.set(headers, head)
  return head
}

/** A row of a log in the extended format: of IIS, a proxy, a content network, the firewall of Windows, Exchange. Members have the
 * names of Sigma's taxonomy.
 * @param columns what `#Fields` names
 * @param headers `software` and `date` where the log's head says them
 * @see W3C, Extended Log File Format (WD-logfile-960323); Sigma taxonomy appendix */
export function readW3cRow(row: string, columns: string, headers: Readonly<Record<string, string>>): Reading {
  const { isCommas, names, logsource, software } = headOf(columns, headers)
  const values = split(row, isCommas)
  const original: Draft = {}
  for (const [i, value] of values.entries()) {
    if (value !== '-' && value !== '') set(original, names[i] ?? `column${i + 1}`, value)
  }
  // IIS writes the spaces of a header as plus signs.
  if (isIis(software)) for (const name of headerNames) replaceIn(original, name, (text) => text.replaceAll('+', ' '))
  if (logsource.category === 'firewall') rename(original, firewallNames)
  if (logsource.category === 'proxy' || logsource.category === 'webserver') nameUri(original)
  if (logsource.category === 'proxy') {
    rename(original, clientNames)
    setIfFree(original, 'c-uri', original['cs-uri'])
  }
  const reading: Reading = {
    original,
    logsource,
    time: timeOf(original, headers),
    ocsf: toOcsf(original, logsource, software),
  }
  return values.length === names.length ? reading : { ...reading, error: 'csv.columnsDiffer' }
}

function logsourceOf(names: readonly string[], software: string): Logsource {
  if (/\bFirewall\b/.test(software)) return { product: 'windows', category: 'firewall' }
  if (proxyNames.some((name) => names.includes(name))) return { category: 'proxy' }
  if (!webNames.some((name) => names.includes(name))) return {}
  return isIis(software) ? { category: 'webserver', service: 'iis' } : { category: 'webserver' }
}

const isIis = (software: string): boolean => software.startsWith('Microsoft Internet Information')

function replaceIn(record: Draft, name: string, replace: (text: string) => string): void {
  const text = record[name]
  if (typeof text === 'string') record[name] = replace(text)
}

function rename(record: Draft, names: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(names)) setIfFree(record, to, record[from])
}

/** The whole address, where only its parts are written. */
function nameUri(record: Draft): void {
  const stem = record['cs-uri-stem'] ?? record['cs-uri-path']
  if (typeof stem !== 'string') return
  const query = record['cs-uri-query']
  const path = typeof query === 'string' ? `${stem}${query.startsWith('?') ? '' : '?'}${query}` : stem
  const { 'cs-uri-scheme': scheme, 'cs-host': host } = record
  const front = typeof scheme === 'string' && typeof host === 'string' ? `${scheme}://${host}` : ''
  setIfFree(record, 'cs-uri', front + path)
}

/** `date` and `time` are UTC; the date may stand in the head alone. */
function timeOf(record: Draft, headers: Readonly<Record<string, string>>): number | undefined {
  const { date = headers.date?.slice(0, 10), time } = record
  if (typeof date === 'string' && typeof time === 'string') return parseTime(`${date}T${time}Z`)
  return parseTime(record['date-time'] ?? record['x-timestamp'])
}

function toOcsf(original: Draft, { category }: Logsource, software: string): Draft {
  const host = original['cs-host']
  const draft =
    category === 'webserver' || category === 'proxy'
      ? httpActivity(original, typeof host === 'string' ? host : undefined)
      : category === 'firewall'
        ? connection(original)
        : startEvent(0, 0)
  if (software !== '') draft.metadata = { product: { name: software.slice(0, 128) } }
  return draft
}

function connection(record: Draft): Draft {
  const draft = startEvent(4001, record.action === 'DROP' ? 5 : 6)
  put(draft, 'src_endpoint', endpoint({ address: record.src_ip, port: integerOf(record.src_port) }))
  put(draft, 'dst_endpoint', endpoint({ address: record.dst_ip, port: integerOf(record.dst_port) }))
  return draft
}
