import type { ValueType } from '../../ppl/index.ts'

/** DuckDB's type for values of a PPL type. Lists and structs are JSON texts. */
export function sqlTypeOf(type: ValueType): string {
  switch (type) {
    case 'boolean':
      return 'BOOLEAN'
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return 'BIGINT'
    case 'float':
    case 'double':
      return 'DOUBLE'
    case 'timestamp':
      return 'TIMESTAMP'
    case 'date':
      return 'DATE'
    case 'time':
      return 'TIME'
    default:
      return 'VARCHAR'
  }
}

/** A value of one PPL type as another; what cannot be converted is null, never an error of a whole search. */
export function sqlCast(sql: string, from: ValueType, to: ValueType): string {
  const [source, target] = [sqlTypeOf(from), sqlTypeOf(to)]
  if (from === 'null') return nullOf(sql, target)
  if (source === target) return sql
  switch (target) {
    case 'VARCHAR':
      return source === 'BOOLEAN' ? `upper(CAST(${sql} AS VARCHAR))` : `CAST(${sql} AS VARCHAR)`
    case 'BOOLEAN':
      if (source === 'VARCHAR') {
        return `CASE lower(trim(${sql})) WHEN 'true' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN '0' THEN false END`
      }
      return source === 'BIGINT' || source === 'DOUBLE' ? `(${sql} <> 0)` : nullOf(sql, target)
    case 'BIGINT':
      if (source === 'DOUBLE') return `TRY_CAST(trunc(${sql}) AS BIGINT)`
      return source === 'VARCHAR' || source === 'BOOLEAN' ? `TRY_CAST(${sql} AS BIGINT)` : nullOf(sql, target)
    case 'DOUBLE':
      if (source === 'VARCHAR') {
        return `CASE WHEN isfinite(TRY_CAST(${sql} AS DOUBLE)) THEN TRY_CAST(${sql} AS DOUBLE) END`
      }
      return source === 'BIGINT' || source === 'BOOLEAN' ? `CAST(${sql} AS DOUBLE)` : nullOf(sql, target)
    case 'TIMESTAMP':
      // Through the type with a zone: the other one silently ignores an offset in a text.
      if (source === 'VARCHAR') return finite(`TRY_CAST(TRY_CAST(${sql} AS TIMESTAMPTZ) AS TIMESTAMP)`)
      return source === 'DATE' ? `CAST(${sql} AS TIMESTAMP)` : nullOf(sql, target)
    case 'DATE':
      if (source === 'VARCHAR')
        return finite(`TRY_CAST(TRY_CAST(TRY_CAST(${sql} AS TIMESTAMPTZ) AS TIMESTAMP) AS DATE)`)
      return source === 'TIMESTAMP' ? `CAST(${sql} AS DATE)` : nullOf(sql, target)
    default:
      return source === 'VARCHAR' || source === 'TIMESTAMP' ? `TRY_CAST(${sql} AS TIME)` : nullOf(sql, target)
  }
}

// The parameters of a value must stand in the statement, even where its type makes it null.
function nullOf(sql: string, type: string): string {
  return `CASE WHEN ${sql} IS NULL THEN CAST(NULL AS ${type}) END`
}

// `infinity` is a date to DuckDB.
function finite(sql: string): string {
  return `CASE WHEN isfinite(${sql}) THEN ${sql} END`
}
