import { isTimestampText } from '../../ppl/index.ts'
import type { FieldType, JsonValue } from '../../types.ts'

/** How a value is stored. A field has one column for each kind its values came in. */
export const kinds = ['boolean', 'long', 'double', 'timestamp', 'string', 'json'] as const
export type Kind = (typeof kinds)[number]

/** DuckDB's type of a column. */
export const sqlTypes: Readonly<Record<Kind, string>> = {
  boolean: 'BOOLEAN',
  long: 'BIGINT',
  double: 'DOUBLE',
  timestamp: 'TIMESTAMP',
  string: 'VARCHAR',
  json: 'VARCHAR',
}

/** The kind that holds a value without loss. Timestamps are recognised in texts that can be nothing else, and lose the
 * way they were written and what is below a microsecond; `raw_data` keeps both. */
export function kindOf(value: Exclude<JsonValue, null>): Kind {
  switch (typeof value) {
    case 'boolean':
      return 'boolean'
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'long' : 'double'
    case 'string':
      return isTimestampText(value) ? 'timestamp' : 'string'
    default:
      return 'json'
  }
}

/** The kind of column that a declared type is stored in. */
export function kindOfType(type: FieldType): Kind {
  switch (type) {
    case 'boolean':
      return 'boolean'
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return 'long'
    case 'float':
    case 'double':
      return 'double'
    case 'timestamp':
      return 'timestamp'
    case 'date':
    case 'time':
    case 'string':
    case 'ip':
    case 'binary':
      return 'string'
    case 'struct':
    case 'array':
      return 'json'
  }
}

/** The type in which values of all these kinds can be compared: the kind's own, numbers together, else text. */
export function typeOfKinds(present: ReadonlySet<Kind>): FieldType {
  const [first] = present
  if (present.size === 1 && first !== undefined) return first === 'json' ? 'array' : first
  if (present.size === 2 && present.has('long') && present.has('double')) return 'double'
  return 'string'
}
