import { type Egress, type Response, sendPinned } from '../../platform/index.ts'
import { oversize } from '../language/input-value.ts'
import { RESPONSE_BYTES_MAX } from '../limits.ts'
import type { FailureCode, Json, JsonMap } from '../types.ts'
import { type Action, type ActionResult, type Call, failed } from './action.ts'
import type { Idempotence } from './spec.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
/** Methods that change something and that the far side cannot tell from a repeat without a key.
 * @see RFC 9110 9.2.2 (idempotent methods) */
const KEYED: readonly string[] = ['POST', 'PATCH']
/** Headers that frame the message or that the platform itself speaks. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
/** RFC 9110 5.5 without obs-text: no control character ever leaves. */
const HEADER_VALUE = /^[\t\x20-\x7e]{0,4096}$/
const URL_LENGTH_MAX = 8192
const RETRY_AFTER_MS_MAX = 24 * 3_600_000

/** `http.request`: one HTTP request to where `egress` allows. Redirects are not followed but given back, so that no
 * answer can lead it elsewhere. POST and PATCH carry the step's key as `Idempotency-Key`. */
export function httpRequest(egress: Egress): Action {
  return {
    name: 'http.request',
    summary: 'Sends one HTTP request.',
    parameters: {
      method: { type: 'string', required: true, enum: METHODS, description: 'the HTTP method' },
      url: { type: 'string', required: true, description: 'http or https URL' },
      headers: { type: { map: 'string' }, description: 'further headers' },
      body: { type: 'dyn', description: 'text as it is; a map or list is sent as JSON' },
    },
    output: { fields: { status: 'int', headers: { map: 'string' }, body: 'dyn' } },
    idempotence: (input): Idempotence => (KEYED.includes(String(input.method)) ? 'key' : 'natural'),
    run: (input, call) => run(egress, input, call),
  }
}

async function run(egress: Egress, input: JsonMap, call: Call): Promise<ActionResult> {
  const built = build(input, call)
  if (typeof built === 'string') return failed({ code: 'invalid', message: built })
  const { url, headers, body, method } = built
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const verdict = await egress.check(url.hostname, port)
  if (!verdict.ok) return failed({ code: verdict.code, message: verdict.message })
  try {
    const response = await sendPinned(url, verdict.addresses, {
      method,
      headers,
      body,
      signal: call.signal,
      bodyBytesMax: RESPONSE_BYTES_MAX,
    })
    return toResult(response, method)
  } catch (error) {
    if (call.signal.aborted) throw error
    return failed({ code: 'network', message: sayNetworkError(error, url) })
  }
}

interface Built {
  readonly method: string
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: Buffer | undefined
}

/** The request, or why there is none. */
function build(input: JsonMap, call: Call): Built | string {
  const method = String(input.method)
  const text = String(input.url)
  if (!METHODS.some((known) => known === method)) return `method must be one of ${METHODS.join(', ')}`
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) return 'url is no URL'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'url must be http or https'
  if (url.username !== '' || url.password !== '') return 'url must not carry credentials'
  const headers: Record<string, string> = { accept: '*/*', 'user-agent': 'rampart-playbooks' }
  for (const [name, value] of Object.entries((input.headers ?? {}) as { [name: string]: string })) {
    const lower = name.toLowerCase()
    if (!HEADER_NAME.test(name)) return `\`${name.slice(0, 80)}\` is no header name`
    if (OWN_HEADERS.has(lower)) return `the header \`${lower}\` is not the playbook's to set`
    if (!HEADER_VALUE.test(value)) return `the header \`${lower}\` holds characters that no header may`
    headers[lower] = value
  }
  const body = bodyOf(input.body ?? null)
  if (body && (method === 'GET' || method === 'HEAD')) return `${method} carries no body`
  if (body?.json && headers['content-type'] === undefined) headers['content-type'] = 'application/json'
  if (body) headers['content-length'] = String(body.bytes.length)
  else if (method !== 'GET' && method !== 'HEAD') headers['content-length'] = '0'
  if (KEYED.includes(method)) headers['idempotency-key'] = call.key
  return { method, url, headers, body: body?.bytes }
}

function bodyOf(body: Json): { bytes: Buffer; json: boolean } | undefined {
  if (body === null) return undefined
  if (typeof body === 'string') return { bytes: Buffer.from(body, 'utf8'), json: false }
  return { bytes: Buffer.from(JSON.stringify(body), 'utf8'), json: true }
}

function toResult(response: Response, method: string): ActionResult {
  const { status, headers, body } = response
  if (!body) {
    return failed({ code: 'too_large', message: `the answer is larger than ${RESPONSE_BYTES_MAX / 1024} KB` })
  }
  if (status < 400)
    return { ok: true, output: { status, headers, body: method === 'HEAD' ? null : decode(headers, body) } }
  const details = { status, body: decode(headers, body) }
  return failed({ code: codeOf(status), message: `the server answered ${status}`, details }, retryAfterMs(headers))
}

/** Failures by status. A 5xx says the server could not, not that the request is wrong: later it may. */
function codeOf(status: number): FailureCode {
  switch (status) {
    case 401:
    case 407:
      return 'auth'
    case 403:
      return 'forbidden'
    case 404:
    case 410:
      return 'not_found'
    case 408:
      return 'timeout'
    case 409:
    case 412:
      return 'conflict'
    case 413:
      return 'too_large'
    case 425:
    case 429:
      return 'rate_limited'
    case 501:
    case 505:
      return 'invalid'
    default:
      return status >= 500 ? 'unavailable' : 'invalid'
  }
}

/** JSON where it says so and is, else text. */
function decode(headers: Record<string, string>, body: Buffer): Json {
  if (body.length === 0) return null
  const text = body.toString('utf8')
  if (!/^application\/(?:json|[a-z0-9.+-]+\+json)\b/i.test(headers['content-type'] ?? '')) return text
  try {
    const value = JSON.parse(text) as Json
    return oversize(value) === undefined ? value : text
  } catch {
    return text
  }
}

/** Seconds only: a date would depend on two clocks. */
function retryAfterMs(headers: Record<string, string>): number | undefined {
  const text = headers['retry-after'] ?? ''
  return /^[0-9]{1,9}$/.test(text) ? Math.min(Number(text) * 1000, RETRY_AFTER_MS_MAX) : undefined
}

function sayNetworkError(error: unknown, url: URL): string {
  const code = (error as NodeJS.ErrnoException).code
  return `no answer from ${url.host}${code ? `: ${code}` : ''}`
}
