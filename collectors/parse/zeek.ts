import type { JsonValue } from '../../pipeline/index.ts'
import { parseTime } from '../../platform/base/index.ts'
import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../ocsf/event.ts'
import { endpoint, integerOf, put, textOf } from '../ocsf/objects.ts'
import { isObject } from './json.ts'
import type { Reading } from './reading.ts'

/** OCSF activities of a connection, by how Zeek saw it end; others were closed.
 * @see https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html (conn_state) */
const activities: Readonly<Record<string, number>> = {
  S0: 4,
  REJ: 5,
  RSTO: 3,
  RSTR: 3,
  RSTOS0: 4,
  RSTRH: 4,
  SH: 4,
  OTH: 6,
}
const CLOSE = 2
const TRAFFIC = 6

const methods: Readonly<Record<string, number>> = {
  ...{ CONNECT: 1, DELETE: 2, GET: 3, HEAD: 4, OPTIONS: 5, POST: 6, PUT: 7, TRACE: 8, PATCH: 9 },
}

/** A member of the connection's four, whether Zeek wrote it flat, a shipper replaced the dot, or nested it. */
function endOf(record: Draft, name: string): JsonValue | undefined {
  return record[`id.${name}`] ?? record[`id_${name}`] ?? (isObject(record.id) ? record.id[name] : undefined)
}

const numberOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

function ends(draft: Draft, record: Draft): void {
  put(draft, 'src_endpoint', endpoint({ address: endOf(record, 'orig_h'), port: endOf(record, 'orig_p') }))
  put(draft, 'dst_endpoint', endpoint({ address: endOf(record, 'resp_h'), port: endOf(record, 'resp_p') }))
}

function connection(record: Draft): Draft {
  const state = textOf(record.conn_state) ?? ''
  const draft = startEvent(4001, Object.hasOwn(activities, state) ? (activities[state] ?? CLOSE) : CLOSE)
  ends(draft, record)
  const traffic: Draft = {}
  put(traffic, 'bytes_out', integerOf(record.orig_bytes))
  put(traffic, 'bytes_in', integerOf(record.resp_bytes))
  put(traffic, 'packets_out', integerOf(record.orig_pkts))
  put(traffic, 'packets_in', integerOf(record.resp_pkts))
  if (Object.keys(traffic).length > 0) draft.traffic = traffic
  const seconds = numberOf(record.duration)
  if (seconds !== undefined && seconds >= 0) draft.duration = Math.round(seconds * 1000)
  const protocol = textOf(record.proto)
  if (protocol !== undefined) draft.connection_info = { direction_id: 0, protocol_name: protocol }
  put(draft, 'app_name', textOf(record.service))
  return draft
}

function dns(record: Draft): Draft {
  const code = integerOf(record.rcode)
  const draft = startEvent(4003, code === undefined ? 1 : 2)
  ends(draft, record)
  const name = textOf(record.query)
  if (name !== undefined) {
    const query: Draft = { hostname: name }
    put(query, 'type', textOf(record.qtype_name))
    draft.query = query
  }
  if (code !== undefined) draft.rcode_id = code >= 0 && code <= 10 ? code : 99
  put(draft, 'rcode', textOf(record.rcode_name))
  if (Array.isArray(record.answers)) {
    const answers = record.answers.slice(0, 64).flatMap((answer) => {
      const rdata = textOf(answer)
      return rdata === undefined ? [] : [{ rdata }]
    })
    if (answers.length > 0) draft.answers = answers
  }
  return draft
}

function http(record: Draft): Draft {
  const method = textOf(record.method)
  const activity = method !== undefined && Object.hasOwn(methods, method) ? methods[method] : undefined
  const draft = startEvent(4002, activity ?? (method === undefined ? 0 : 99), method)
  ends(draft, record)
  const request: Draft = {}
  if (activity !== undefined) put(request, 'http_method', method)
  const url: Draft = {}
  put(url, 'hostname', textOf(record.host))
  put(url, 'url_string', textOf(record.uri))
  if (Object.keys(url).length > 0) request.url = url
  put(request, 'user_agent', textOf(record.user_agent))
  put(request, 'referrer', textOf(record.referrer))
  draft.http_request = request
  const status = integerOf(record.status_code)
  if (status !== undefined) {
    const response: Draft = { code: status }
    put(response, 'length', integerOf(record.response_body_len))
    draft.http_response = response
    setStatus(draft, status < 400 ? SUCCESS : FAILURE)
  }
  return draft
}

/** What is known of a connection's TLS; its bytes are told by `conn`. */
function tls(record: Draft): Draft {
  const draft = startEvent(4001, TRAFFIC)
  ends(draft, record)
  const known: Draft = {}
  put(known, 'version', textOf(record.version))
  put(known, 'cipher', textOf(record.cipher))
  put(known, 'sni', textOf(record.server_name))
  for (const [name, member] of [
    ['ja3_hash', 'ja3'],
    ['ja3s_hash', 'ja3s'],
  ] as const) {
    const value = textOf(record[member])
    if (value !== undefined) known[name] = { algorithm: 'MD5', algorithm_id: 1, value }
  }
  const certificate: Draft = {}
  put(certificate, 'subject', textOf(record.subject))
  put(certificate, 'issuer', textOf(record.issuer))
  if (Object.keys(certificate).length > 0) {
    const verdict = textOf(record.validation_status)
    if (verdict !== undefined) certificate.is_self_signed = verdict.startsWith('self signed')
    known.certificate = certificate
  }
  draft.tls = known
  return draft
}

const readers: Readonly<Record<string, (record: Draft) => Draft>> = { conn: connection, dns, http, ssl: tls }

/** A record of Zeek's logs of connections, DNS, HTTP or TLS; undefined when the object is none. Its members stay as they are.
 * @see https://docs.zeek.org/en/master/logs/ */
export function tryReadZeek(record: Draft): Reading | undefined {
  const path = textOf(record._path ?? record['@stream'])
  if (path === undefined || textOf(record.uid) === undefined || textOf(endOf(record, 'orig_h')) === undefined)
    return undefined
  const read = Object.hasOwn(readers, path) ? readers[path] : undefined
  if (!read) return undefined
  const ocsf = read(record)
  const metadata: Draft = { product: { name: 'Zeek', vendor_name: 'Zeek' }, log_name: path }
  put(metadata, 'uid', textOf(record.uid))
  ocsf.metadata = metadata
  return { original: record, logsource: { product: 'zeek', service: path }, time: parseTime(record.ts), ocsf }
}
