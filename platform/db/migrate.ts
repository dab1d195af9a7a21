import { type Kysely, sql } from 'kysely'
import type { Clock } from '../base/clock.ts'
import type { ColumnTypes, Database, Migration } from './database.ts'

interface MigrationTables {
  schema_migration: { name: string; applied_at: number }
}

/** Any fixed number: processes that start together take turns on it. */
const ADVISORY_LOCK = 7_261_770

/** Brings the schema up to date: runs the steps that have not run, in the order given, all in one transaction. */
export async function migrate(database: Database, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const types: ColumnTypes = { bytes: database.dialect === 'sqlite' ? 'blob' : 'bytea' }
  await database.as<MigrationTables>().write(async (tx) => {
    if (database.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(tx)
    await tx.schema
      .createTable('schema_migration')
      .ifNotExists()
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('applied_at', 'bigint', (column) => column.notNull())
      .execute()
    const rows = await tx.selectFrom('schema_migration').select('name').execute()
    const applied = new Set(rows.map((row) => row.name))
    for (const migration of migrations) {
      if (applied.has(migration.name)) continue
      // biome-ignore lint/suspicious/noExplicitAny: see Migration.up
      await migration.up(tx as unknown as Kysely<any>, types)
      await tx.insertInto('schema_migration').values({ name: migration.name, applied_at: clock.now() }).execute()
    }
  })
}
