import { canonicalIp, parseTimestamp } from '../../ppl/index.ts'
import type { Event, FieldType, JsonObject, JsonValue, RecordForm } from '../../types.ts'
import {
  type Column,
  type Field,
  FORM_FIELD,
  fixedColumns,
  fixedSlot,
  inRestMark,
  newField,
  type Pipe,
} from './catalogue.ts'
import { type Kind, kindOf, kindOfType } from './kinds.ts'
import type { StoreLimits } from './limits.ts'
import type { KindRow } from './tables.ts'

/** What a cell holds: text for `string` and `json`, microseconds for `timestamp`. */
export type Cell = string | number | bigint | boolean

/** The cells of one column in one block that are not null, rows ascending. */
export interface ColumnCells {
  readonly rows: number[]
  readonly cells: Cell[]
}

/** Events laid out as columns, at most `blockRows` of them. */
export interface Block {
  rowCount: number
  /** By slot; a hole is a column of nulls. */
  readonly columns: (ColumnCells | undefined)[]
}

/** Rows of a block: DuckDB's vector. */
export const blockRows = 2048

/** Names that the platform gives to each event. A record's member of such a name is stored as `record.<name>`. */
const systemNames: ReadonlySet<string> = new Set([
  '_id',
  '_time',
  '_received',
  '_pipe',
  '_shard',
  '_offset',
  '_rest',
  FORM_FIELD,
])

export interface Encoded {
  readonly blocks: readonly Block[]
  /** What the events tell about the pipe's fields that its tables do not say yet. */
  readonly newFields: readonly Field[]
  readonly newKinds: readonly KindRow[]
  /** The first value of a name that is no field. */
  readonly newRest: boolean
}

/** Lays events out as the columns of a pipe's table, adding to `pipe.fields` what is new (not `ready`: the caller
 * makes the columns, or forgets them). Nothing is lost: what finds no column goes into the JSON column. */
export function encodeEvents(
  pipe: Pipe,
  events: readonly Event[],
  arrivals: readonly number[],
  batch: number,
  limits: StoreLimits,
): Encoded {
  const encoder = new Encoder(pipe, limits)
  events.forEach((event, i) => {
    encoder.add(event, arrivals[i] ?? event.receivedAt, batch)
  })
  return encoder
}

class Encoder implements Encoded {
  readonly blocks: Block[] = []
  readonly newFields: Field[] = []
  readonly newKinds: KindRow[] = []
  newRest = false
  readonly #pipe: Pipe
  readonly #limits: StoreLimits
  #block: Block = { rowCount: 0, columns: [] }
  #row = 0
  #rest = new Map<string, JsonValue>()
  #stamp = 0

  constructor(pipe: Pipe, limits: StoreLimits) {
    this.#pipe = pipe
    this.#limits = limits
    for (const field of pipe.fields.values()) field.stamp = 0
  }

  add(event: Event, arrivedAt: number, batch: number): void {
    if (this.#block.rowCount === blockRows || this.blocks.length === 0) {
      this.#block = { rowCount: 0, columns: [] }
      this.blocks.push(this.#block)
    }
    this.#row = this.#block.rowCount++
    this.#pipe.eventCount++
    this.#stamp++
    this.#rest = new Map()
    this.#set(fixedSlot.offset, event.offset)
    this.#set(fixedSlot.batch, batch)
    this.#set(fixedSlot.arrived, microsOf(arrivedAt))
    this.#set(fixedSlot.received, microsOf(event.receivedAt))
    this.#set(fixedSlot.time, microsOf(Number.isFinite(event.time) ? event.time : event.receivedAt))
    this.#set(fixedSlot.raw, event.raw)
    if (event.parseError !== undefined) this.#set(fixedSlot.parseError, event.parseError)
    if (event.form !== undefined) this.#storeForm(event.form)
    this.#walk(event.original, '', 0, false)
    this.#walk(event.ocsf, '', 0, true)
    if (this.#rest.size > 0) this.#set(fixedSlot.rest, jsonObjectText(this.#rest))
  }

  #storeForm({ source, format, headers }: RecordForm): void {
    const field = this.#field(FORM_FIELD)
    if (!field) return
    field.declared ??= 'string'
    this.#store(field, JSON.stringify([source, format, ...(hasMembers(headers) ? [headers] : [])]), true)
  }

  #walk(object: JsonObject, prefix: string, depth: number, ocsf: boolean): void {
    for (const member of Object.keys(object)) {
      const value = object[member]
      if (value === null || value === undefined) continue
      const name = prefix === '' ? member : `${prefix}.${member}`
      if (typeof value === 'object' && !Array.isArray(value) && depth < this.#limits.depthMax) {
        const inner = value as JsonObject
        if (hasMembers(inner)) {
          this.#walk(inner, name, depth + 1, ocsf)
          continue
        }
      }
      // The event's own columns carry these two.
      if (ocsf && (name === 'time' || name === 'raw_data')) continue
      this.#put(name, value, ocsf)
    }
  }

  #put(name: string, value: Exclude<JsonValue, null>, ocsf: boolean): void {
    const stored = systemNames.has(name) ? `record.${name}` : name
    let field = this.#field(stored)
    if (field?.stamp === this.#stamp) {
      // INVARIANT (own names): a record's member keeps its name, OCSF's gets out of its way.
      if (ocsf) {
        const displaced = `ocsf.${name}`
        field = this.#field(displaced)
        if (field !== undefined && field.stamp !== this.#stamp) {
          this.#store(field, value, true)
          return
        }
        this.#keep(displaced, value)
        return
      }
      this.#keep(stored, value)
      return
    }
    if (field !== undefined) this.#store(field, value, ocsf)
    else this.#keep(ocsf && this.#rest.has(stored) ? `ocsf.${stored}` : stored, value)
  }

  /** Into the JSON column; two values of one name become a list. */
  #keep(name: string, value: JsonValue): void {
    const before = this.#rest.get(name)
    this.#rest.set(name, before === undefined ? value : [before, value])
    if (!this.#pipe.fields.has(name) && !this.#pipe.hasRest) this.newRest = true
  }

  /** The field of that name, made if there is room; undefined when its values belong into the JSON column. */
  #field(name: string): Field | undefined {
    const { fields } = this.#pipe
    const known = fields.get(name)
    if (known) return known
    const isFull = fields.size >= this.#limits.fieldsMax && name !== FORM_FIELD
    if (name.length > this.#limits.nameCharsMax || isFull) return undefined
    const field = newField(name)
    fields.set(name, field)
    this.newFields.push(field)
    return field
  }

  #store(field: Field, value: Exclude<JsonValue, null>, ocsf: boolean): void {
    field.stamp = this.#stamp
    const fitted = field.declared === undefined ? fitInferred(field, value) : fitDeclared(field.declared, value)
    if (!fitted) {
      // A declared type stands: what does not fit it shows in `_rest`, not in the field.
      this.#keep(field.name, value)
      if (!this.#pipe.hasRest) this.newRest = true
      return
    }
    const column = field.columns.get(fitted.kind) ?? this.#newColumn(field, fitted.kind, ocsf)
    if (column) {
      this.#set(column.slot, fitted.cell)
      return
    }
    this.#keep(field.name, value)
    field.restCount++
    this.#addKind(field, fitted.kind)
    if (!field.inRest) {
      field.inRest = true
      this.newKinds.push({ field, kind: inRestMark, column: undefined })
    }
  }

  #newColumn(field: Field, kind: Kind, ocsf: boolean): Column | undefined {
    if (!this.#deservesColumn(field, ocsf)) return undefined
    const slot = fixedColumns.length + this.#pipe.columnCount++
    const column: Column = { kind, slot, ready: false }
    field.columns.set(kind, column)
    field.kinds.add(kind)
    this.newKinds.push({ field, kind, column })
    return column
  }

  #addKind(field: Field, kind: Kind): void {
    if (field.kinds.has(kind)) return
    field.kinds.add(kind)
    this.newKinds.push({ field, kind, column: undefined })
  }

  #deservesColumn(field: Field, ocsf: boolean): boolean {
    const { columnsMax, recordColumnsMax, eagerColumnsMax, frequentCount, frequentShare } = this.#limits
    const { columnCount, eventCount } = this.#pipe
    if (columnCount >= (ocsf ? columnsMax : Math.min(columnsMax, recordColumnsMax))) return false
    if (columnCount < eagerColumnsMax || field.declared !== undefined) return true
    return field.restCount >= frequentCount && field.restCount >= eventCount * frequentShare
  }

  #set(slot: number, cell: Cell): void {
    const column = this.#block.columns[slot]
    if (column) {
      column.rows.push(this.#row)
      column.cells.push(cell)
    } else this.#block.columns[slot] = { rows: [this.#row], cells: [cell] }
  }
}

interface Fitted {
  readonly kind: Kind
  readonly cell: Cell
}

function fitInferred(field: Field, value: Exclude<JsonValue, null>): Fitted {
  // A field that already has texts among its values is searched as text: further scalars join them.
  if (field.kinds.has('string') && typeof value !== 'object') return { kind: 'string', cell: String(value) }
  const kind = kindOf(value)
  if (kind === 'long' && !field.kinds.has('long') && field.kinds.has('double') && Number.isSafeInteger(value)) {
    return { kind: 'double', cell: value as number }
  }
  return { kind, cell: cellOf(kind, value) }
}

function cellOf(kind: Kind, value: Exclude<JsonValue, null>): Cell {
  if (kind === 'json') return jsonText(value)
  if (kind === 'timestamp') return parseTimestamp(value as string) ?? 0n
  return value as Cell
}

const wholeBounds: Partial<Record<FieldType, number>> = {
  byte: 2 ** 7,
  short: 2 ** 15,
  integer: 2 ** 31,
  long: 2 ** 63,
}

/** A value as its declared type, or undefined when it is none. Numbers and instants in texts are taken as such. */
function fitDeclared(type: FieldType, value: Exclude<JsonValue, null>): Fitted | undefined {
  const kind = kindOfType(type)
  switch (kind) {
    case 'json':
      return { kind, cell: jsonText(value) }
    case 'boolean':
      if (typeof value === 'boolean') return { kind, cell: value }
      return value === 'true' || value === 'false' ? { kind, cell: value === 'true' } : undefined
    case 'long':
    case 'double': {
      const number = numberOf(value)
      if (number === undefined) return undefined
      const bound = wholeBounds[type]
      if (bound === undefined) return { kind, cell: number }
      return Number.isInteger(number) && number >= -bound && number < bound ? { kind, cell: number } : undefined
    }
    case 'timestamp': {
      if (typeof value === 'number') return Number.isFinite(value) ? { kind, cell: microsOf(value) } : undefined
      const micros = typeof value === 'string' ? parseTimestamp(value) : undefined
      return micros === undefined ? undefined : { kind, cell: micros }
    }
    case 'string':
      return fitText(type, value)
  }
}

function fitText(type: FieldType, value: Exclude<JsonValue, null>): Fitted | undefined {
  const text = typeof value === 'object' ? jsonText(value) : String(value)
  switch (type) {
    case 'ip': {
      const ip = canonicalIp(text)
      return ip === undefined ? undefined : { kind: 'string', cell: ip }
    }
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(text) !== undefined
        ? { kind: 'string', cell: text }
        : undefined
    case 'time':
      return parseTimestamp(`1970-01-01T${text}`) !== undefined ? { kind: 'string', cell: text } : undefined
    default:
      return { kind: 'string', cell: text }
  }
}

function numberOf(value: Exclude<JsonValue, null>): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value.trim())) return undefined
  return Number(value)
}

const msMax = 8.64e15

/** Milliseconds as microseconds, held to what a date can be: a record may claim any time. */
function microsOf(ms: number): bigint {
  return BigInt(Math.trunc(Math.min(Math.max(ms, -msMax), msMax))) * 1000n
}

function hasMembers(object: JsonObject): boolean {
  for (const member in object) if (Object.hasOwn(object, member)) return true
  return false
}

function jsonObjectText(members: ReadonlyMap<string, JsonValue>): string {
  // Not an object literal: `__proto__` is a name like any other here.
  return `{${[...members].map(([name, value]) => `${jsonText(name)}:${jsonText(value)}`).join(',')}}`
}

function jsonText(value: JsonValue): string {
  try {
    return wellFormed(JSON.stringify(value))
  } catch {
    // JSON.stringify recurses: a record nested ten thousand deep must not stop its shard for ever.
    return '"(nested too deeply to be indexed)"'
  }
}

/** JSON.stringify escapes a lone surrogate, which DuckDB's JSON reader refuses: one such record would then fail every
 * search that reads the column. */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json
  return json.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, '$1\ufffd')
}
