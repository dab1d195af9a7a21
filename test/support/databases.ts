import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Database, openDatabase } from '../../platform/index.ts'
import { engineUrl } from './engines.ts'

export interface TestDatabase {
  readonly name: string
  /** `url` or `file` is how another process opens the same. */
  open(): Promise<{
    readonly database: Database
    readonly url?: string
    readonly file?: string
    drop(): Promise<void>
  }>
}

let schemas = 0

/** Every database that is here, each opened empty: SQLite always, PostgreSQL where `npm run engines` started it. */
export function testDatabases(): TestDatabase[] {
  const found: TestDatabase[] = [{ name: 'SQLite', open: openSqliteForTest }]
  const url = engineUrl('postgres')
  if (url) found.push({ name: 'PostgreSQL', open: () => openPostgresForTest(url) })
  return found
}

async function openSqliteForTest() {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-db-'))
  const file = join(dir, 'rampart.db')
  const database = openDatabase({ file })
  return {
    database,
    file,
    async drop() {
      await database.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function openPostgresForTest(server: string) {
  schemas += 1
  const schema = `test_${process.pid}_${schemas}`
  await runOn(server, `create schema ${schema}`)
  const url = `${server}?options=-csearch_path%3D${schema}`
  const database = openDatabase({ url })
  return {
    database,
    url,
    async drop() {
      await database.close()
      await runOn(server, `drop schema ${schema} cascade`)
    },
  }
}

async function runOn(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
