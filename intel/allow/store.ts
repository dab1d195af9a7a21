import type { Database } from '../../platform/index.ts'
import type { Observable, Place } from '../types.ts'

interface AllowTables {
  intel_allow_list: { account: string; workspace: string; name: string; entries: string; updated_at: number }
}

export interface AllowList {
  readonly name: string
  readonly entries: readonly Observable[]
  readonly updatedAt: number
}

export type AllowStore = ReturnType<typeof createAllowStore>

/** The only SQL of allow-lists. */
export function createAllowStore(database: Database) {
  const db = database.as<AllowTables>()

  return {
    async list(place: Place): Promise<AllowList[]> {
      const rows = await db.read
        .selectFrom('intel_allow_list')
        .selectAll()
        .where('account', '=', place.account)
        .where('workspace', '=', place.workspace)
        .orderBy('name')
        .execute()
      return rows.map(({ name, entries, updated_at: updatedAt }) => ({
        name,
        entries: JSON.parse(entries) as Observable[],
        updatedAt,
      }))
    },

    async workspaces(account: Place['account']): Promise<string[]> {
      const rows = await db.read
        .selectFrom('intel_allow_list')
        .select('workspace')
        .distinct()
        .where('account', '=', account)
        .execute()
      return rows.map(({ workspace }) => workspace)
    },

    async put(place: Place, name: string, entries: readonly Observable[], now: number): Promise<void> {
      const row = { ...place, name, entries: JSON.stringify(entries), updated_at: now }
      await db.write((tx) =>
        tx
          .insertInto('intel_allow_list')
          .values(row)
          .onConflict((conflict) =>
            conflict
              .columns(['account', 'workspace', 'name'])
              .doUpdateSet({ entries: row.entries, updated_at: row.updated_at }),
          )
          .execute(),
      )
    },

    /** @returns whether there was one */
    async delete(place: Place, name: string): Promise<boolean> {
      const { numDeletedRows } = await db.write((tx) =>
        tx
          .deleteFrom('intel_allow_list')
          .where('account', '=', place.account)
          .where('workspace', '=', place.workspace)
          .where('name', '=', name)
          .executeTakeFirstOrThrow(),
      )
      return numDeletedRows > 0n
    },
  }
}
