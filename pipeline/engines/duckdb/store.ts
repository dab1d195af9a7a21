import { statfs } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { assert, type Clock } from '../../../platform/index.ts'
import type {
  AppendEvents,
  Event,
  EventScan,
  EventStore,
  FieldType,
  PipeAddress,
  ScanRequest,
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
import { connectTo, inTransaction, openDatabase } from './database.ts'
import { type Encoded, encodeEvents } from './encode.ts'
import { isFatal, storeError, translateWriteFailure } from './errors.ts'
import { kindOfType } from './kinds.ts'
import { type StoreLimits, storeLimitDefaults } from './limits.ts'
import { Scanner } from './scanner.ts'
import { Searcher } from './searcher.ts'
import {
  addFields,
  addKinds,
  createPipe,
  dropEventsBefore,
  getDetectorState,
  markHasRest,
  putDetectorState,
  putShard,
  setDeclared,
} from './tables.ts'
import { writeBlocks } from './write-blocks.ts'

interface DuckDbStoreOptions {
  /** Its own folder; made where absent. One process at a time. */
  readonly dir: string
  readonly clock: Clock
  readonly limits?: Partial<StoreLimits>
}

/** The embedded event store: one DuckDB file in `dir`, a table a pipe. One instance a process; meant for a worker
 * thread, since laying out events takes time of the thread that calls `append`. While the disk is full it refuses
 * writes and goes on searching; once there is room it writes again.
 * @throws pipeline.store.locked, pipeline.store.unreadable   @see docs/decisions/0003-duckdb-event-store.md */
export async function openDuckDbStore(options: DuckDbStoreOptions): Promise<EventStore> {
  const settings = { ...options, limits: { ...storeLimitDefaults, ...options.limits } }
  return new DuckDbStore(settings, await openSession(settings))
}

type Settings = DuckDbStoreOptions & { readonly limits: StoreLimits }

/** Everything that is good for as long as DuckDB has not given up the database. */
interface Session {
  readonly database: DuckDBInstance
  readonly writer: DuckDBConnection
  readonly searcher: Searcher
  readonly scanner: Scanner
  catalogue: Catalogue
}

async function openSession({ dir, limits, clock }: Settings): Promise<Session> {
  const database = await openDatabase(dir, limits)
  try {
    const writer = await connectTo(database)
    const catalogue = await loadCatalogue(writer)
    const searcher = new Searcher(database, limits, clock)
    return { database, writer, searcher, scanner: new Scanner(database, limits), catalogue }
  } catch (error) {
    database.closeSync()
    throw error
  }
}

async function closeSession({ database, writer, searcher, scanner }: Session): Promise<void> {
  await searcher.close()
  await scanner.close()
  writer.closeSync()
  database.closeSync()
}

class DuckDbStore implements EventStore {
  readonly #settings: Settings
  #session: Session
  /** The catalogue in memory may say more than the tables do, after a failed write. */
  #stale = false
  /** DuckDB has given the database up, as it does when a write to its file fails; opening it again mends that. */
  #broken = false
  #closed = false
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(settings: Settings, session: Session) {
    this.#settings = settings
    this.#session = session
  }

  progress(address: ShardAddress): Promise<ShardProgress> {
    return this.#write('read progress', async () => {
      const pipe = this.#session.catalogue.get(pipeKey(address))
      const shard = pipe?.shards.get(address.shard)
      return {
        nextOffset: shard?.nextOffset ?? 0,
        detectorOffset: shard?.detectorOffset ?? 0,
        detectorState: pipe && (await getDetectorState(this.#session.writer, pipe, address.shard)),
      }
    })
  }

  append(batch: AppendEvents): Promise<void> {
    return this.#write('append events', async () => {
      await this.#requireRoom()
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
      const encoded = encodeEvents(pipe, events, arrivals, batchNumber, this.#settings.limits)
      await this.#addShape(pipe, encoded)
      const next: Shard = {
        nextOffset: batch.nextOffset,
        arrivedAt,
        detectorOffset: batch.detectorState ? batch.nextOffset : shard.detectorOffset,
      }
      // INVARIANT (exactly once): events and the shard's progress are one commit.
      await inTransaction(this.#session.writer, async () => {
        if (events.length > 0) await writeBlocks(this.#session.writer, pipe, batch.shard.shard, encoded.blocks)
        await putShard(this.#session.writer, pipe, batch.shard.shard, { ...next, batch: batchNumber })
        if (batch.detectorState) {
          await putDetectorState(this.#session.writer, pipe, batch.shard.shard, batch.detectorState)
        }
      })
      pipe.shards.set(batch.shard.shard, next)
      pipe.batch = batchNumber
    })
  }

  declare(address: PipeAddress, fields: Readonly<Record<string, FieldType>>): Promise<void> {
    return this.#write('declare fields', async () => {
      await this.#requireRoom()
      const pipe = await this.#pipe(address)
      const added: Field[] = []
      const changed: { field: Field; type: FieldType }[] = []
      for (const [name, type] of Object.entries(fields)) {
        const field = pipe.fields.get(name)
        if (field && field.declared !== type) changed.push({ field, type })
        if (!field) added.push({ ...newField(name), declared: type })
      }
      const columns = this.#columnsFor(pipe, [...added.map((field) => ({ field, type: field.declared })), ...changed])
      await inTransaction(this.#session.writer, async () => {
        await addFields(this.#session.writer, pipe, added)
        for (const { field, type } of changed) await setDeclared(this.#session.writer, pipe, field.name, type)
        await addKinds(this.#session.writer, pipe, columns)
      })
      for (const field of added) pipe.fields.set(field.name, field)
      for (const { field, type } of changed) field.declared = type
      for (const { field, kind, column } of columns) {
        field.columns.set(kind, column)
        field.kinds.add(kind)
      }
      pipe.columnCount += columns.length
      pipe.shape++
    })
  }

  dropBefore(address: PipeAddress, before: number): Promise<number> {
    return this.#write('drop events', async () => {
      const pipe = this.#session.catalogue.get(pipeKey(address))
      if (!pipe) return 0
      let dropped = 0
      await inTransaction(this.#session.writer, async () => {
        dropped = await dropEventsBefore(this.#session.writer, pipe, before)
      })
      pipe.dropCount++
      // Gives the room back; a search in progress forbids it, and then the next fold does.
      if (dropped > 0) await this.#session.writer.run('CHECKPOINT store').catch(() => undefined)
      return dropped
    })
  }

  async search(request: SearchRequest): Promise<SearchResult> {
    this.#requireOpen()
    const { searcher, catalogue } = this.#session
    try {
      return await searcher.search(request, catalogue)
    } catch (error) {
      if (!isFatal(error)) throw error
      this.#broken = true
      await this.#write('open the database again', async () => undefined)
      return this.#session.searcher.search(request, this.#session.catalogue)
    }
  }

  async scan(request: ScanRequest): Promise<EventScan> {
    this.#requireOpen()
    return this.#session.scanner.open(request, this.#session.catalogue)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#lastWrite.catch(() => undefined)
    await closeSession(this.#session)
  }

  /** One write at a time, in the order of the calls. */
  #write<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      try {
        this.#requireOpen()
        await this.#mend()
        return await work()
      } catch (error) {
        this.#stale = true
        if (isFatal(error)) this.#broken = true
        throw translateWriteFailure(error, doing)
      }
    }
    const result = this.#lastWrite.then(run, run)
    this.#lastWrite = result.catch(() => undefined)
    return result
  }

  async #mend(): Promise<void> {
    if (this.#broken) {
      await closeSession(this.#session).catch(() => undefined)
      this.#session = await openSession(this.#settings)
      this.#broken = false
      this.#stale = false
    }
    if (this.#stale) {
      this.#session.catalogue = await loadCatalogue(this.#session.writer)
      this.#stale = false
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw storeError('pipeline.store.closed', 'the event store is closed')
  }

  /** DuckDB does not survive a full disk unharmed, so writes end before it is. */
  async #requireRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#settings.dir)
    if (bavail * bsize >= this.#settings.limits.freeBytesMin) return
    throw storeError(
      'pipeline.store.full',
      `the disk of ${this.#settings.dir} has less than ${this.#settings.limits.freeBytesMin} bytes left; free some`,
      { retryAfterSec: 10 },
    )
  }

  async #pipe(address: PipeAddress): Promise<Pipe> {
    const known = this.#session.catalogue.get(pipeKey(address))
    if (known) return known
    const id = Math.max(0, ...[...this.#session.catalogue.values()].map((pipe) => pipe.id)) + 1
    const pipe = newPipe(id, address)
    await inTransaction(this.#session.writer, () => createPipe(this.#session.writer, pipe))
    this.#session.catalogue.set(pipeKey(address), pipe)
    return pipe
  }

  /** Makes the columns that new events need, in a transaction before theirs: should the process die between the two,
   * some columns are empty and nothing else. */
  async #addShape(pipe: Pipe, encoded: Encoded): Promise<void> {
    const { newFields, newKinds, newRest } = encoded
    if (newFields.length + newKinds.length === 0 && !newRest) return
    await inTransaction(this.#session.writer, async () => {
      await addFields(this.#session.writer, pipe, newFields)
      await addKinds(this.#session.writer, pipe, newKinds)
      if (newRest) await markHasRest(this.#session.writer, pipe)
    })
    for (const { column } of newKinds) if (column) column.ready = true
    pipe.shape++
    if (newRest) pipe.hasRest = true
  }

  #columnsFor(pipe: Pipe, wanted: readonly { readonly field: Field; readonly type: FieldType | undefined }[]) {
    const missing = wanted.flatMap(({ field, type }) => {
      const kind = type && kindOfType(type)
      return kind && !field.columns.has(kind) ? [{ field, kind }] : []
    })
    if (pipe.columnCount + missing.length > this.#settings.limits.columnsMax) {
      throw storeError(
        'pipeline.store.tooManyFields',
        `pipe \`${pipe.address.pipe}\` can have ${this.#settings.limits.columnsMax} columns and has ${pipe.columnCount}; declare fewer fields`,
      )
    }
    const first = fixedColumns.length + pipe.columnCount
    return missing.map(({ field, kind }, i) => ({ field, kind, column: { kind, slot: first + i, ready: true } }))
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
