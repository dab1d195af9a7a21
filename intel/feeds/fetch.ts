import { type Egress, type Response, sendPinned } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { FEED_ANSWER_BYTES_MAX, FEED_ANSWER_MS_MAX, RETRY_AFTER_MS_MAX } from '../limits.ts'

/** Reads from a feed. */
export interface FeedReader {
  /** The answer of one GET, which was 200, or undefined for 304.
   * @throws intel.feed.notAllowed, intel.feed.unreachable, intel.feed.wrongAnswer, intel.feed.later */
  get(url: URL, headers?: Readonly<Record<string, string>>): Promise<(Response & { readonly body: Buffer }) | undefined>
}

/** A reader that goes where egress allows, follows no redirect, and authorises itself at one origin only. */
export function createFeedReader(options: {
  readonly egress: Egress
  readonly origin: string
  readonly authorization?: string
  readonly signal: AbortSignal
}): FeedReader {
  const { egress, origin, authorization, signal } = options
  return {
    async get(url, more = {}) {
      const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
      const verdict = await egress.check(url.hostname, port)
      if (!verdict.ok) {
        const code = verdict.code === 'forbidden' ? 'intel.feed.notAllowed' : 'intel.feed.unreachable'
        throw intelError(code, verdict.message)
      }
      const answer = await sendPinned(url, verdict.addresses, {
        method: 'GET',
        headers: {
          accept: '*/*',
          'user-agent': 'rampart-intel',
          ...more,
          ...(authorization !== undefined && url.origin === origin ? { authorization } : {}),
        },
        signal: AbortSignal.any([signal, AbortSignal.timeout(FEED_ANSWER_MS_MAX)]),
        bodyBytesMax: FEED_ANSWER_BYTES_MAX,
      }).catch((cause: unknown) => {
        if (signal.aborted) throw cause
        const reason = (cause as NodeJS.ErrnoException).code ?? 'no answer in time'
        throw intelError('intel.feed.unreachable', `${url.host} does not answer (${reason})`, { cause })
      })
      return judge(answer, url)
    },
  }
}

function judge(answer: Response, url: URL): (Response & { readonly body: Buffer }) | undefined {
  const { status, headers, body } = answer
  if (status === 304) return undefined
  if (status === 429 || status === 503) {
    throw intelError('intel.feed.later', `${url.host} answered ${status}`, { retryAfterSec: retryAfterSec(headers) })
  }
  if (status !== 200) {
    const hint = status >= 300 && status < 400 ? '; redirects are not followed, so give the URL it leads to' : ''
    throw intelError('intel.feed.wrongAnswer', `${url.host} answered ${status} for ${url.pathname}${hint}`)
  }
  if (!body) {
    throw intelError('intel.feed.wrongAnswer', `${url.host} answered more than ${FEED_ANSWER_BYTES_MAX} bytes`)
  }
  return { ...answer, body }
}

/** Seconds only: a date would depend on two clocks. */
function retryAfterSec(headers: Readonly<Record<string, string>>): number {
  const text = headers['retry-after'] ?? ''
  return /^[0-9]{1,9}$/.test(text) ? Math.min(Number(text), RETRY_AFTER_MS_MAX / 1000) : 60
}
