import { chmodSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement, type Transaction } from 'kysely'
import type { Database } from './database.ts'

/** Works that share one commit; more wait for the next. */
const WORKS_PER_COMMIT_MAX = 64
/** Prepared statements kept per connection. */
const STATEMENTS_MAX = 1000
const BUSY_TIMEOUT_MS = 5000

/** Opens a SQLite file: WAL, synchronous=FULL, one connection that writes and one that reads. */
export function openSqlite<Tables>(file: string): Database<Tables> {
  const writer = connect(file)
  chmodSync(file, 0o600)
  const reader = connect(file)
  reader.exec('PRAGMA query_only = ON')
  return new SqliteDb<Tables>(kyselyOver<Tables>(reader), kyselyOver<Tables>(writer), new Committer(writer))
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768',
  )
  return db
}

class SqliteDb<Tables> implements Database<Tables> {
  readonly dialect = 'sqlite'
  readonly read: Kysely<Tables>
  readonly #write: Kysely<Tables>
  readonly #committer: Committer

  constructor(read: Kysely<Tables>, write: Kysely<Tables>, committer: Committer) {
    this.read = read
    this.#write = write
    this.#committer = committer
  }

  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T> {
    // The committer has already begun a transaction on this connection, so plain Kysely is a transaction here.
    return this.#committer.run(() => work(this.#write as Transaction<Tables>))
  }

  as<Other>(): Database<Other> {
    return this as unknown as Database<Other>
  }

  async close(): Promise<void> {
    await this.#committer.idle()
    await this.read.destroy()
    await this.#write.destroy()
  }
}

interface Work {
  readonly run: () => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Runs works one after another and commits up to `WORKS_PER_COMMIT_MAX` of them at once, each in its own savepoint:
 * one fsync pays for all that came while the last commit was running. */
class Committer {
  readonly #db: DatabaseSync
  readonly #queue: Work[] = []
  #running: Promise<void> | undefined

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  run<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run, resolve: resolve as (value: unknown) => void, reject })
      this.#running ??= this.#drain()
    })
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #drain(): Promise<void> {
    // One turn of the event loop lets requests that are being read now join this commit.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) await this.#commitGroup()
    this.#running = undefined
  }

  async #commitGroup(): Promise<void> {
    const settled: (() => void)[] = []
    const group: Work[] = []
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      while (group.length < WORKS_PER_COMMIT_MAX) {
        const work = this.#queue.shift()
        if (!work) break
        group.push(work)
        this.#db.exec('SAVEPOINT work')
        try {
          const value = await work.run()
          settled.push(() => work.resolve(value))
        } catch (error) {
          this.#db.exec('ROLLBACK TO work')
          settled.push(() => work.reject(error))
        }
        this.#db.exec('RELEASE work')
      }
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      const failed = group.length > 0 ? group : this.#queue.splice(0, 1)
      for (const work of failed) work.reject(error)
      return
    }
    for (const settle of settled) settle()
  }
}

function kyselyOver<Tables>(db: DatabaseSync): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: adapt(db) }) })
}

/** node:sqlite in the shape that Kysely's SQLite dialect takes. */
function adapt(db: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => db.close(),
    prepare(sql) {
      let statement = statements.get(sql)
      if (!statement) {
        statement = adaptStatement(db.prepare(sql))
        if (statements.size >= STATEMENTS_MAX) statements.clear()
        // A schema change makes prepared statements stale; SQLite prepares those again by itself.
        statements.set(sql, statement)
      }
      return statement
    },
  }
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  const values = (parameters: readonly unknown[]) => parameters.map(bindable)
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  }
}

function bindable(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  return value as SQLInputValue
}
