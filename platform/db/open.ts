import { assert } from '../base/assert.ts'
import type { Database, DatabaseOptions } from './database.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'

/** The control-plane database at a `postgres://` URL, else in a SQLite file. */
export function openDatabase(options: DatabaseOptions): Database {
  if (options.url) return openPostgres(options.url)
  assert(options.file, 'a database needs a url or a file')
  return openSqlite(options.file)
}
