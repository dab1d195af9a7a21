import { DuckDBDateValue, DuckDBTimestampValue, DuckDBTimeValue, type DuckDBValue } from '@duckdb/node-api'
import { formatTimestamp, type ValueType } from '../../ppl/index.ts'
import type { FieldType, JsonValue } from '../../types.ts'

/** A cell of an answer, as JSON. Whole numbers beyond 2^53 are rounded, as JSON readers would. */
export function jsonOf(value: DuckDBValue, type: ValueType): JsonValue {
  if (value === null) return null
  switch (typeof value) {
    case 'bigint':
      return Number(value)
    case 'number':
      return Number.isFinite(value) ? value : null
    case 'string':
      return type === 'array' || type === 'struct' ? parseOr(value) : value
    case 'boolean':
      return value
  }
  if (value instanceof DuckDBTimestampValue) return formatTimestamp(value.micros)
  if (value instanceof DuckDBDateValue || value instanceof DuckDBTimeValue) return value.toString()
  return String(value)
}

/** The type that an answer's schema names. */
export function shownType(type: ValueType): FieldType {
  return type === 'null' || type === 'any' || type === 'interval' ? 'string' : type
}

// A struct of a pipe may be a plain text in some events.
function parseOr(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
