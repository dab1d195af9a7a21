import { RampartError } from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import { isRecord } from '../import/json-depth.ts'
import { readImport } from '../import/read.ts'
import type { ReadDefaults, Reading } from '../import/reading.ts'
import { FEED_PAGES_MAX, MISP_EVENTS_PER_PAGE, PAGE_ITEMS_MAX } from '../limits.ts'
import { readMisp } from '../misp/read-event.ts'
import { microInstant } from '../stix/object.ts'
import { readStix } from '../stix/read-bundle.ts'
import type { FeedReader } from './fetch.ts'
import type { Feed } from './types.ts'

/** One part of what a feed has, and how far it has been read when this part is taken. */
export interface FeedPart {
  readonly reading: Reading
  readonly cursor: string
}

const TAXII_TYPE = 'application/taxii+json;version=2.1'
/** What is later is no second: MISP writes instants in seconds. */
const SECONDS_MAX = 1e11
const EVENT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What a feed has beyond its cursor, part by part.   @throws intel.feed.* */
export function pollFeed(feed: Feed, reader: FeedReader, defaults: ReadDefaults): AsyncGenerator<FeedPart> {
  switch (feed.kind) {
    case 'taxii':
      return pollTaxii(feed, reader, defaults)
    case 'file':
      return pollFile(feed, reader, defaults)
    case 'misp':
      return pollMisp(feed, reader, defaults)
    case 'misp-api':
      return searchMisp(feed, reader, defaults)
  }
}

/** Pages of a TAXII collection: after the newest date that was added when it was read last.
 * @see TAXII 2.1, 3.4 (pagination) */
async function* pollTaxii(feed: Feed, reader: FeedReader, defaults: ReadDefaults): AsyncGenerator<FeedPart> {
  let { cursor } = feed
  let next: string | undefined
  for (let page = 0; page < FEED_PAGES_MAX; page++) {
    const url = new URL('objects/', feed.url.endsWith('/') ? feed.url : `${feed.url}/`)
    url.searchParams.set('limit', String(PAGE_ITEMS_MAX))
    // `next` belongs to the request that it was given for: the same `added_after` throughout.
    if (feed.cursor !== '') url.searchParams.set('added_after', feed.cursor)
    if (next !== undefined) url.searchParams.set('next', next)
    const answer = await reader.get(url, { accept: TAXII_TYPE })
    if (!answer) return
    const envelope = parseJson(answer.body, url)
    if (!isRecord(envelope)) throw wrong(url, 'something that is no envelope of objects')
    const last = microInstant(answer.headers['x-taxii-date-added-last'])
    if (last !== undefined && last > cursor) cursor = last
    const objects = Array.isArray(envelope.objects) ? envelope.objects : []
    if (objects.length > 0) yield { reading: readStix(objects, defaults), cursor }
    if (envelope.more !== true) return
    if (typeof envelope.next !== 'string' || envelope.next === next || envelope.next.length > 1_024) {
      throw wrong(url, '`more` without a `next` that leads on')
    }
    next = envelope.next
  }
}

/** A file, when it has changed since it was read last. */
async function* pollFile(feed: Feed, reader: FeedReader, defaults: ReadDefaults): AsyncGenerator<FeedPart> {
  const answer = await reader.get(new URL(feed.url), feed.cursor === '' ? {} : { 'if-none-match': feed.cursor })
  if (!answer) return
  const etag = answer.headers.etag ?? ''
  yield { reading: readImport(answer.body, feed.format, defaults), cursor: etag.slice(0, 200) }
}

/** Events of a MISP feed folder that changed after those read last, in order of their change. */
async function* pollMisp(feed: Feed, reader: FeedReader, defaults: ReadDefaults): AsyncGenerator<FeedPart> {
  const base = feed.url.endsWith('/') ? feed.url : `${feed.url}/`
  const url = new URL('manifest.json', base)
  const answer = await reader.get(url)
  if (!answer) return
  const manifest = parseJson(answer.body, url)
  if (!isRecord(manifest)) throw wrong(url, 'something that is no manifest')
  const read = feed.cursor === '' ? -1 : Number(feed.cursor)
  const events = Object.entries(manifest)
    .filter(([id]) => EVENT_ID.test(id))
    .map(([id, about]) => ({ id, changed: isRecord(about) ? Number(about.timestamp) || 0 : 0 }))
    // Those of the same second may not all have been read.
    .filter(({ changed }) => changed >= read)
    .sort((a, b) => a.changed - b.changed)
  for (const { id, changed } of events.slice(0, FEED_PAGES_MAX)) {
    const event = new URL(`${id}.json`, base)
    const found = await reader.get(event)
    if (found) yield { reading: readMisp(parseJson(found.body, event), defaults), cursor: String(changed) }
  }
}

/** Events of a MISP that were published since those read last, deleted attributes among them. Pages have no order of their
 * own, so that the cursor moves when all were taken.   @see MISP OpenAPI, POST /events/restSearch */
async function* searchMisp(feed: Feed, reader: FeedReader, defaults: ReadDefaults): AsyncGenerator<FeedPart> {
  const url = new URL('events/restSearch', feed.url.endsWith('/') ? feed.url : `${feed.url}/`)
  const since = feed.cursor === '' ? {} : { publish_timestamp: feed.cursor }
  let newest = Number(feed.cursor)
  for (let page = 1; page <= FEED_PAGES_MAX; page++) {
    const answer = await reader.search(url, {
      ...{ returnFormat: 'json', published: true, deleted: [0, 1] },
      ...{ page, limit: MISP_EVENTS_PER_PAGE },
      ...since,
    })
    const found = parseJson(answer.body, url)
    const events = isRecord(found) && Array.isArray(found.response) ? found.response : undefined
    if (!events) throw wrong(url, 'something that is no list of events')
    for (const each of events) {
      const event = isRecord(each) && isRecord(each.Event) ? each.Event : {}
      const at = Number(event.publish_timestamp)
      if (at > newest && at < SECONDS_MAX) newest = at
    }
    const isLast = events.length < MISP_EVENTS_PER_PAGE
    const cursor = isLast && newest > 0 ? String(newest) : feed.cursor
    if (events.length > 0) yield { reading: readMisp(found, defaults), cursor }
    if (isLast) return
  }
  throw wrong(url, `more than ${FEED_PAGES_MAX} pages`)
}

function parseJson(body: Buffer, url: URL): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    if (error instanceof RampartError) throw error
    throw wrong(url, 'something that is no JSON')
  }
}

function wrong(url: URL, what: string): RampartError {
  return intelError('intel.feed.wrongAnswer', `${url.host} answered ${what} for ${url.pathname}`)
}
