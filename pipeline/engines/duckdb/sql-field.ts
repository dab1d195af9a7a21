import type { ValueType } from '../../ppl/index.ts'
import { commonType } from '../../ppl/index.ts'
import type { FieldType } from '../../types.ts'
import { type Column, columnName, type Field, fieldType, type Pipe } from './catalogue.ts'
import type { Kind } from './kinds.ts'
import type { Parameters } from './sql-parameters.ts'
import { sqlCast, sqlTypeOf } from './sql-types.ts'

/** What each event has beside the fields of its record: from the table's own columns. */
interface SystemField {
  readonly type: FieldType
  readonly sql: (pipe: Pipe, parameters: Parameters) => string
}

const time: SystemField = { type: 'timestamp', sql: () => '"time"' }
const raw: SystemField = { type: 'string', sql: () => 'raw' }
const parseError: SystemField = { type: 'string', sql: () => 'parse_error' }

/** Names that always mean the platform's own. */
const reserved: ReadonlyMap<string, SystemField> = new Map<string, SystemField>([
  [
    '_id',
    { type: 'string', sql: (pipe, parameters) => `(${parameters.text(idPrefix(pipe))} || shard || '/' || "offset")` },
  ],
  ['_time', time],
  ['_received', { type: 'timestamp', sql: () => 'received' }],
  ['_pipe', { type: 'string', sql: (pipe, parameters) => parameters.text(pipe.address.pipe) }],
  ['_index', { type: 'string', sql: (pipe, parameters) => parameters.text(pipe.address.pipe) }],
  ['_shard', { type: 'long', sql: () => 'CAST(shard AS BIGINT)' }],
  ['_offset', { type: 'long', sql: () => '"offset"' }],
  ['_rest', { type: 'struct', sql: () => 'rest' }],
])

/** Names that a record may take for itself; events whose record does not still have the platform's value. */
const yielding: ReadonlyMap<string, SystemField> = new Map<string, SystemField>([
  ['time', time],
  ['@timestamp', time],
  ['raw_data', raw],
  ['parse_error', parseError],
])

/** The same by the names that collisions give them. */
const displaced: ReadonlyMap<string, SystemField> = new Map<string, SystemField>([
  ['ocsf.time', time],
  ['ocsf.raw_data', raw],
  ['ocsf.parse_error', parseError],
])

/** What the `_id` of an event of this pipe says; undefined for an id of another. */
export function readId(pipe: Pipe, id: string): { readonly shard: number; readonly offset: bigint } | undefined {
  const prefix = idPrefix(pipe)
  const parts = id.startsWith(prefix) ? /^(\d{1,9})\/(\d{1,18})$/.exec(id.slice(prefix.length)) : null
  return parts ? { shard: Number(parts[1]), offset: BigInt(parts[2] ?? 0) } : undefined
}

/** Shown when a query asks for no fields: before and after those of the records. */
export const shownBefore = ['time'] as const
export const shownAfter = ['parse_error', 'raw_data', '_id'] as const

function idPrefix(pipe: Pipe): string {
  const { workspace, dataspace, pipe: name } = pipe.address
  return `${workspace}/${dataspace}/${name}/`
}

/** The type of anything that a name can mean in a pipe; undefined when it means nothing. */
export function typeInPipe(pipe: Pipe, name: string): FieldType | undefined {
  const system = reserved.get(name)
  if (system) return system.type
  const own = ownType(pipe, name)
  const yields = yielding.get(name)
  if (yields) return own === undefined ? yields.type : fieldTypeOf(commonType(own, yields.type))
  return own ?? displaced.get(name)?.type ?? (pipe.hasRest ? 'string' : undefined)
}

/** The value of a field, in one of its pipes, as `type`. */
export function fieldSql(pipe: Pipe, name: string, type: ValueType, parameters: Parameters): string {
  const system = reserved.get(name)
  if (system) return sqlCast(system.sql(pipe, parameters), system.type, type)
  const values: string[] = []
  const field = pipe.fields.get(name)
  if (field) values.push(...columnValues(field, type))
  if (isStruct(pipe, name)) values.push(sqlCast(structSql(pipe, name, parameters), 'struct', type))
  const known = field !== undefined && fieldType(field) !== undefined
  if (field?.inRest || (!known && pipe.hasRest)) {
    values.push(sqlCast(`(rest ->> ${parameters.text(jsonPointer(name))})`, 'string', type))
  }
  const other = yielding.get(name) ?? (known ? undefined : displaced.get(name))
  if (other) values.push(sqlCast(other.sql(pipe, parameters), other.type, type))
  const [only] = values
  if (only === undefined) return `CAST(NULL AS ${sqlTypeOf(type)})`
  return values.length === 1 ? only : `coalesce(${values.join(', ')})`
}

const structsOf = new WeakMap<Pipe, { readonly shape: number; readonly names: ReadonlySet<string> }>()

/** The members that hold fields, at every level. */
export function structNames(pipe: Pipe): ReadonlySet<string> {
  const known = structsOf.get(pipe)
  if (known?.shape === pipe.shape) return known.names
  const names = findStructs(pipe)
  structsOf.set(pipe, { shape: pipe.shape, names })
  return names
}

function findStructs(pipe: Pipe): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [name, field] of pipe.fields) {
    if (fieldType(field) === undefined) continue
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) names.add(name.slice(0, dot))
  }
  return names
}

function ownType(pipe: Pipe, name: string): FieldType | undefined {
  const field = pipe.fields.get(name)
  const type = field && fieldType(field)
  // A member that is `{}` in some events and has members in others.
  if (type === undefined || type === 'array') return isStruct(pipe, name) ? 'struct' : type
  return type
}

function isStruct(pipe: Pipe, name: string): boolean {
  return structNames(pipe).has(name)
}

function columnValues(field: Field, type: ValueType): string[] {
  return [...field.columns.values()].filter((column) => column.ready).map((column) => columnAs(column, type))
}

const typeOfKind: Readonly<Record<Kind, ValueType>> = {
  boolean: 'boolean',
  long: 'long',
  double: 'double',
  timestamp: 'timestamp',
  string: 'string',
  json: 'array',
}

function columnAs(column: Column, type: ValueType): string {
  const sql = columnName(column)
  // Among texts a value reads as it stood in the record.
  if (column.kind === 'boolean' && sqlTypeOf(type) === 'VARCHAR') return `CAST(${sql} AS VARCHAR)`
  if (column.kind === 'double' && sqlTypeOf(type) === 'VARCHAR')
    return `regexp_replace(CAST(${sql} AS VARCHAR), '\\.0$', '')`
  return sqlCast(sql, typeOfKind[column.kind], type)
}

/** The fields below a name as one JSON object without nulls, or null when an event has none of them. */
function structSql(pipe: Pipe, name: string, parameters: Parameters): string {
  const tree = new Map<string, Node>()
  const prefix = `${name}.`
  for (const [each, field] of pipe.fields) {
    if (!each.startsWith(prefix) || fieldType(field) === undefined) continue
    plant(tree, each.slice(prefix.length).split('.'), field)
  }
  const { object, present } = objectSql(tree, parameters)
  return `CASE WHEN ${present} THEN CAST(json_merge_patch('{}', ${object}) AS VARCHAR) END`
}

interface Node {
  field: Field | undefined
  readonly members: Map<string, Node>
}

function plant(tree: Map<string, Node>, path: readonly string[], field: Field): void {
  const [first = '', ...others] = path
  const node = tree.get(first) ?? { field: undefined, members: new Map() }
  tree.set(first, node)
  if (others.length === 0) node.field = field
  else plant(node.members, others, field)
}

function objectSql(tree: ReadonlyMap<string, Node>, parameters: Parameters): { object: string; present: string } {
  const members: string[] = []
  const presences: string[] = []
  for (const [name, node] of tree) {
    const values: string[] = []
    if (node.members.size > 0) {
      const inner = objectSql(node.members, parameters)
      values.push(`CASE WHEN ${inner.present} THEN ${inner.object} END`)
      presences.push(inner.present)
    }
    for (const column of node.field?.columns.values() ?? []) {
      if (!column.ready) continue
      const sql = columnName(column)
      values.push(column.kind === 'json' ? `CAST(${sql} AS JSON)` : `to_json(${sql})`)
      presences.push(`${sql} IS NOT NULL`)
    }
    if (node.field?.inRest) {
      const sql = `(rest -> ${parameters.text(jsonPointer(node.field.name))})`
      values.push(sql)
      presences.push(`${sql} IS NOT NULL`)
    }
    const value = values.length > 1 ? `coalesce(${values.join(', ')})` : (values[0] ?? 'NULL')
    members.push(`${parameters.text(name)}, ${value}`)
  }
  return { object: `json_object(${members.join(', ')})`, present: `(${presences.join(' OR ') || 'false'})` }
}

/** @see RFC 6901 */
function jsonPointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function fieldTypeOf(type: ValueType): FieldType {
  return type === 'null' || type === 'any' || type === 'interval' ? 'string' : type
}
