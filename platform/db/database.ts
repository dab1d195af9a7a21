import type { Kysely, Transaction } from 'kysely'

/** What differs between the two databases in a migration; everything else in one is Kysely's schema builder. */
export interface ColumnTypes {
  /** `blob` or `bytea`. */
  readonly bytes: 'blob' | 'bytea'
}

/** A step of the schema. Steps run once, in the order given, and are never edited after a release. */
export interface Migration {
  /** `<folder>/<NNNN>-<what>`; unique for ever. */
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: a migration runs before the tables it types exist
  up(db: Kysely<any>, types: ColumnTypes): Promise<void>
}

/** The control-plane database, seen through the tables of one folder. Columns are snake_case; instants are bigint
 * milliseconds, booleans 0/1 integers, JSON text, bytes `types.bytes`; every table carries `account`. */
export interface Database<Tables = unknown> {
  readonly dialect: 'sqlite' | 'postgres'
  /** Sees what is committed. Not for reading inside `write`: use its transaction there. */
  readonly read: Kysely<Tables>
  /** Runs `work` in a transaction and resolves once it is durable. `work` may run SQL and compute, and await nothing
   * else: on SQLite many works share one commit, one after another, and a work that throws takes only its own changes
   * back. A work may run on its own connection at the same time as others on PostgreSQL. */
  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>
  /** The same database, seen through other tables. */
  as<Other>(): Database<Other>
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** `postgres://…`; absent = SQLite in `file`. */
  readonly url?: string
  readonly file?: string
}
