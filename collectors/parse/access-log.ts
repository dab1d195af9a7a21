import { clockTime, digits, instant, zoneMinutes } from '../../platform/base/index.ts'
import { type Draft, FAILURE, SUCCESS, setStatus, startEvent } from '../ocsf/event.ts'
import { baseName, endpoint, integerOf, ipOf, put, user } from '../ocsf/objects.ts'
import type { Reading } from './reading.ts'
import { monthOf } from './time.ts'

const methods: Readonly<Record<string, number>> = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
  PATCH: 9,
}

/** `[dd/Mon/yyyy:hh:mm:ss +zzzz]` is 28 characters; a space and the request's quote follow. */
const STAMP_CHARS = 28

/** The place of the first quote that no backslash precedes; -1 when there is none. */
function nextQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes += 1
    if (slashes % 2 === 0) return at
  }
  return -1
}

/** True when the text has the shape of an access log line. User names cannot hold a bare quote, so the first one opens
 * the request and the time stands right before it, whatever a client chose to be called. */
export function isAccessLog(text: string): boolean {
  const quote = nextQuote(text, 0)
  return quote > STAMP_CHARS + 5 && text[quote - 2] === ']' && text[quote - 1 - STAMP_CHARS] === '['
}

function readStamp(text: string, at: number): number | undefined {
  const month = monthOf(text.slice(at + 3, at + 6))
  if (month === undefined || text[at + 2] !== '/' || text[at + 6] !== '/' || text[at + 11] !== ':') return undefined
  const ms = instant({ year: digits(text, at + 7, 4), month, day: digits(text, at, 2) }, clockTime(text, at + 12))
  const zone = zoneMinutes(text.slice(at + 21, at + 26), 0)
  return ms === undefined || zone === undefined ? undefined : ms - zone * 60_000
}

/** Servers write quotes, backslashes and bytes that do not print as `\"`, `\\` and `\xhh`. */
function unescapeField(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|(["\\]))/g, (_, hex: string | undefined, mark: string | undefined) =>
    hex === undefined ? (mark ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** The quoted field whose opening quote is at or after `from`. */
function readQuoted(text: string, from: number): { readonly value: string; readonly end: number } | undefined {
  if (text[from] !== '"') return undefined
  const close = nextQuote(text, from + 1)
  return close < 0 ? undefined : { value: unescapeField(text.slice(from + 1, close)), end: close + 1 }
}

/** Sigma's names of a web server's fields; the request line taken apart as far as it is one. */
function readRequest(request: string, into: Draft): void {
  if (request === '-' || request === '') return
  const first = request.indexOf(' ')
  const method = first < 0 ? '' : request.slice(0, first)
  if (first < 1 || !/^[A-Z_-]{1,32}$/.test(method)) {
    // Not HTTP: a TLS hello or a scanner's bytes.
    into['cs-uri'] = request
    return
  }
  const last = request.lastIndexOf(' HTTP/')
  const uri = last > first ? request.slice(first + 1, last) : request.slice(first + 1)
  into['cs-method'] = method
  into['cs-uri'] = uri
  const mark = uri.indexOf('?')
  into['cs-uri-stem'] = mark < 0 ? uri : uri.slice(0, mark)
  if (mark >= 0) into['cs-uri-query'] = uri.slice(mark + 1)
  if (last > first) into['cs-version'] = request.slice(last + 1)
}

/** A request of a web server, by Sigma's names of its fields. */
export function httpActivity(fields: Draft, virtualHost: string | undefined): Draft {
  const method = fields['cs-method']
  const activity = typeof method === 'string' && Object.hasOwn(methods, method) ? methods[method] : undefined
  const draft = startEvent(
    4002,
    activity ?? (method === undefined ? 0 : 99),
    typeof method === 'string' ? method : undefined,
  )
  put(draft, 'src_endpoint', endpoint({ address: fields['c-ip'] }))
  put(draft, 'dst_endpoint', endpoint({ hostname: virtualHost }))

  const request: Draft = {}
  if (activity !== undefined) put(request, 'http_method', method)
  const uri = fields['cs-uri']
  if (typeof uri === 'string') {
    const url: Draft = { url_string: uri }
    put(url, 'path', fields['cs-uri-stem'])
    put(url, 'query_string', fields['cs-uri-query'])
    put(url, 'hostname', virtualHost)
    request.url = url
  }
  put(request, 'user_agent', fields['cs-user-agent'])
  put(request, 'referrer', fields['cs-referer'])
  const version = fields['cs-version']
  if (typeof version === 'string') request.version = version.slice(5)
  draft.http_request = request

  const status = integerOf(fields['sc-status'])
  if (status !== undefined) {
    const response: Draft = { code: status }
    put(response, 'length', fields['sc-bytes'])
    draft.http_response = response
    setStatus(draft, status < 400 ? SUCCESS : FAILURE)
    draft.status_code = String(status)
  }
  const actor = user({ name: fields['cs-username'] })
  if (actor !== undefined) draft.actor = { user: actor }
  draft.metadata = { product: { name: 'Web server' }, log_name: 'access' }
  return draft
}

/** A line of Apache's or nginx's common or combined log, with or without the virtual host in front. Members have the
 * names of Sigma's web server taxonomy. Undefined when it is none.
 * @see https://httpd.apache.org/docs/2.4/logs.html#accesslog */
export function tryParseAccessLog(text: string, server?: string): Reading | undefined {
  const quote = nextQuote(text, 0)
  const stampAt = quote - 1 - STAMP_CHARS
  if (stampAt < 5 || text[stampAt] !== '[' || text[quote - 2] !== ']' || text[stampAt - 1] !== ' ') return undefined
  const time = readStamp(text, stampAt + 1)
  if (time === undefined) return undefined

  // `host ident user`; the user may hold spaces, the virtual host in front none.
  const words = text.slice(0, stampAt - 1).split(' ')
  let virtualHost: string | undefined
  if (words.length > 3 && ipOf(words[0]) === undefined && ipOf(words[1]) !== undefined) {
    virtualHost = words.shift()?.replace(/:\d{1,5}$/, '')
  }
  const [client, ident] = words
  if (client === undefined || ident === undefined || words.length < 3) return undefined
  const original: Draft = { 'c-ip': client }
  const name = words.slice(2).join(' ')
  if (name !== '-') original['cs-username'] = unescapeField(name)
  if (virtualHost !== undefined) original['cs-host'] = virtualHost

  const request = readQuoted(text, quote)
  if (request === undefined) return undefined
  readRequest(request.value, original)
  const numbers = /^ (\d{3}|-) (\d{1,15}|-)/.exec(text.slice(request.end, request.end + 24))
  if (numbers === null) return undefined
  const [all, status, bytes] = numbers
  if (status !== undefined && status !== '-') original['sc-status'] = Number(status)
  if (bytes !== undefined && bytes !== '-') original['sc-bytes'] = Number(bytes)
  const referer = readQuoted(text, request.end + all.length + 1)
  if (referer !== undefined) {
    if (referer.value !== '-') original['cs-referer'] = referer.value
    const agent = readQuoted(text, referer.end + 1)
    if (agent !== undefined && agent.value !== '-') original['cs-user-agent'] = agent.value
  }
  const service = server === undefined ? undefined : webServers.get(baseName(server).toLowerCase())
  return {
    original,
    logsource: service === undefined ? { category: 'webserver' } : { category: 'webserver', service },
    time,
    ocsf: httpActivity(original, virtualHost),
  }
}

/** Programs that write such lines to syslog, by Sigma's name of the server. */
const webServers: ReadonlyMap<string, string> = new Map([
  ['httpd', 'apache'],
  ['apache2', 'apache'],
  ['apache', 'apache'],
  ['nginx', 'nginx'],
])
