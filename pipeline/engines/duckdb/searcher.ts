import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api'
import { type Clock, RampartError } from '../../../platform/index.ts'
import { type CheckedQuery, checkQuery, queryLimits } from '../../ppl/index.ts'
import type { JsonValue, SearchRequest, SearchResult } from '../../types.ts'
import { type Catalogue, type Pipe, tableOf } from './catalogue.ts'
import { type Cursor, readCursor, writeCursor } from './cursor.ts'
import { connectTo, rowsOf } from './database.ts'
import { storeError, translateSearchFailure } from './errors.ts'
import type { StoreLimits } from './limits.ts'
import { microsOfValue, rowsOfChunk, shownType } from './results.ts'
import { sourceCatalogue } from './source.ts'
import { columnSql } from './sql-expression.ts'
import { Parameters } from './sql-parameters.ts'
import { type ArrivalPlace, isStoredOrder, orderSql, planSql, type ScanBounds, scanConditions } from './sql-plan.ts'

/** Runs searches, a bounded number at a time, each on a connection of its own. */
export class Searcher {
  readonly #database: DuckDBInstance
  readonly #limits: StoreLimits
  readonly #clock: Clock
  readonly #idle: DuckDBConnection[] = []
  readonly #waiting: (() => void)[] = []
  readonly #running = new Set<DuckDBConnection>()
  readonly #active = new Set<Promise<void>>()
  #free: number
  #closed = false

  constructor(database: DuckDBInstance, limits: StoreLimits, clock: Clock) {
    this.#database = database
    this.#limits = limits
    this.#clock = clock
    this.#free = limits.searchesMax
  }

  search(request: SearchRequest, catalogue: Catalogue): Promise<SearchResult> {
    const result = this.#search(request, catalogue)
    const settled = result.then(
      () => undefined,
      () => undefined,
    )
    this.#active.add(settled)
    settled.then(() => this.#active.delete(settled))
    return result
  }

  async #search(request: SearchRequest, catalogue: Catalogue): Promise<SearchResult> {
    const startedAt = this.#clock.now()
    const cursor = request.cursor === undefined ? undefined : readCursor(request.cursor, request)
    const nowMs = cursor?.nowMs ?? startedAt
    const query = checkQuery(request.query, { catalogue: sourceCatalogue(catalogue, request), now: nowMs })
    const prepared = prepare(query, request, cursor, nowMs, catalogue)
    await this.#enter()
    try {
      if (this.#closed) throw storeError('pipeline.store.closed', 'the event store is closed')
      const answer = await this.#run(prepared)
      return { ...answer, tookMs: Math.max(0, this.#clock.now() - startedAt) }
    } finally {
      this.#leave()
    }
  }

  /** Ends what runs and what waits. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#active.size > 0) {
      for (const connection of this.#running) connection.interrupt()
      await Promise.race(this.#active)
    }
    for (const connection of this.#idle) connection.closeSync()
    this.#idle.length = 0
  }

  async #run(prepared: Prepared): Promise<Omit<SearchResult, 'tookMs'>> {
    const connection = this.#idle.pop() ?? (await connectTo(this.#database))
    this.#running.add(connection)
    const watch = new Watch(connection, this.#limits.searchMsMax)
    try {
      const { rows, last, isCut } = await this.#fetch(connection, prepared)
      const scanned = await countScanned(connection, prepared)
      const cursor = isCut ? nextCursor(prepared, rows.length, last) : undefined
      return {
        schema: prepared.query.output.map(({ name, column }) => ({ name, type: shownType(column.type) })),
        rows,
        scanned,
        ...(cursor === undefined ? {} : { cursor }),
      }
    } catch (error) {
      throw error instanceof RampartError ? error : translateSearchFailure(error, watch.timedOut, this.#limits)
    } finally {
      watch.end()
      this.#running.delete(connection)
      this.#idle.push(connection)
    }
  }

  /** Reads at most a page of rows, or as many as the answer may hold. */
  async #fetch(connection: DuckDBConnection, prepared: Prepared) {
    const { sql, parameters } = statement(prepared)
    const result = await connection.stream(sql, parameters.values, parameters.types)
    const { output, perEvent } = prepared.query
    const types = output.map(({ column }) => column.type)
    const rows: JsonValue[][] = []
    let shown: { readonly chunk: DuckDBDataChunk; readonly row: number } | undefined
    let bytes = 0
    const answer = (isCut: boolean) => ({
      rows,
      isCut,
      last: isCut && perEvent && shown ? placeOf(shown.chunk, types.length, shown.row) : undefined,
    })
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk || chunk.rowCount === 0) return answer(false)
      const found = rowsOfChunk(chunk, types)
      for (const [i, row] of found.entries()) {
        if (rows.length === prepared.page) return answer(true)
        bytes += sizeOf(row)
        if (bytes > this.#limits.answerBytesMax && rows.length > 0) return answer(true)
        rows.push(row)
        shown = { chunk, row: i }
      }
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    if (this.#waiting.length >= this.#limits.searchesWaitingMax) {
      throw storeError('pipeline.query.busy', 'too many searches wait for their turn; try again', { retryAfterSec: 1 })
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

/** Interrupts a connection when its time is over, again and again: DuckDB forgets an interruption that comes between two
 * steps of a search. */
class Watch {
  timedOut = false
  #timer: NodeJS.Timeout

  constructor(connection: DuckDBConnection, msMax: number) {
    const interrupt = (): void => {
      this.timedOut = true
      connection.interrupt()
      this.#timer = setTimeout(interrupt, againMs)
    }
    this.#timer = setTimeout(interrupt, msMax)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

const againMs = 10

interface Prepared {
  readonly query: CheckedQuery
  readonly request: SearchRequest
  readonly nowMs: number
  readonly pipes: ReadonlyMap<string, Pipe>
  readonly bounds: ScanBounds
  readonly page: number
  readonly skip: number
  readonly dropCount: number
}

function prepare(
  query: CheckedQuery,
  request: SearchRequest,
  cursor: Cursor | undefined,
  nowMs: number,
  catalogue: Catalogue,
): Prepared {
  const pipes = new Map<string, Pipe>()
  for (const scan of query.scans) {
    for (const { key } of scan.pipes) {
      const pipe = catalogue.get(key)
      if (pipe) pipes.set(key, pipe)
    }
  }
  const all = [...pipes.values()]
  const dropCount = all.reduce((sum, pipe) => sum + pipe.dropCount, 0)
  if (cursor && cursor.after === undefined && cursor.dropCount !== dropCount) {
    throw storeError('pipeline.query.staleCursor', 'events were dropped since the first page; start without a cursor')
  }
  return {
    query,
    request,
    nowMs,
    pipes,
    bounds: {
      from: request.from,
      to: request.to,
      batches: cursor?.batches ?? new Map(all.map((pipe) => [pipe.id, pipe.batch])),
      after: cursor?.after,
    },
    page: Math.max(0, Math.min(request.limit ?? queryLimits.rowsMax, queryLimits.rowsMax)),
    skip: cursor?.skip ?? 0,
    dropCount,
  }
}

function statement(prepared: Prepared): { readonly sql: string; readonly parameters: Parameters } {
  const { query, pipes, bounds } = prepared
  const parameters = new Parameters()
  const pipeOf = (key: string): Pipe => {
    const pipe = pipes.get(key)
    if (!pipe) throw new Error('a checked query scans known pipes')
    return pipe
  }
  const { sql, last } = planSql(query.plan, pipeOf, bounds, parameters)
  const places = query.perEvent ? (query.scans[0]?.arrival ?? []) : []
  const columns = [...query.output.map(({ column }) => column), ...places].map(columnSql)
  const isStored = query.order.length === 0 || isStoredOrder(query.plan, query.order, pipeOf)
  const order = isStored ? '' : ` ORDER BY ${orderSql(query.order, parameters)}`
  const skip = prepared.skip === 0 ? '' : ` OFFSET ${parameters.whole(BigInt(prepared.skip))}`
  // One more than a page tells whether there is another.
  const limit = parameters.whole(BigInt(prepared.page + 1))
  return {
    sql: `${sql}\nSELECT ${columns.join(', ') || 'NULL'} FROM ${last}${order} LIMIT ${limit}${skip}`,
    parameters,
  }
}

async function countScanned(connection: DuckDBConnection, { query, pipes, bounds }: Prepared): Promise<number> {
  let scanned = 0
  for (const scan of query.scans) {
    for (const { key } of scan.pipes) {
      const pipe = pipes.get(key)
      if (!pipe) continue
      const parameters = new Parameters()
      const conditions = scanConditions(pipe, scan, bounds, parameters)
      const [row] = await rowsOf(
        connection,
        `SELECT count(*) FROM ${tableOf(pipe)} WHERE ${conditions.join(' AND ')}`,
        parameters.values,
        parameters.types,
      )
      scanned += Number(row?.[0] ?? 0)
    }
  }
  return scanned
}

function nextCursor(prepared: Prepared, shown: number, last: ArrivalPlace | undefined): string | undefined {
  const { request, nowMs, bounds, dropCount } = prepared
  const isPlaced = prepared.query.perEvent
  if (isPlaced && !last) return undefined
  const skip = isPlaced ? 0 : prepared.skip + shown
  return writeCursor({ nowMs, batches: bounds.batches, dropCount, after: isPlaced ? last : undefined, skip }, request)
}

function placeOf(chunk: DuckDBDataChunk, firstColumn: number, row: number): ArrivalPlace {
  const [arrived, pipe, shard, offset] = [0, 1, 2, 3].map((i) => chunk.getColumnVector(firstColumn + i).getItem(row))
  return {
    arrivedMicros: microsOfValue(arrived),
    pipe: Number(pipe),
    shard: Number(shard),
    offset: Number(offset),
  }
}

/** About the bytes of a row in an answer. */
function sizeOf(row: readonly JsonValue[]): number {
  let bytes = 2
  for (const cell of row) {
    if (typeof cell === 'string') bytes += cell.length + 3
    else bytes += typeof cell === 'object' && cell !== null ? JSON.stringify(cell).length : 8
  }
  return bytes
}
