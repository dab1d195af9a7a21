import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { assert, RampartError } from '../../../platform/index.ts'
import {
  type EventScan,
  type PipeAddress,
  type RecordForm,
  recordFormats,
  type ScanBatch,
  type ScanRequest,
  type StoredRecord,
} from '../../types.ts'
import { type Catalogue, FORM_FIELD, type Pipe, pipeKey, tableOf } from './catalogue.ts'
import { connectTo, rowsOf } from './database.ts'
import { storeError, translateWriteFailure } from './errors.ts'
import type { StoreLimits } from './limits.ts'
import { fieldSql } from './sql-field.ts'
import { Parameters } from './sql-parameters.ts'
import { scanConditions } from './sql-plan.ts'

/** Opens scans, a bounded number at a time, each on a connection of its own. */
export class Scanner {
  readonly #database: DuckDBInstance
  readonly #limits: StoreLimits
  readonly #open = new Set<Scan>()
  #opening = 0

  constructor(database: DuckDBInstance, limits: StoreLimits) {
    this.#database = database
    this.#limits = limits
  }

  async open(request: ScanRequest, catalogue: Catalogue): Promise<EventScan> {
    if (this.#open.size + this.#opening >= this.#limits.scansMax) {
      throw storeError('pipeline.scan.busy', 'too many readings of stored events are under way; try again', {
        retryAfterSec: 10,
      })
    }
    this.#opening++
    try {
      const connection = await connectTo(this.#database)
      const scan = new Scan(connection, request, this.#limits, () => this.#open.delete(scan))
      this.#open.add(scan)
      try {
        await scan.begin(pipesOf(catalogue, request))
      } catch (error) {
        await scan.close()
        throw translateWriteFailure(error, 'begin to read events')
      }
      return scan
    } finally {
      this.#opening--
    }
  }

  /** Ends every scan. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((scan) => scan.close()))
  }
}

/** Offsets of one shard that are to be read. */
interface Stretch {
  readonly pipe: Pipe
  /** The last batch when the scan began. */
  readonly batch: number
  readonly shard: number
  next: number
  readonly last: number
}

/** Reads by ranges of offsets, each in a statement of its own: a table is stored in that order, so a range touches the few
 * row groups that hold it, and no transaction stays open that would keep the store from folding its log. */
class Scan implements EventScan {
  eventCount = 0
  readonly #connection: DuckDBConnection
  readonly #request: ScanRequest
  readonly #limits: StoreLimits
  readonly #onClose: () => void
  readonly #stretches: Stretch[] = []
  #range: number
  #running: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(connection: DuckDBConnection, request: ScanRequest, limits: StoreLimits, onClose: () => void) {
    this.#connection = connection
    this.#request = request
    this.#limits = limits
    this.#onClose = onClose
    this.#range = limits.scanEventsMax
  }

  async begin(pipes: readonly Pipe[]): Promise<void> {
    for (const pipe of pipes) {
      const { batch } = pipe
      const parameters = new Parameters()
      const rows = await this.#rows(
        `SELECT shard, min("offset"), max("offset"), count(*) FROM ${tableOf(pipe)}
         WHERE ${this.#conditions(pipe, batch, parameters)} GROUP BY shard ORDER BY shard`,
        parameters,
      )
      for (const [shard, first, last, count] of rows) {
        this.#stretches.push({ pipe, batch, shard: Number(shard), next: Number(first), last: Number(last) })
        this.eventCount += Number(count)
      }
    }
  }

  async next(): Promise<ScanBatch | undefined> {
    if (this.#closed) throw storeError('pipeline.scan.closed', 'the reading was ended')
    const running = this.#next()
    this.#running = running.catch(() => undefined)
    try {
      return await running
    } catch (error) {
      if (this.#closed) throw storeError('pipeline.scan.closed', 'the reading was ended', { cause: error })
      throw error instanceof RampartError ? error : translateWriteFailure(error, 'read events')
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const ended = this.#running.then(() => true)
    // DuckDB forgets an interruption that comes between two steps.
    while (!(await Promise.race([ended, soon()]))) this.#connection.interrupt()
    this.#connection.closeSync()
    this.#onClose()
  }

  async #next(): Promise<ScanBatch | undefined> {
    for (;;) {
      const [stretch] = this.#stretches
      if (!stretch || this.#closed) return undefined
      if (stretch.next > stretch.last) {
        this.#stretches.shift()
        continue
      }
      const to = Math.min(stretch.next + this.#range, stretch.last + 1)
      const { count, bytes } = await this.#sizeOf(stretch, to)
      if (bytes > this.#limits.scanBytesMax && this.#range > 1) {
        this.#range = Math.max(1, Math.floor(this.#range / 2))
        continue
      }
      const records = count === 0 ? [] : await this.#read(stretch, to)
      stretch.next = to
      if (bytes < this.#limits.scanBytesMax / 4) this.#range = Math.min(this.#range * 2, this.#limits.scanEventsMax)
      if (records.length > 0) return { shard: { ...stretch.pipe.address, shard: stretch.shard }, records }
    }
  }

  async #sizeOf(stretch: Stretch, to: number): Promise<{ readonly count: number; readonly bytes: number }> {
    const parameters = new Parameters()
    const where = this.#within(stretch, to, parameters)
    const sql = `SELECT count(*), coalesce(sum(strlen(raw)), 0) FROM ${tableOf(stretch.pipe)} WHERE ${where}`
    const [row] = await this.#rows(sql, parameters)
    return { count: Number(row?.[0] ?? 0), bytes: Number(row?.[1] ?? 0) }
  }

  async #read(stretch: Stretch, to: number): Promise<readonly StoredRecord[]> {
    const { pipe } = stretch
    const parameters = new Parameters()
    const form = fieldSql(pipe, FORM_FIELD, 'string', parameters)
    const rows = await this.#rows(
      `SELECT "offset", epoch_ms(received), ${form}, raw FROM ${tableOf(pipe)}
       WHERE ${this.#within(stretch, to, parameters)} ORDER BY "offset"`,
      parameters,
    )
    const forms = new Map<unknown, RecordForm>()
    return rows.map(([offset, receivedAt, formText, raw]) => {
      let known = forms.get(formText)
      if (!known) {
        known = readForm(formText)
        forms.set(formText, known)
      }
      return {
        ...known,
        offset: Number(offset),
        receivedAt: Number(receivedAt),
        payload: Buffer.from(String(raw ?? '')),
      }
    })
  }

  #within({ pipe, batch, shard, next }: Stretch, to: number, parameters: Parameters): string {
    return [
      `shard = ${parameters.whole(BigInt(shard))}`,
      `"offset" >= ${parameters.whole(BigInt(next))}`,
      `"offset" < ${parameters.whole(BigInt(to))}`,
      this.#conditions(pipe, batch, parameters),
    ].join(' AND ')
  }

  #conditions(pipe: Pipe, batch: number, parameters: Parameters): string {
    const { from, to } = this.#request
    const bounds = { from, to, batches: new Map([[pipe.id, batch]]), after: undefined }
    return scanConditions(pipe, { allTimes: false }, bounds, parameters).join(' AND ')
  }

  #rows(sql: string, parameters: Parameters) {
    return rowsOf(this.#connection, sql, parameters.values, parameters.types)
  }
}

function soon(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 5))
}

function pipesOf(catalogue: Catalogue, { account, workspace, pipes, hidden = [] }: ScanRequest): readonly Pipe[] {
  const isNamed = (names: NonNullable<ScanRequest['pipes']>, { dataspace, pipe }: PipeAddress) =>
    names.some((each) => each.dataspace === dataspace && each.pipe === pipe)
  const ofWorkspace = (address: PipeAddress) => address.account === account && address.workspace === workspace
  return [...catalogue.values()]
    .filter(({ address }) => ofWorkspace(address) && (!pipes || isNamed(pipes, address)) && !isNamed(hidden, address))
    .sort((a, b) => (pipeKey(a.address) < pipeKey(b.address) ? -1 : 1))
}

/** What `encodeEvents` kept of a record's form; of older events nothing is known, and their record has to speak for itself. */
function readForm(text: unknown): RecordForm {
  if (typeof text !== 'string') return { source: '', format: 'auto', headers: {} }
  const [source, name, headers = {}] = JSON.parse(text) as [string, string, Readonly<Record<string, string>>?]
  const format = recordFormats.find((known) => known === name)
  assert(format, 'a stored form names a known format')
  return { source, format, headers }
}
