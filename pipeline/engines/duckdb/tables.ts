import { blobValue, type DuckDBConnection } from '@duckdb/node-api'
import type { FieldType } from '../../types.ts'
import {
  type Column,
  columnName,
  type Field,
  fixedColumns,
  type inRestMark,
  type Pipe,
  type Shard,
  tableOf,
} from './catalogue.ts'
import { rowsOf } from './database.ts'
import { type Kind, sqlTypes } from './kinds.ts'

// What changes the catalogue's tables and the shape of event tables. Each runs in the caller's transaction.

export async function createPipe(connection: DuckDBConnection, pipe: Pipe): Promise<void> {
  const { account, workspace, dataspace, pipe: name } = pipe.address
  await connection.run(`CREATE TABLE ${tableOf(pipe)} (${fixedColumns.join(', ')})`)
  await connection.run('INSERT INTO pipes VALUES ($1, $2, $3, $4, $5, 0, false)', [
    pipe.id,
    account,
    workspace,
    dataspace,
    name,
  ])
}

export async function addFields(connection: DuckDBConnection, pipe: Pipe, fields: readonly Field[]): Promise<void> {
  if (fields.length === 0) return
  const appender = await connection.createAppender('fields')
  for (const field of fields) {
    appender.appendInteger(pipe.id)
    appender.appendVarchar(field.name)
    if (field.declared === undefined) appender.appendNull()
    else appender.appendVarchar(field.declared)
    appender.endRow()
  }
  appender.flushSync()
  appender.closeSync()
}

/** Something new about a field: a kind of values, with or without a column, or that some are in the JSON column. A
 * later row for a kind adds its column. */
export interface KindRow {
  readonly field: Field
  readonly kind: Kind | typeof inRestMark
  readonly column: Column | undefined
}

export async function addKinds(connection: DuckDBConnection, pipe: Pipe, rows: readonly KindRow[]): Promise<void> {
  if (rows.length === 0) return
  for (const { column } of rows) {
    if (!column) continue
    await connection.run(`ALTER TABLE ${tableOf(pipe)} ADD COLUMN ${columnName(column)} ${sqlTypes[column.kind]}`)
  }
  const appender = await connection.createAppender('kinds')
  for (const { field, kind, column } of rows) {
    appender.appendInteger(pipe.id)
    appender.appendVarchar(field.name)
    appender.appendVarchar(kind)
    if (column) appender.appendInteger(column.slot)
    else appender.appendNull()
    appender.endRow()
  }
  appender.flushSync()
  appender.closeSync()
}

export async function markHasRest(connection: DuckDBConnection, pipe: Pipe): Promise<void> {
  await connection.run('UPDATE pipes SET has_rest = true WHERE id = $1', [pipe.id])
}

export async function setDeclared(
  connection: DuckDBConnection,
  pipe: Pipe,
  name: string,
  type: FieldType,
): Promise<void> {
  await connection.run('UPDATE fields SET declared = $3 WHERE pipe = $1 AND name = $2', [pipe.id, name, type])
}

export async function putShard(
  connection: DuckDBConnection,
  pipe: Pipe,
  shard: number,
  state: Shard & { readonly batch: number },
): Promise<void> {
  await connection.run('DELETE FROM shards WHERE pipe = $1 AND shard = $2', [pipe.id, shard])
  await connection.run(
    'INSERT INTO shards VALUES ($1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT))',
    [pipe.id, shard, state.nextOffset, state.arrivedAt, state.batch, state.detectorOffset],
  )
}

export async function putDetectorState(
  connection: DuckDBConnection,
  pipe: Pipe,
  shard: number,
  state: Uint8Array,
): Promise<void> {
  await connection.run('DELETE FROM detector_states WHERE pipe = $1 AND shard = $2', [pipe.id, shard])
  await connection.run('INSERT INTO detector_states VALUES ($1, $2, $3)', [pipe.id, shard, blobValue(state)])
}

export async function getDetectorState(
  connection: DuckDBConnection,
  pipe: Pipe,
  shard: number,
): Promise<Uint8Array | undefined> {
  const [row] = await rowsOf(connection, 'SELECT state FROM detector_states WHERE pipe = $1 AND shard = $2', [
    pipe.id,
    shard,
  ])
  const state = row?.[0]
  return typeof state === 'object' && state !== null && 'bytes' in state ? state.bytes : undefined
}

export async function dropEventsBefore(connection: DuckDBConnection, pipe: Pipe, before: number): Promise<number> {
  const result = await connection.run(
    `DELETE FROM ${tableOf(pipe)} WHERE "time" < make_timestamp(CAST($1 AS BIGINT) * 1000)`,
    [before],
  )
  await connection.run('UPDATE pipes SET drop_count = drop_count + 1 WHERE id = $1', [pipe.id])
  return result.rowsChanged
}
