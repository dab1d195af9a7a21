import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { systemClock } from '../base/clock.ts'
import type { Database, Migration } from './database.ts'
import { migrate } from './migrate.ts'

interface Tables {
  thing: { account: string; id: string; amount: number; bytes: Uint8Array | null }
}

const migrations: Migration[] = [
  {
    name: 'test/0001-thing',
    up: async (db, types) => {
      await db.schema
        .createTable('thing')
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('amount', 'bigint', (column) => column.notNull())
        .addColumn('bytes', types.bytes)
        .addPrimaryKeyConstraint('thing_pk', ['account', 'id'])
        .execute()
    },
  },
]

describe.each(testDatabases())('database on $name', (kind: TestDatabase) => {
  let db: Database<Tables>
  let drop: () => Promise<void>

  beforeEach(async () => {
    const opened = await kind.open()
    db = opened.database.as<Tables>()
    drop = opened.drop
    await migrate(opened.database, migrations, systemClock)
  })
  afterEach(() => drop())

  const insert = (id: string, amount = 1) =>
    db.write((tx) =>
      tx
        .insertInto('thing')
        .values({ account: 'a', id, amount, bytes: Buffer.from([1, 2]) })
        .execute(),
    )

  it('gives back numbers beyond 32 bits and bytes as they were', async () => {
    await insert('x', 1_790_000_000_000)
    const row = await db.read.selectFrom('thing').selectAll().executeTakeFirstOrThrow()
    expect(row.amount).toBe(1_790_000_000_000)
    expect([...(row.bytes ?? [])]).toEqual([1, 2])
  })

  it('runs a migration once however often it is asked to', async () => {
    await migrate(db.as(), migrations, systemClock)
    await insert('x')
  })

  it('takes back only the work that failed when many are committed together', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, index) =>
        db.write(async (tx) => {
          await tx
            .insertInto('thing')
            .values({ account: 'a', id: `${index}`, amount: index, bytes: null })
            .execute()
          if (index % 3 === 0) throw new Error('no')
        }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'rejected')).toHaveLength(34)
    const rows = await db.read.selectFrom('thing').select('amount').execute()
    expect(rows).toHaveLength(66)
    expect(rows.every((row) => row.amount % 3 !== 0)).toBe(true)
  })

  it('shows a reader nothing of a transaction that has not committed', async () => {
    let seen = -1
    await db.write(async (tx) => {
      await tx.insertInto('thing').values({ account: 'a', id: 'x', amount: 1, bytes: null }).execute()
      seen = (await db.read.selectFrom('thing').selectAll().execute()).length
    })
    expect(seen).toBe(0)
    expect(await db.read.selectFrom('thing').selectAll().execute()).toHaveLength(1)
  })

  it('rejects a duplicate key', async () => {
    await insert('x')
    await expect(insert('x')).rejects.toThrow()
    await insert('y')
    expect(await db.read.selectFrom('thing').selectAll().execute()).toHaveLength(2)
  })
})
