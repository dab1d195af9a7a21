import { sql, type Transaction } from 'kysely'
import { type AccountId, type Database, parseAccountId } from '../../platform/index.ts'
import type { Place } from '../types.ts'

export interface OutgoingTables {
  intel_outgoing: {
    account: string
    workspace: string
    feed: string
    id: string
    attribute: string
    kind: number
    at: number
    attempts: number
  }
  intel_feed: { account: string; workspace: string; name: string; push_sightings: number }
  intel_opinion: { account: string; workspace: string; indicator: string; source: string; stix_id: string | null }
}

/** What a feed is to be told of an attribute of its: that it was seen (0), or that it was wrong (1). */
export interface Outgoing {
  readonly id: string
  /** UUID. */
  readonly attribute: string
  readonly kind: 0 | 1
  readonly at: number
  readonly attempts: number
}

/** Keeps what the feeds that an indicator came from want to hear of it, within the transaction that makes it so. */
export async function addOutgoing(
  tx: Pick<Transaction<OutgoingTables>, 'insertInto' | 'selectFrom'>,
  place: Place,
  told: { readonly id: string; readonly indicator: string; readonly kind: Outgoing['kind']; readonly at: number },
): Promise<void> {
  const { id, indicator, kind, at } = told
  const feeds = await tx
    .selectFrom('intel_feed as feed')
    .innerJoin('intel_opinion as opinion', (join) =>
      join
        .onRef('opinion.account', '=', 'feed.account')
        .onRef('opinion.workspace', '=', 'feed.workspace')
        .on('opinion.source', '=', sql<string>`'feed:' || feed.name`),
    )
    .select(['feed.name', 'opinion.stix_id'])
    .where('feed.account', '=', place.account)
    .where('feed.workspace', '=', place.workspace)
    .where('feed.push_sightings', '=', 1)
    .where('opinion.indicator', '=', indicator)
    .execute()
  for (const { name, stix_id: stixId } of feeds) {
    const attribute = stixId?.replace(/^indicator--/, '')
    if (attribute === undefined) continue
    await tx
      .insertInto('intel_outgoing')
      .values({ ...place, feed: name, id, attribute, kind, at, attempts: 0 })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

export type OutgoingStore = ReturnType<typeof createOutgoingStore>

/** The only SQL of what feeds are still to be told. */
export function createOutgoingStore(database: Database) {
  const db = database.as<OutgoingTables>()
  const ofFeed = (place: Place, feed: string) =>
    db.read
      .selectFrom('intel_outgoing')
      .where('account', '=', place.account)
      .where('workspace', '=', place.workspace)
      .where('feed', '=', feed)

  return {
    /** Feeds of all accounts that are to be told something. */
    async feeds(): Promise<{ place: Place; feed: string }[]> {
      const rows = await db.read
        .selectFrom('intel_outgoing')
        .select(['account', 'workspace', 'feed'])
        .distinct()
        .limit(1_000)
        .execute()
      return rows.map((row) => {
        const account: AccountId = parseAccountId(row.account)
        return { place: { account, workspace: row.workspace }, feed: row.feed }
      })
    },

    /** The oldest. */
    async take(place: Place, feed: string, limit: number): Promise<Outgoing[]> {
      const rows = await ofFeed(place, feed).selectAll().orderBy('at').orderBy('id').limit(limit).execute()
      return rows.map(({ id, attribute, kind, at, attempts }) => ({
        ...{ id, attribute, at, attempts },
        kind: kind === 1 ? 1 : 0,
      }))
    },

    async count(place: Place, feed: string): Promise<number> {
      const row = await ofFeed(place, feed)
        .select((select) => select.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    async countAll(): Promise<number> {
      const row = await db.read
        .selectFrom('intel_outgoing')
        .select((select) => select.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    /** @param attempts undefined: it is done with */
    async settle(place: Place, feed: string, told: Outgoing, attempts?: number): Promise<void> {
      const { id, attribute, kind } = told
      await db.write(async (tx) => {
        if (attempts === undefined) {
          await tx
            .deleteFrom('intel_outgoing')
            .where('account', '=', place.account)
            .where('workspace', '=', place.workspace)
            .where('feed', '=', feed)
            .where('id', '=', id)
            .where('attribute', '=', attribute)
            .where('kind', '=', kind)
            .execute()
          return
        }
        await tx
          .updateTable('intel_outgoing')
          .set({ attempts })
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('feed', '=', feed)
          .where('id', '=', id)
          .where('attribute', '=', attribute)
          .where('kind', '=', kind)
          .execute()
      })
    },

    /** Lets the oldest go beyond a number; all where it is 0.   @returns how many went */
    async trim(place: Place, feed: string, keep: number): Promise<number> {
      const over = (await this.count(place, feed)) - keep
      if (over <= 0) return 0
      for (const each of await this.take(place, feed, over)) await this.settle(place, feed, each)
      return over
    },
  }
}
