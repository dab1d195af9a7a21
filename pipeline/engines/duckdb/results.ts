import { type DuckDBDataChunk, DuckDBTypeId, type DuckDBValue } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { formatTimestamp, type ValueType } from '../../ppl/index.ts'
import type { FieldType, JsonValue } from '../../types.ts'

/** The rows of a chunk, as JSON, of its first columns. Goes by columns and looks only at what is not null: most of an
 * answer that shows all fields is.  Whole numbers beyond 2^53 are rounded, as JSON readers would. */
export function rowsOfChunk(chunk: DuckDBDataChunk, types: readonly ValueType[]): JsonValue[][] {
  const { rowCount } = chunk
  const rows = Array.from({ length: rowCount }, () => new Array<JsonValue>(types.length).fill(null))
  types.forEach((type, column) => {
    const present = presentRows(chunk, column, rowCount)
    if (present?.length === 0) return
    const vector = chunk.getColumnVector(column)
    const convert = converterOf(vector.type.typeId, type)
    const fill = (row: number): void => {
      const cells = rows[row]
      if (cells) cells[column] = convert(vector.getItem(row))
    }
    if (present) present.forEach(fill)
    else for (let row = 0; row < rowCount; row++) fill(row)
  })
  return rows
}

/** The type that an answer's schema names. */
export function shownType(type: ValueType): FieldType {
  return type === 'null' || type === 'any' || type === 'interval' ? 'string' : type
}

/** The rows whose cell is not null; undefined for all. */
function presentRows(chunk: DuckDBDataChunk, column: number, rowCount: number): number[] | undefined {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, column)
  const validity: Uint8Array | null = duckdb.vector_get_validity(vector, Math.ceil(rowCount / 64) * 8)
  if (!validity) return undefined
  const present: number[] = []
  for (let row = 0; row < rowCount; row++) {
    const byte = validity[row >> 3] ?? 0
    // Eight nulls at a time.
    if (byte === 0) row |= 7
    else if ((byte & (1 << (row & 7))) !== 0) present.push(row)
  }
  return present
}

function converterOf(id: DuckDBTypeId, type: ValueType): (value: DuckDBValue) => JsonValue {
  switch (id) {
    case DuckDBTypeId.VARCHAR:
      return type === 'array' || type === 'struct' ? (text) => parseOr(String(text)) : (text) => String(text)
    case DuckDBTypeId.TIMESTAMP:
      return (value) => formatTimestamp(microsOfValue(value))
    case DuckDBTypeId.BOOLEAN:
      return (value) => value === true
    case DuckDBTypeId.DATE:
    case DuckDBTypeId.TIME:
      return String
    default:
      return (value) => {
        const number = Number(value)
        return Number.isFinite(number) ? number : null
      }
  }
}

/** The microseconds of a timestamp's cell. */
export function microsOfValue(value: DuckDBValue | undefined): bigint {
  return typeof value === 'object' && value !== null && 'micros' in value ? BigInt(value.micros) : 0n
}

// A struct of a pipe may be a plain text in some events.
function parseOr(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
