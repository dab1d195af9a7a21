import {
  type Clock,
  Egress,
  type Job,
  type JobContext,
  type Jobs,
  type Metrics,
  RampartError,
  requireMatch,
  type Sealer,
} from '../../platform/index.ts'
import { intelError } from '../errors.ts'
import type { Imports } from '../import/import.ts'
import { FEEDS_DUE_EVERY_MS, FEEDS_MAX, FEEDS_SHOWN_MAX } from '../limits.ts'
import { intelMetrics } from '../metrics.ts'
import type { Place } from '../types.ts'
import { createFeedReader } from './fetch.ts'
import type { OutgoingStore } from './outgoing-store.ts'
import { pollFeed } from './poll.ts'
import { pushSightings } from './push.ts'
import type { FeedStore } from './store.ts'
import type { Feed, FeedOutcome, FeedSettings } from './types.ts'

export interface FeedsDeps {
  readonly store: FeedStore
  readonly outgoing: OutgoingStore
  readonly imports: Imports
  readonly jobs: Pick<Jobs, 'define' | 'enqueue'>
  readonly sealer: Sealer
  readonly clock: Clock
  readonly metrics: Metrics
  /** `playbooks.egress_allow`. */
  readonly egressAllow: readonly string[]
}

/** Feeds that others offer, read again and again by jobs. */
export interface Feeds {
  /** @throws intel.feed.invalid, intel.feed.tooMany, platform.http.changed */
  put(
    place: Place,
    name: string,
    feed: FeedSettings & { readonly authorization?: string | null },
    ifMatch?: string,
  ): Promise<Feed>
  /** @throws intel.feed.notFound */
  get(place: Place, name: string): Promise<Feed>
  list(place: Place): Promise<Feed[]>
  /** What it brought stays, and decays.   @throws intel.feed.notFound, platform.http.changed */
  delete(place: Place, name: string, ifMatch?: string): Promise<void>
  /** Reads it now.   @throws intel.feed.notFound */
  poll(place: Place, name: string): Promise<Job>
}

const KIND = 'intel.feed.poll'
const PUSH_KIND = 'intel.feed.push'
const DUE_AT_ONCE = 100

interface PollInput {
  readonly workspace: string
  readonly name: string
}

export function createFeeds(deps: FeedsDeps): Feeds {
  const { store, outgoing, imports, jobs, sealer, clock, egressAllow } = deps
  const counts = deps.metrics.use(intelMetrics)
  const egress = new Egress(egressAllow)
  const purposeOf = ({ account, workspace }: Place, name: string) => `intel.feed/${account}/${workspace}/${name}`

  const get = async (place: Place, name: string): Promise<Feed> => {
    const feed = await store.find(place, name)
    if (!feed) throw intelError('intel.feed.notFound', `workspace \`${place.workspace}\` has no feed \`${name}\``)
    return feed
  }

  const readerFor = async (place: Place, feed: Feed, signal: AbortSignal) => {
    const sealed = await store.authorization(place, feed.name)
    const authorization = sealed && (await sealer.open(sealed, purposeOf(place, feed.name))).toString('utf8')
    return createFeedReader({
      ...{ egress, origin: new URL(feed.url).origin, signal },
      ...(authorization === undefined ? {} : { authorization }),
    })
  }

  const run = async (place: Place, name: string, context: JobContext) => {
    const feed = await get(place, name)
    const source = `feed:${name}`
    const { confidence } = feed
    const reader = await readerFor(place, feed, context.signal)
    const sum = { created: 0, updated: 0, refused: 0 }
    const settle = (error: FeedOutcome['error'], waitMs: number) => {
      const now = clock.now()
      const succeededAt = error ? feed.outcome?.succeededAt : now
      const succeeded = succeededAt === undefined ? {} : { succeededAt }
      const outcome = { at: now, ...sum, ...(error ? { error } : {}), ...succeeded }
      counts.feedPolls.add({ feed: labelOf(place, name), outcome: error?.code ?? 'ok' })
      return store.setOutcome(place, name, outcome, now + Math.max(waitMs, feed.intervalSec * 1000))
    }
    try {
      const now = clock.now()
      for await (const { reading, cursor } of pollFeed(feed, reader, { source, confidence, now })) {
        const summary = await imports.apply(place, reading, { source, confidence, signal: context.signal })
        sum.created += summary.created
        sum.updated += summary.updated
        sum.refused += summary.refusedCount
        // Only now: a part that is read again changes nothing.
        await store.setCursor(place, name, cursor)
        context.progress(50, `${sum.created} new, ${sum.updated} changed`)
      }
    } catch (error) {
      if (!(error instanceof RampartError) || context.signal.aborted) throw error
      await settle({ code: error.code, message: error.message }, (error.retryAfterSec ?? 0) * 1000)
      throw error
    }
    await settle(undefined, 0)
    return sum
  }

  jobs.define<PollInput>(
    KIND,
    (input) => input as PollInput,
    ({ workspace, name }, context) => {
      if (context.account === 'rampart') throw new Error('a feed belongs to an account')
      return run({ account: context.account, workspace }, name, context)
    },
    // The next poll is the next attempt.
    { attemptsMax: 2 },
  )
  jobs.define<PollInput>(
    PUSH_KIND,
    (input) => input as PollInput,
    async ({ workspace, name }, context) => {
      if (context.account === 'rampart') throw new Error('a feed belongs to an account')
      const place = { account: context.account, workspace }
      const feed = await store.find(place, name)
      // Whoever wants to hear no more is told no more.
      if (!feed?.pushSightings) return { pushed: 0, refused: 0, dropped: await outgoing.trim(place, name, 0) }
      const { signal } = context
      const told = (outcome: string, count: number) => counts.pushed.add({ outcome }, count)
      return pushSightings(place, feed, { outgoing, signal, told, reader: await readerFor(place, feed, signal) })
    },
    // The next push is the next attempt.
    { attemptsMax: 1 },
  )
  jobs.define(
    'intel.feeds.due',
    () => undefined,
    async () => {
      const now = clock.now()
      for (const { place, feed } of await store.due(now, DUE_AT_ONCE)) {
        const { account, workspace } = place
        const { name, nextAt, enabled, intervalSec } = feed
        if (enabled) await jobs.enqueue(account, KIND, { workspace, name }, { key: `${workspace}/${name}/${nextAt}` })
        await store.schedule(place, name, now + intervalSec * 1000)
      }
      const minute = Math.floor(now / 60_000)
      for (const { place, feed } of await outgoing.feeds()) {
        const { account, workspace } = place
        await jobs.enqueue(account, PUSH_KIND, { workspace, name: feed }, { key: `${workspace}/${feed}/${minute}` })
      }
    },
    { everyMs: FEEDS_DUE_EVERY_MS },
  )

  deps.metrics.beforeScrape(async () => {
    const now = clock.now()
    for (const { place, feed } of await store.enabled(FEEDS_SHOWN_MAX)) {
      const since = feed.outcome?.succeededAt ?? feed.createdAt
      counts.feedAge.set({ feed: labelOf(place, feed.name) }, Math.max(0, Math.round((now - since) / 1000)))
    }
    counts.waiting.set({}, await outgoing.countAll())
  })

  return {
    async put(place, name, { authorization, ...settings }, ifMatch) {
      requireUrl(settings.url)
      if (settings.pushSightings && settings.kind !== 'misp-api') {
        throw intelError('intel.feed.invalid', '`pushSightings` is for feeds of kind `misp-api`')
      }
      const before = await store.find(place, name)
      requireMatch(ifMatch, before?.revision ?? 0)
      if (!before && (await store.list(place)).length >= FEEDS_MAX) {
        throw intelError('intel.feed.tooMany', `a workspace has at most ${FEEDS_MAX} feeds`)
      }
      // What authorises us at one place is not shown to another.
      const moved = before !== undefined && new URL(before.url).origin !== new URL(settings.url).origin
      const sealed =
        typeof authorization === 'string'
          ? await sealer.seal(Buffer.from(authorization), purposeOf(place, name))
          : moved
            ? null
            : authorization
      const fresh = before?.url !== settings.url || before.kind !== settings.kind
      await store.put(place, name, { settings, authorization: sealed, fresh, now: clock.now() })
      return get(place, name)
    },

    get,
    list: (place) => store.list(place),

    async delete(place, name, ifMatch) {
      requireMatch(ifMatch, (await get(place, name)).revision)
      await store.delete(place, name)
    },

    async poll(place, name) {
      await get(place, name)
      return jobs.enqueue(place.account, KIND, { workspace: place.workspace, name })
    },
  }
}

const labelOf = ({ account, workspace }: Place, name: string) => `${account}/${workspace}/${name}`

function requireUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw intelError('intel.feed.invalid', '`url` is a URL of http or https')
  }
  if (url.username !== '' || url.password !== '') {
    throw intelError('intel.feed.invalid', '`url` carries no credentials; put them into `authorization`')
  }
}
