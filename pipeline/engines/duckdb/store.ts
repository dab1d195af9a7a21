import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { assert, type Clock } from '../../../platform/index.ts'
import type {
  AppendEvents,
  Event,
  EventStore,
  FieldType,
  PipeAddress,
  SearchRequest,
  SearchResult,
  ShardAddress,
  ShardProgress,
} from '../../types.ts'
import {
  type Catalogue,
  type Field,
  fixedColumns,
  loadCatalogue,
  newField,
  newPipe,
  type Pipe,
  pipeKey,
  type Shard,
} from './catalogue.ts'
import { inTransaction, openDatabase } from './database.ts'
import { type Encoded, encodeEvents } from './encode.ts'
import { storeError, translateWriteFailure } from './errors.ts'
import { kindOfType } from './kinds.ts'
import { type StoreLimits, storeLimitDefaults } from './limits.ts'
import { Searcher } from './searcher.ts'
import {
  addColumns,
  addFields,
  createPipe,
  dropEventsBefore,
  getDetectorState,
  markHasRest,
  markInRest,
  putDetectorState,
  putShard,
  setDeclared,
} from './tables.ts'
import { writeBlocks } from './write-blocks.ts'

export interface DuckDbStoreOptions {
  /** Its own folder; made where absent. One process at a time. */
  readonly dir: string
  readonly clock: Clock
  readonly limits?: Partial<StoreLimits>
}

/** The embedded event store: one DuckDB file in `dir`, a table a pipe. One instance a process; meant for a worker
 * thread, since laying out events takes time of the thread that calls `append`.
 * @throws pipeline.store.locked, pipeline.store.unreadable   @see docs/decisions/0003-duckdb-event-store.md */
export async function openDuckDbStore(options: DuckDbStoreOptions): Promise<EventStore> {
  const limits = { ...storeLimitDefaults, ...options.limits }
  const database = await openDatabase(options.dir, limits)
  try {
    const writer = await database.connect()
    return new DuckDbStore(database, writer, await loadCatalogue(writer), limits, options.clock)
  } catch (error) {
    database.closeSync()
    throw error
  }
}

class DuckDbStore implements EventStore {
  readonly #database: DuckDBInstance
  readonly #writer: DuckDBConnection
  readonly #limits: StoreLimits
  readonly #searcher: Searcher
  #catalogue: Catalogue
  /** The catalogue in memory may say more than the tables do, after a failed write. */
  #stale = false
  #closed = false
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(
    database: DuckDBInstance,
    writer: DuckDBConnection,
    catalogue: Catalogue,
    limits: StoreLimits,
    clock: Clock,
  ) {
    this.#database = database
    this.#writer = writer
    this.#catalogue = catalogue
    this.#limits = limits
    this.#searcher = new Searcher(database, limits, clock)
  }

  progress(address: ShardAddress): Promise<ShardProgress> {
    return this.#write('read progress', async () => {
      const pipe = this.#catalogue.get(pipeKey(address))
      const shard = pipe?.shards.get(address.shard)
      return {
        nextOffset: shard?.nextOffset ?? 0,
        detectorOffset: shard?.detectorOffset ?? 0,
        detectorState: pipe && (await getDetectorState(this.#writer, pipe, address.shard)),
      }
    })
  }

  append(batch: AppendEvents): Promise<void> {
    return this.#write('append events', async () => {
      const pipe = await this.#pipe(batch.shard)
      const shard = pipe.shards.get(batch.shard.shard) ?? { nextOffset: 0, arrivedAt: 0, detectorOffset: 0 }
      if (batch.nextOffset < shard.nextOffset) return
      const events = batch.events.filter((event) => event.offset >= shard.nextOffset)
      assert(
        events.every((event, i) => event.offset > (events[i - 1]?.offset ?? -1) && event.offset < batch.nextOffset),
        'events of a batch ascend and stay below its nextOffset',
      )
      const { arrivals, arrivedAt } = orderOfArrival(events, shard.arrivedAt)
      const batchNumber = pipe.batch + 1
      const encoded = encodeEvents(pipe, events, arrivals, batchNumber, this.#limits)
      await this.#addShape(pipe, encoded)
      const next: Shard = {
        nextOffset: batch.nextOffset,
        arrivedAt,
        detectorOffset: batch.detectorState ? batch.nextOffset : shard.detectorOffset,
      }
      // INVARIANT (exactly once): events and the shard's progress are one commit.
      await inTransaction(this.#writer, async () => {
        if (events.length > 0) await writeBlocks(this.#writer, pipe, batch.shard.shard, encoded.blocks)
        await putShard(this.#writer, pipe, batch.shard.shard, { ...next, batch: batchNumber })
        if (batch.detectorState) {
          await putDetectorState(this.#writer, pipe, batch.shard.shard, batch.detectorState)
        }
      })
      pipe.shards.set(batch.shard.shard, next)
      pipe.batch = batchNumber
    })
  }

  declare(address: PipeAddress, fields: Readonly<Record<string, FieldType>>): Promise<void> {
    return this.#write('declare fields', async () => {
      const pipe = await this.#pipe(address)
      const added: Field[] = []
      const changed: { field: Field; type: FieldType }[] = []
      for (const [name, type] of Object.entries(fields)) {
        const field = pipe.fields.get(name)
        if (field && field.declared !== type) changed.push({ field, type })
        if (!field) added.push({ ...newField(name), declared: type })
      }
      const columns = this.#columnsFor(pipe, [...added.map((field) => ({ field, type: field.declared })), ...changed])
      await inTransaction(this.#writer, async () => {
        await addFields(this.#writer, pipe, added)
        for (const { field, type } of changed) await setDeclared(this.#writer, pipe, field.name, type)
        await addColumns(this.#writer, pipe, columns)
      })
      for (const field of added) pipe.fields.set(field.name, field)
      for (const { field, type } of changed) field.declared = type
      for (const { field, column } of columns) field.columns.set(column.kind, column)
      pipe.columnCount += columns.length
    })
  }

  dropBefore(address: PipeAddress, before: number): Promise<number> {
    return this.#write('drop events', async () => {
      const pipe = this.#catalogue.get(pipeKey(address))
      if (!pipe) return 0
      let dropped = 0
      await inTransaction(this.#writer, async () => {
        dropped = await dropEventsBefore(this.#writer, pipe, before)
      })
      pipe.dropCount++
      // Gives the room back; a search in progress forbids it, and then the next fold does.
      if (dropped > 0) await this.#writer.run('CHECKPOINT').catch(() => undefined)
      return dropped
    })
  }

  async search(request: SearchRequest): Promise<SearchResult> {
    this.#requireOpen()
    return this.#searcher.search(request, this.#catalogue)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#searcher.close()
    await this.#lastWrite.catch(() => undefined)
    this.#writer.closeSync()
    this.#database.closeSync()
  }

  /** One write at a time, in the order of the calls. */
  #write<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      try {
        this.#requireOpen()
        if (this.#stale) {
          this.#catalogue = await loadCatalogue(this.#writer)
          this.#stale = false
        }
        return await work()
      } catch (error) {
        this.#stale = true
        throw translateWriteFailure(error, doing)
      }
    }
    const result = this.#lastWrite.then(run, run)
    this.#lastWrite = result.catch(() => undefined)
    return result
  }

  #requireOpen(): void {
    if (this.#closed) throw storeError('pipeline.store.closed', 'the event store is closed')
  }

  async #pipe(address: PipeAddress): Promise<Pipe> {
    const known = this.#catalogue.get(pipeKey(address))
    if (known) return known
    const id = Math.max(0, ...[...this.#catalogue.values()].map((pipe) => pipe.id)) + 1
    const pipe = newPipe(id, address)
    await inTransaction(this.#writer, () => createPipe(this.#writer, pipe))
    this.#catalogue.set(pipeKey(address), pipe)
    return pipe
  }

  /** Makes the columns that new events need, in a transaction before theirs: should the process die between the two,
   * some columns are empty and nothing else. */
  async #addShape(pipe: Pipe, encoded: Encoded): Promise<void> {
    const { newColumns, newFields, newInRest, newRest } = encoded
    if (newColumns.length + newFields.length + newInRest.length === 0 && !newRest) return
    await inTransaction(this.#writer, async () => {
      await addFields(this.#writer, pipe, newFields)
      await markInRest(this.#writer, pipe, newInRest)
      await addColumns(this.#writer, pipe, newColumns)
      if (newRest) await markHasRest(this.#writer, pipe)
    })
    for (const { column } of newColumns) column.ready = true
    if (newRest) pipe.hasRest = true
  }

  #columnsFor(pipe: Pipe, wanted: readonly { readonly field: Field; readonly type: FieldType | undefined }[]) {
    const missing = wanted.flatMap(({ field, type }) => {
      const kind = type && kindOfType(type)
      return kind && !field.columns.has(kind) ? [{ field, kind }] : []
    })
    if (pipe.columnCount + missing.length > this.#limits.columnsMax) {
      throw storeError(
        'pipeline.store.tooManyFields',
        `pipe \`${pipe.address.pipe}\` can have ${this.#limits.columnsMax} columns and has ${pipe.columnCount}; declare fewer fields`,
      )
    }
    const first = fixedColumns.length + pipe.columnCount
    return missing.map(({ field, kind }, i) => ({ field, column: { kind, slot: first + i, ready: true } }))
  }
}

/** When each event arrived, for the order of rows: its receive time, or the shard's latest where the clock stepped
 * back, so that offsets and arrival never disagree. */
function orderOfArrival(
  events: readonly Event[],
  latest: number,
): { readonly arrivals: readonly number[]; readonly arrivedAt: number } {
  let arrivedAt = latest
  const arrivals = events.map((event) => {
    arrivedAt = Math.max(arrivedAt, event.receivedAt)
    return arrivedAt
  })
  return { arrivals, arrivedAt }
}
