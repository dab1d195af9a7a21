import { intelError } from '../errors.ts'
import { SIGHTING_ATTEMPTS_MAX, SIGHTINGS_PER_PUSH, SIGHTINGS_WAITING_MAX } from '../limits.ts'
import type { Place } from '../types.ts'
import type { FeedReader } from './fetch.ts'
import type { Outgoing, OutgoingStore } from './outgoing-store.ts'
import type { Feed } from './types.ts'

export interface PushSummary {
  /** Taken by the MISP; one may be sent again after a crash. */
  readonly pushed: number
  /** Not taken for good: the attribute is gone, or nobody may say anything of it. */
  readonly refused: number
  /** Let go because too many waited. */
  readonly dropped: number
}

/** Tells a MISP what became of its attributes: that they were seen, or wrongly so, and when; nothing of who met them.
 * @throws intel.feed.* where it takes nothing for now
 * @see MISP OpenAPI, POST /sightings/add/{attributeId} */
export async function pushSightings(
  place: Place,
  feed: Feed,
  deps: {
    readonly reader: FeedReader
    readonly outgoing: OutgoingStore
    readonly signal: AbortSignal
    /** Counts what became of some. */
    readonly told: (outcome: keyof PushSummary, count: number) => void
  },
): Promise<PushSummary> {
  const { reader, outgoing, signal, told } = deps
  const dropped = await outgoing.trim(place, feed.name, SIGHTINGS_WAITING_MAX)
  told('dropped', dropped)
  const base = feed.url.endsWith('/') ? feed.url : `${feed.url}/`
  let pushed = 0
  let refused = 0
  for (const each of await outgoing.take(place, feed.name, SIGHTINGS_PER_PUSH)) {
    signal.throwIfAborted()
    const url = new URL(`sightings/add/${each.attribute}`, base)
    const timestamp = Math.floor(each.at / 1000)
    const status = await reader.tell(url, { type: String(each.kind), source: 'rampart', timestamp })
    if (status >= 200 && status < 300) {
      await outgoing.settle(place, feed.name, each)
      pushed += 1
      told('pushed', 1)
      continue
    }
    const wrong = intelError('intel.feed.wrongAnswer', `${url.host} answered ${status} to a sighting`)
    // It says nothing of this sighting: all wait.
    if (status < 400 || status >= 500 || status === 401) throw wrong
    if (await isOver(each)) {
      refused += 1
      told('refused', 1)
    }
    // Of this attribute, or of the key: one a time is tried, so that a wrong key loses few.
    if (status === 403) throw wrong
  }
  return { pushed, refused, dropped }

  async function isOver(each: Outgoing): Promise<boolean> {
    const attempts = each.attempts + 1
    const over = attempts >= SIGHTING_ATTEMPTS_MAX
    await outgoing.settle(place, feed.name, each, over ? undefined : attempts)
    return over
  }
}
