import type { Database } from '../../platform/index.ts'
import { type CounterTables, takeNumbers } from '../counter-store.ts'
import { intelError } from '../errors.ts'
import { OBJECTS_MAX, OBJECTS_PER_WRITE, ROWS_PER_STATEMENT } from '../limits.ts'
import type { Place } from '../types.ts'
import type { StixObject } from './object.ts'

interface StixTables extends CounterTables {
  intel_stix_object: {
    account: string
    workspace: string
    id: string
    version: string
    type: string
    spec_version: string
    added_us: number
    json: string
  }
  intel_taxii_status: { account: string; workspace: string; id: string; at: number; json: string }
}

/** A version of an object, and when it came: strictly increasing within a workspace, microseconds. */
export interface StoredObject {
  readonly id: string
  readonly version: string
  readonly specVersion: string
  readonly addedUs: number
  readonly json: string
}

/** Which objects are asked for. Absent = any. */
export interface ObjectQuery {
  readonly addedAfterUs: number
  readonly limit: number
  readonly ids?: readonly string[]
  readonly types?: readonly string[]
  readonly specVersions?: readonly string[]
  /** `last`, `first`, `all`, or instants with six decimals; any of them. */
  readonly versions: readonly string[]
}

export type StixStore = ReturnType<typeof createStixStore>

/** The only SQL of STIX objects that are kept as they came. */
export function createStixStore(database: Database) {
  const db = database.as<StixTables>()
  const ofPlace = ({ account, workspace }: Place) =>
    db.read
      .selectFrom('intel_stix_object as o')
      .selectAll('o')
      .where('o.account', '=', account)
      .where('o.workspace', '=', workspace)

  return {
    /** Keeps objects; a version that is there stays as it is.   @throws intel.import.tooMany   @returns how many were new */
    async put(place: Place, objects: readonly StixObject[], now: number): Promise<number> {
      let added = 0
      for (let from = 0; from < objects.length; from += OBJECTS_PER_WRITE) {
        const some = objects.slice(from, from + OBJECTS_PER_WRITE)
        added += await db.write(async (tx) => {
          const first = await takeNumbers(tx, { ...place, name: 'objects' }, some.length, now)
          let inserted = 0
          for (let at = 0; at < some.length; at += ROWS_PER_STATEMENT) {
            const rows = some.slice(at, at + ROWS_PER_STATEMENT).map(({ id, type, version = '', json }, index) => ({
              ...place,
              id,
              version,
              type,
              spec_version: specVersionOf(json),
              added_us: first + at + index,
              json,
            }))
            const { numInsertedOrUpdatedRows = 0n } = await tx
              .insertInto('intel_stix_object')
              .values(rows)
              .onConflict((conflict) => conflict.columns(['account', 'workspace', 'id', 'version']).doNothing())
              .executeTakeFirstOrThrow()
            inserted += Number(numInsertedOrUpdatedRows)
          }
          return inserted
        })
      }
      return added
    },

    /** @throws intel.import.tooMany when a workspace has no room for more */
    async requireRoom(place: Place, count: number): Promise<void> {
      const { total } = await db.read
        .selectFrom('intel_stix_object')
        .select((select) => select.fn.countAll<number>().as('total'))
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .executeTakeFirstOrThrow()
      if (Number(total) + count > OBJECTS_MAX) {
        throw intelError('intel.import.tooMany', `a workspace keeps at most ${OBJECTS_MAX} STIX objects`)
      }
    },

    /** Keeps what became of objects that were sent. */
    async putStatus(place: Place, id: string, json: string, now: number): Promise<void> {
      await db.write((tx) =>
        tx
          .insertInto('intel_taxii_status')
          .values({ ...place, id, at: now, json })
          .execute(),
      )
    },

    async findStatus(place: Place, id: string): Promise<string | undefined> {
      const row = await db.read
        .selectFrom('intel_taxii_status')
        .select('json')
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .where('id', '=', id)
        .executeTakeFirst()
      return row?.json
    },

    /** Forgets statuses from before an instant, of all accounts: upkeep of the table. */
    async pruneStatuses(before: number): Promise<void> {
      await db.write((tx) => tx.deleteFrom('intel_taxii_status').where('at', '<', before).execute())
    },

    /** In order of coming. */
    async list(place: Place, query: ObjectQuery): Promise<StoredObject[]> {
      const { addedAfterUs, limit, ids, types, specVersions, versions } = query
      let select = ofPlace(place).where('o.added_us', '>', addedAfterUs)
      if (ids) select = select.where('o.id', 'in', ids)
      if (types) select = select.where('o.type', 'in', types)
      if (specVersions) select = select.where('o.spec_version', 'in', specVersions)
      if (!versions.includes('all')) {
        select = select.where(({ or, eb, not, exists, selectFrom }) => {
          const other = (side: '>' | '<') =>
            not(
              exists(
                selectFrom('intel_stix_object as other')
                  .select('other.id')
                  .whereRef('other.account', '=', 'o.account')
                  .whereRef('other.workspace', '=', 'o.workspace')
                  .whereRef('other.id', '=', 'o.id')
                  .whereRef('other.version', side, 'o.version'),
              ),
            )
          return or(
            versions.map((version) => {
              if (version === 'last') return other('>')
              return version === 'first' ? other('<') : eb('o.version', '=', version)
            }),
          )
        })
      }
      const rows = await select.orderBy('o.added_us').limit(limit).execute()
      return rows.map(({ id, version, spec_version: specVersion, added_us: addedUs, json }) => ({
        id,
        version,
        specVersion,
        addedUs,
        json,
      }))
    },
  }
}

function specVersionOf(json: string): string {
  const { spec_version: version } = JSON.parse(json) as { spec_version?: unknown }
  return version === '2.1' ? '2.1' : '2.0'
}
