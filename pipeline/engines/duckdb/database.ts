import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance, type DuckDBType, type DuckDBValue } from '@duckdb/node-api'
import { queryLimits } from '../../ppl/index.ts'
import { storeError } from './errors.ts'
import type { StoreLimits } from './limits.ts'

const schemaVersion = 1
const rowGroupRows = 16_384
const spillPrefix = 'spill-'

/** The tables that say what is stored. Event tables stand beside them, `events_<pipe id>`. No keys and no indexes:
 * one writer keeps them, in memory, and DuckDB's indexes would cost each commit. */
const schema = `
CREATE TABLE IF NOT EXISTS store (version INTEGER);
CREATE TABLE IF NOT EXISTS pipes (
  id INTEGER, account VARCHAR, workspace VARCHAR, dataspace VARCHAR, pipe VARCHAR,
  drop_count INTEGER, has_rest BOOLEAN);
CREATE TABLE IF NOT EXISTS fields (pipe INTEGER, name VARCHAR, declared VARCHAR);
CREATE TABLE IF NOT EXISTS kinds (pipe INTEGER, name VARCHAR, kind VARCHAR, slot INTEGER);
CREATE TABLE IF NOT EXISTS shards (
  pipe INTEGER, shard INTEGER, next_offset BIGINT, arrived_at BIGINT, batch BIGINT, detector_offset BIGINT);
CREATE TABLE IF NOT EXISTS detector_states (pipe INTEGER, shard INTEGER, state BLOB);
`

/** Opens the database file in `dir`, alone: a second process is refused. Queries can reach no file, no network and no
 * setting.
 * @throws pipeline.store.locked, pipeline.store.unreadable */
export async function openDatabase(dir: string, limits: StoreLimits): Promise<DuckDBInstance> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  // A folder of this process: until the file is ours, another process may be spilling beside us.
  const spill = join(dir, `${spillPrefix}${process.pid}`)
  rmSync(spill, { recursive: true, force: true })
  mkdirSync(spill, { mode: 0o700 })
  const file = join(dir, 'events.duckdb')
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${limits.memoryBytesMax}B`,
    max_temp_directory_size: `${limits.spillBytesMax}B`,
    temp_directory: spill,
    threads: String(limits.threads),
    checkpoint_threshold: `${limits.checkpointBytes}B`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_unsigned_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    await attach(connection, file)
    chmodSync(file, 0o600)
    removeOldSpills(dir, spill)
    await connection.run("SET GLOBAL TimeZone = 'UTC'")
    await connection.run('SET GLOBAL enable_external_access = false')
    // Sorting picks rows by their keys first and reads the other columns of these only.
    await connection.run(`SET GLOBAL late_materialization_max_rows = ${2 * queryLimits.rowsMax}`)
    await connection.run(schema)
    await checkVersion(connection, file)
    await connection.run('SET GLOBAL lock_configuration = true')
  } catch (error) {
    connection.closeSync()
    instance.closeSync()
    rmSync(spill, { recursive: true, force: true })
    throw error
  }
  connection.closeSync()
  return instance
}

/** The rows of a query. Whole numbers need their type said: as values they are as wide as it takes. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  values: DuckDBValue[] = [],
  types?: DuckDBType[],
): Promise<DuckDBValue[][]> {
  return (await connection.runAndReadAll(sql, values, types)).getRows()
}

/** Runs `write` in a transaction of its own. */
export async function inTransaction(connection: DuckDBConnection, write: () => Promise<void>): Promise<void> {
  await connection.run('BEGIN TRANSACTION')
  try {
    await write()
    await connection.run('COMMIT')
  } catch (error) {
    // A failed commit has rolled back already; then this fails too, and the first error is the one to tell.
    await connection.run('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** What killed processes left behind. */
function removeOldSpills(dir: string, ours: string): void {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name)
    if (name.startsWith(spillPrefix) && path !== ours) rmSync(path, { recursive: true, force: true })
  }
}

/** A connection whose statements mean the events' database. */
export async function connectTo(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect()
  await connection.run('USE store')
  return connection
}

/** The newest storage format compresses long texts to a third; the row groups are small because each fold writes the
 * last, unfinished one anew. */
async function attach(connection: DuckDBConnection, file: string): Promise<void> {
  const options = `ROW_GROUP_SIZE ${rowGroupRows}, STORAGE_VERSION 'latest'`
  try {
    await connection.run(`ATTACH '${file.replaceAll("'", "''")}' AS store (${options})`)
    await connection.run('USE store')
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    if (/could not set lock|conflicting lock/i.test(text)) {
      throw storeError(
        'pipeline.store.locked',
        `${file} is in use by another process; stop it, or use another folder`,
        {
          cause,
        },
      )
    }
    throw storeError('pipeline.store.unreadable', `${file} cannot be opened; restore it or move it away`, { cause })
  }
}

async function checkVersion(connection: DuckDBConnection, file: string): Promise<void> {
  const [row] = await rowsOf(connection, 'SELECT version FROM store')
  if (!row) await connection.run(`INSERT INTO store VALUES (${schemaVersion})`)
  else if (row[0] !== schemaVersion) {
    throw storeError('pipeline.store.unreadable', `${file} was written by another version of Rampart`)
  }
}
