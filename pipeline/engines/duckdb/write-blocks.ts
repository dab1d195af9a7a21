import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  INTEGER,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { assert } from '../../../platform/index.ts'
import { fixedColumns, fixedSlot, type Pipe, tableOf } from './catalogue.ts'
import { type Block, blockRows, type Cell, type ColumnCells } from './encode.ts'
import type { Kind } from './kinds.ts'

type Vector = ReturnType<typeof duckdb.data_chunk_get_vector>
type Storage = 'boolean' | 'int32' | 'int64' | 'double' | 'text'

const storages: Readonly<Record<Kind, Storage>> = {
  boolean: 'boolean',
  long: 'int64',
  double: 'double',
  timestamp: 'int64',
  string: 'text',
  json: 'text',
}
const fixedStorages: readonly Storage[] = ['int32', 'int64', 'int64', 'int64', 'int64', 'int64', 'text', 'text', 'text']
const fixedTypes: readonly DuckDBType[] = [
  INTEGER,
  BIGINT,
  BIGINT,
  TIMESTAMP,
  TIMESTAMP,
  TIMESTAMP,
  VARCHAR,
  VARCHAR,
  VARCHAR,
]
const kindTypes: Readonly<Record<Kind, DuckDBType>> = {
  boolean: BOOLEAN,
  long: BIGINT,
  double: DOUBLE,
  timestamp: TIMESTAMP,
  string: VARCHAR,
  json: VARCHAR,
}
const allNull = new ArrayBuffer(blockRows / 8)

/** Appends blocks to the pipe's table inside the connection's transaction. Goes below the client's value-by-value
 * interface: a table has hundreds of columns of which a block fills some tens, and a null there costs as much as a
 * value, here two calls a column. */
export async function writeBlocks(
  connection: DuckDBConnection,
  pipe: Pipe,
  shard: number,
  blocks: readonly Block[],
): Promise<void> {
  const layout = layoutOf(pipe)
  const logicalTypes = layout.types.map((type) => type.toLogicalType().logical_type)
  const appender = await connection.createAppender(tableOf(pipe))
  try {
    assert(appender.columnCount === layout.types.length, 'the catalogue knows every column of the table')
    for (const block of blocks) {
      const chunk = new DuckDBDataChunk(duckdb.create_data_chunk(logicalTypes))
      chunk.rowCount = block.rowCount
      for (let slot = 0; slot < layout.storages.length; slot++) {
        const vector = duckdb.data_chunk_get_vector(chunk.chunk, slot)
        if (slot === fixedSlot.shard) fillInt32(vector, shard, block.rowCount)
        else writeColumn(vector, layout.storages[slot] ?? 'text', block.columns[slot], block.rowCount)
      }
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

function layoutOf(pipe: Pipe): { readonly types: readonly DuckDBType[]; readonly storages: readonly Storage[] } {
  const types: DuckDBType[] = [...fixedTypes]
  const found: Storage[] = [...fixedStorages]
  for (const field of pipe.fields.values()) {
    for (const column of field.columns.values()) {
      types[column.slot] = kindTypes[column.kind]
      found[column.slot] = storages[column.kind]
    }
  }
  assert(found.length === fixedColumns.length + pipe.columnCount, 'every slot has a column')
  return { types, storages: found }
}

function writeColumn(vector: Vector, storage: Storage, column: ColumnCells | undefined, rowCount: number): void {
  const validityBytes = Math.ceil(rowCount / 64) * 8
  if (!column) {
    duckdb.vector_ensure_validity_writable(vector)
    duckdb.copy_data_to_vector_validity(vector, 0, allNull, 0, validityBytes)
    return
  }
  const { rows, cells } = column
  if (rows.length < rowCount) {
    const validity = new Uint8Array(validityBytes)
    for (const row of rows) validity[row >> 3] = (validity[row >> 3] ?? 0) | (1 << (row & 7))
    duckdb.vector_ensure_validity_writable(vector)
    duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, validityBytes)
  }
  switch (storage) {
    case 'text':
      writeTexts(vector, rows, cells)
      break
    case 'boolean':
      copy(vector, fill(new Uint8Array(rowCount), rows, cells, Number))
      break
    case 'double':
      copy(vector, fill(new Float64Array(rowCount), rows, cells, Number))
      break
    case 'int64':
      copy(
        vector,
        fill(new BigInt64Array(rowCount), rows, cells, (cell) => BigInt(cell)),
      )
      break
    case 'int32':
      copy(vector, fill(new Int32Array(rowCount), rows, cells, Number))
      break
  }
}

function writeTexts(vector: Vector, rows: readonly number[], cells: readonly Cell[]): void {
  for (let i = 0; i < rows.length; i++) {
    duckdb.vector_assign_string_element(vector, rows[i] ?? 0, cells[i] as string)
  }
}

function fill<A extends { [i: number]: T }, T>(
  into: A,
  rows: readonly number[],
  cells: readonly Cell[],
  convert: (cell: Cell) => T,
): A {
  for (let i = 0; i < rows.length; i++) into[rows[i] ?? 0] = convert(cells[i] ?? 0)
  return into
}

function fillInt32(vector: Vector, value: number, rowCount: number): void {
  copy(vector, new Int32Array(rowCount).fill(value))
}

function copy(vector: Vector, data: { readonly buffer: ArrayBuffer; readonly byteLength: number }): void {
  duckdb.copy_data_to_vector(vector, 0, data.buffer, 0, data.byteLength)
}
