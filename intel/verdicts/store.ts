import type { Database } from '../../platform/index.ts'
import type { CounterTables } from '../counter-store.ts'

/** How far verdicts have been taken, ms. */
export type CursorStore = ReturnType<typeof createVerdictCursor>

const KEY = { account: 'rampart', workspace: '', name: 'verdicts' } as const

/** The only SQL of the place up to which verdicts of all accounts were taken. */
export function createVerdictCursor(database: Database) {
  const db = database.as<CounterTables>()
  return {
    async read(): Promise<number> {
      const row = await db.read
        .selectFrom('intel_counter')
        .select('value')
        .where('account', '=', KEY.account)
        .where('workspace', '=', KEY.workspace)
        .where('name', '=', KEY.name)
        .executeTakeFirst()
      return row?.value ?? 0
    },

    /** Never beyond now: a clock that was wrong must not hide what comes. */
    async write(at: number, now: number): Promise<void> {
      const value = Math.min(at, now)
      await db.write((tx) =>
        tx
          .insertInto('intel_counter')
          .values({ ...KEY, value })
          .onConflict((conflict) => conflict.columns(['account', 'workspace', 'name']).doUpdateSet({ value }))
          .execute(),
      )
    },
  }
}
