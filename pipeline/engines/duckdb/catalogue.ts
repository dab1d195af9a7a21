import type { DuckDBConnection } from '@duckdb/node-api'
import { assert, parseAccountId } from '../../../platform/index.ts'
import { type FieldType, fieldTypes, type PipeAddress } from '../../types.ts'
import { rowsOf } from './database.ts'
import { type Kind, kinds, typeOfKinds } from './kinds.ts'

/** A column of a pipe's table. Columns are named by number: a field's name never becomes part of an SQL text. */
export interface Column {
  readonly kind: Kind
  /** Its place in the table, `fixedColumns` included. */
  readonly slot: number
  /** False until the column is committed: searches do not see it before. */
  ready: boolean
}

/** What is known of one field of a pipe. Names are compared exactly: `User` and `user` are two fields. */
export interface Field {
  readonly name: string
  declared: FieldType | undefined
  /** Every kind its values came in, whether or not there is a column for it. */
  readonly kinds: Set<Kind>
  readonly columns: Map<Kind, Column>
  /** Some of its values are in the JSON column. */
  inRest: boolean
  /** How many values went there since the store was opened. */
  restCount: number
  /** The last event that set it, so that a second value of one event is noticed. */
  stamp: number
}

export interface Shard {
  nextOffset: number
  /** Receive time of its latest event, never going back: the order of arrival. */
  arrivedAt: number
  detectorOffset: number
}

export interface Pipe {
  readonly id: number
  readonly address: PipeAddress
  readonly fields: Map<string, Field>
  readonly shards: Map<number, Shard>
  /** Moves with each change of fields and their kinds. */
  shape: number
  /** Columns beside the fixed ones. */
  columnCount: number
  /** Events since the store was opened. */
  eventCount: number
  /** The last committed append, so that a cursor can leave out what came later. */
  batch: number
  /** Some values have names that are no fields, for want of room: they are in the JSON column only. */
  hasRest: boolean
  /** How often events were dropped: a cursor that counts rows ends with it. */
  dropCount: number
}

/** Stands among the kinds of a field that has values in the JSON column. */
export const inRestMark = 'rest'

/** Holds what a record's collector knew of it (`[source, format, headers?]`). A field like others, so that events stored
 * before there was one are simply without; not shown unless a query names it. */
export const FORM_FIELD = '_form'

/** Every pipe of the store, by `pipeKey`. */
export type Catalogue = Map<string, Pipe>

/** The columns that every pipe's table begins with. */
export const fixedColumns = [
  'shard INTEGER',
  '"offset" BIGINT',
  'batch BIGINT',
  'arrived TIMESTAMP',
  'received TIMESTAMP',
  '"time" TIMESTAMP',
  'raw VARCHAR',
  'parse_error VARCHAR',
  'rest VARCHAR',
] as const
export const fixedSlot = {
  shard: 0,
  offset: 1,
  batch: 2,
  arrived: 3,
  received: 4,
  time: 5,
  raw: 6,
  parseError: 7,
  rest: 8,
} as const

export function tableOf(pipe: Pipe): string {
  return `events_${pipe.id}`
}

export function columnName(column: Column): string {
  return `c${column.slot}`
}

/** The type that a field's values are searched as; undefined while it has none. */
export function fieldType(field: Field): FieldType | undefined {
  if (field.declared !== undefined) return field.declared
  return field.kinds.size === 0 ? undefined : typeOfKinds(field.kinds)
}

export function pipeKey(pipe: PipeAddress): string {
  return `${pipe.account}/${pipe.workspace}/${pipe.dataspace}/${pipe.pipe}`
}

export function newPipe(id: number, address: PipeAddress): Pipe {
  const { account, workspace, dataspace, pipe } = address
  return {
    id,
    address: { account, workspace, dataspace, pipe },
    fields: new Map(),
    shards: new Map(),
    shape: 0,
    columnCount: 0,
    eventCount: 0,
    batch: 0,
    hasRest: false,
    dropCount: 0,
  }
}

export function newField(name: string): Field {
  return { name, declared: undefined, kinds: new Set(), columns: new Map(), inRest: false, restCount: 0, stamp: 0 }
}

/** Reads what is stored about all pipes. */
export async function loadCatalogue(connection: DuckDBConnection): Promise<Catalogue> {
  const catalogue: Catalogue = new Map()
  const byId = new Map<number, Pipe>()
  const pipes = await rowsOf(
    connection,
    'SELECT id, account, workspace, dataspace, pipe, drop_count, has_rest FROM pipes',
  )
  for (const [id, account, workspace, dataspace, name, dropCount, hasRest] of pipes) {
    const pipe = newPipe(Number(id), {
      account: parseAccountId(String(account)),
      workspace: String(workspace),
      dataspace: String(dataspace),
      pipe: String(name),
    })
    pipe.dropCount = Number(dropCount)
    pipe.hasRest = hasRest === true
    byId.set(pipe.id, pipe)
    catalogue.set(pipeKey(pipe.address), pipe)
  }
  const pipeOf = (id: unknown): Pipe => {
    const pipe = byId.get(Number(id))
    assert(pipe, 'the catalogue speaks of known pipes')
    return pipe
  }
  for (const [id, name, declared] of await rowsOf(
    connection,
    'SELECT pipe, name, declared FROM fields ORDER BY rowid',
  )) {
    const field = newField(String(name))
    field.declared = fieldTypes.find((type) => type === declared)
    pipeOf(id).fields.set(field.name, field)
  }
  for (const [id, name, kindText, slot] of await rowsOf(connection, 'SELECT pipe, name, kind, slot FROM kinds')) {
    const pipe = pipeOf(id)
    const field = pipe.fields.get(String(name))
    assert(field, 'the catalogue speaks of known fields')
    if (kindText === inRestMark) {
      field.inRest = true
      continue
    }
    const kind = kinds.find((known) => known === kindText)
    assert(kind, 'the catalogue speaks of known kinds')
    field.kinds.add(kind)
    if (slot === null) continue
    field.columns.set(kind, { kind, slot: Number(slot), ready: true })
    pipe.columnCount++
  }
  for (const [id, shard, nextOffset, arrivedAt, batch, detectorOffset] of await rowsOf(
    connection,
    'SELECT pipe, shard, next_offset, arrived_at, batch, detector_offset FROM shards',
  )) {
    const pipe = pipeOf(id)
    pipe.shards.set(Number(shard), {
      nextOffset: Number(nextOffset),
      arrivedAt: Number(arrivedAt),
      detectorOffset: Number(detectorOffset),
    })
    pipe.batch = Math.max(pipe.batch, Number(batch))
  }
  return catalogue
}
