import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import type { Database } from './database.ts'

const CONNECTIONS_MAX = 10
const INT8_OID = 20

/** Opens a PostgreSQL database. bigint columns come back as numbers. */
export function openPostgres<Tables>(url: string): Database<Tables> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    application_name: 'rampart',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? parseInt8 : (pg.types.getTypeParser as (oid: number, format?: string) => never)(oid, format),
    },
  })
  // A connection that breaks while idle is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => {})
  return new PostgresDb<Tables>(new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }))
}

function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`)
  return value
}

class PostgresDb<Tables> implements Database<Tables> {
  readonly dialect = 'postgres'
  readonly read: Kysely<Tables>

  constructor(kysely: Kysely<Tables>) {
    this.read = kysely
  }

  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.read.transaction().execute(work)
  }

  as<Other>(): Database<Other> {
    return this as unknown as Database<Other>
  }

  close(): Promise<void> {
    return this.read.destroy()
  }
}
