import { type Egress, type Response, sendPinned } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { FEED_ANSWER_BYTES_MAX, FEED_ANSWER_MS_MAX, RETRY_AFTER_MS_MAX } from '../limits.ts'

/** Reads from a feed. */
export interface FeedReader {
  /** The answer of one GET, which was 200, or undefined for 304.
   * @throws intel.feed.notAllowed, intel.feed.unreachable, intel.feed.wrongAnswer, intel.feed.later */
  get(url: URL, headers?: Readonly<Record<string, string>>): Promise<Answer | undefined>
  /** The answer of one POST of JSON, which was 200.   @throws as `get` does */
  search(url: URL, body: object): Promise<Answer>
  /** The status that a POST of JSON was answered with.
   * @throws intel.feed.notAllowed, intel.feed.unreachable, intel.feed.later */
  tell(url: URL, body: object): Promise<number>
}

type Answer = Response & { readonly body: Buffer }

/** A reader that goes where egress allows, follows no redirect, and authorises itself at one origin only. */
export function createFeedReader(options: {
  readonly egress: Egress
  readonly origin: string
  readonly authorization?: string
  readonly signal: AbortSignal
}): FeedReader {
  const { egress, origin, authorization, signal } = options
  const send = async (
    url: URL,
    request: {
      readonly method: 'GET' | 'POST'
      readonly more: Readonly<Record<string, string>>
      readonly body?: object
    },
  ): Promise<Response> => {
    const { method, more, body } = request
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
    const verdict = await egress.check(url.hostname, port)
    if (!verdict.ok) {
      const code = verdict.code === 'forbidden' ? 'intel.feed.notAllowed' : 'intel.feed.unreachable'
      throw intelError(code, verdict.message)
    }
    const bytes = body && Buffer.from(JSON.stringify(body))
    return sendPinned(url, verdict.addresses, {
      method,
      headers: {
        accept: '*/*',
        'user-agent': 'rampart-intel',
        ...more,
        ...(bytes ? { 'content-type': 'application/json', 'content-length': String(bytes.length) } : {}),
        ...(authorization !== undefined && url.origin === origin ? { authorization } : {}),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(FEED_ANSWER_MS_MAX)]),
      bodyBytesMax: FEED_ANSWER_BYTES_MAX,
      ...(bytes ? { body: bytes } : {}),
    }).catch((cause: unknown) => {
      if (signal.aborted) throw cause
      const reason = (cause as NodeJS.ErrnoException).code ?? 'no answer in time'
      throw intelError('intel.feed.unreachable', `${url.host} does not answer (${reason})`, { cause })
    })
  }
  const asJson = { accept: 'application/json' }
  return {
    get: async (url, more = {}) => judge(await send(url, { method: 'GET', more }), url),
    async search(url, body) {
      const answer = judge(await send(url, { method: 'POST', more: asJson, body }), url)
      if (!answer) throw intelError('intel.feed.wrongAnswer', `${url.host} answered 304 to a search`)
      return answer
    },
    async tell(url, body) {
      const { status, headers } = await send(url, { method: 'POST', more: asJson, body })
      requireWillingness(status, headers, url)
      return status
    },
  }
}

function judge(answer: Response, url: URL): Answer | undefined {
  const { status, headers, body } = answer
  if (status === 304) return undefined
  requireWillingness(status, headers, url)
  if (status !== 200) {
    const hint = status >= 300 && status < 400 ? '; redirects are not followed, so give the URL it leads to' : ''
    throw intelError('intel.feed.wrongAnswer', `${url.host} answered ${status} for ${url.pathname}${hint}`)
  }
  if (!body) {
    throw intelError('intel.feed.wrongAnswer', `${url.host} answered more than ${FEED_ANSWER_BYTES_MAX} bytes`)
  }
  return { ...answer, body }
}

function requireWillingness(status: number, headers: Readonly<Record<string, string>>, url: URL): void {
  if (status === 429 || status === 503) {
    throw intelError('intel.feed.later', `${url.host} answered ${status}`, { retryAfterSec: retryAfterSec(headers) })
  }
}

/** Seconds only: a date would depend on two clocks. */
function retryAfterSec(headers: Readonly<Record<string, string>>): number {
  const text = headers['retry-after'] ?? ''
  return /^[0-9]{1,9}$/.test(text) ? Math.min(Number(text), RETRY_AFTER_MS_MAX / 1000) : 60
}
