import { type Selectable, sql } from 'kysely'
import { type AccountId, type Database, parseAccountId } from '../../platform/index.ts'
import type { Place } from '../types.ts'
import type { Feed, FeedOutcome, FeedSettings } from './types.ts'

interface FeedTables {
  intel_feed: {
    account: string
    workspace: string
    name: string
    settings: string
    authorization: Uint8Array | null
    cursor: string
    next_at: number
    outcome: string | null
    created_at: number
    updated_at: number
    revision: number
    push_sightings: number
  }
}

export type FeedStore = ReturnType<typeof createFeedStore>

/** The only SQL of feeds. */
export function createFeedStore(database: Database) {
  const db = database.as<FeedTables>()
  const ofPlace = ({ account, workspace }: Place) =>
    db.read.selectFrom('intel_feed').selectAll().where('account', '=', account).where('workspace', '=', workspace)

  return {
    async find(place: Place, name: string): Promise<Feed | undefined> {
      const row = await ofPlace(place).where('name', '=', name).executeTakeFirst()
      return row && toFeed(row)
    },

    async authorization(place: Place, name: string): Promise<Uint8Array | undefined> {
      const row = await ofPlace(place).where('name', '=', name).executeTakeFirst()
      return row?.authorization ?? undefined
    },

    async list(place: Place): Promise<Feed[]> {
      return (await ofPlace(place).orderBy('name').execute()).map(toFeed)
    },

    /** Makes a feed, or changes what it is set to; one whose URL changed is read from the beginning.
     * @param authorization undefined leaves what is there, null takes it away */
    async put(
      place: Place,
      name: string,
      feed: {
        readonly settings: FeedSettings
        readonly authorization: Uint8Array | null | undefined
        readonly fresh: boolean
        readonly now: number
      },
    ): Promise<void> {
      const { settings, authorization, fresh, now } = feed
      await db.write((tx) =>
        tx
          .insertInto('intel_feed')
          .values({
            ...place,
            name,
            settings: JSON.stringify(settings),
            authorization: authorization ?? null,
            cursor: '',
            next_at: now,
            outcome: null,
            created_at: now,
            updated_at: now,
            revision: 1,
            push_sightings: settings.pushSightings ? 1 : 0,
          })
          .onConflict((conflict) =>
            conflict.columns(['account', 'workspace', 'name']).doUpdateSet(({ ref }) => ({
              settings: ref('excluded.settings'),
              push_sightings: ref('excluded.push_sightings'),
              ...(authorization === undefined ? {} : { authorization: ref('excluded.authorization') }),
              ...(fresh ? { cursor: '' } : {}),
              next_at: now,
              updated_at: now,
              revision: sql<number>`intel_feed.revision + 1`,
            })),
          )
          .execute(),
      )
    },

    async delete(place: Place, name: string): Promise<void> {
      await db.write((tx) =>
        tx
          .deleteFrom('intel_feed')
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('name', '=', name)
          .execute(),
      )
    },

    /** Feeds of all accounts that are to be read at an instant. */
    async due(now: number, limit: number): Promise<{ place: Place; feed: Feed }[]> {
      const rows = await db.read
        .selectFrom('intel_feed')
        .selectAll()
        .where('next_at', '<=', now)
        .orderBy('next_at')
        .limit(limit)
        .execute()
      return rows.map(placed)
    },

    /** Feeds of all accounts that are switched on. */
    async enabled(limit: number): Promise<{ place: Place; feed: Feed }[]> {
      const rows = await db.read.selectFrom('intel_feed').selectAll().orderBy('created_at').limit(limit).execute()
      return rows.map(placed).filter(({ feed }) => feed.enabled)
    },

    async schedule(place: Place, name: string, nextAt: number): Promise<void> {
      await this.change(place, name, { next_at: nextAt })
    },

    async setCursor(place: Place, name: string, cursor: string): Promise<void> {
      await this.change(place, name, { cursor })
    },

    async setOutcome(place: Place, name: string, outcome: FeedOutcome, nextAt: number): Promise<void> {
      await this.change(place, name, { outcome: JSON.stringify(outcome), next_at: nextAt })
    },

    async change(
      place: Place,
      name: string,
      to: Partial<Pick<FeedTables['intel_feed'], 'cursor' | 'outcome' | 'next_at'>>,
    ): Promise<void> {
      await db.write((tx) =>
        tx
          .updateTable('intel_feed')
          .set(to)
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('name', '=', name)
          .execute(),
      )
    },
  }
}

function placed(row: Selectable<FeedTables['intel_feed']>): { place: Place; feed: Feed } {
  const account: AccountId = parseAccountId(row.account)
  return { place: { account, workspace: row.workspace }, feed: toFeed(row) }
}

function toFeed(row: Selectable<FeedTables['intel_feed']>): Feed {
  return {
    ...(JSON.parse(row.settings) as FeedSettings),
    name: row.name,
    authorized: row.authorization !== null,
    cursor: row.cursor,
    nextAt: row.next_at,
    ...(row.outcome === null ? {} : { outcome: JSON.parse(row.outcome) as FeedOutcome }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  }
}
