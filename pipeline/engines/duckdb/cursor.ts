import { createHash } from 'node:crypto'
import type { SearchRequest } from '../../types.ts'
import { storeError } from './errors.ts'
import type { ArrivalPlace } from './sql-plan.ts'

/** Where the next page of a search begins. It pins what the first page saw: events appended since are left out, and
 * `now` stays what it was. */
export interface Cursor {
  readonly nowMs: number
  /** The last batch of each pipe, by its id. */
  readonly batches: ReadonlyMap<number, number>
  /** How often events had been dropped from these pipes. */
  readonly dropCount: number
  /** For rows that stand for events each: the last one. Else how many rows were shown. */
  readonly after: ArrivalPlace | undefined
  readonly skip: number
}

/** A cursor as the caller carries it. It grants nothing: whoever makes one up reads what he may search anyway. */
export function writeCursor(cursor: Cursor, request: SearchRequest): string {
  const { after } = cursor
  const parts = [
    digest(request),
    cursor.nowMs,
    cursor.dropCount,
    cursor.skip,
    [...cursor.batches].flat(),
    after ? [after.arrivedMicros.toString(), after.pipe, after.shard, after.offset] : [],
  ]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** @throws pipeline.query.badCursor when it is none, or that of another search */
export function readCursor(text: string, request: SearchRequest): Cursor {
  const parts = text.length > 10_000 ? undefined : parseJson(Buffer.from(text, 'base64url').toString('utf8'))
  if (!Array.isArray(parts) || parts[0] !== digest(request)) throw refusal()
  const [, nowMs, dropCount, skip, batches, after]: unknown[] = parts
  if (!isCount(nowMs) || !isCount(dropCount) || !isCount(skip)) throw refusal()
  if (!Array.isArray(batches) || !batches.every(isCount) || batches.length % 2 !== 0) throw refusal()
  return { nowMs, dropCount, skip, batches: pairs(batches), after: readPlace(after) }
}

function readPlace(after: unknown): ArrivalPlace | undefined {
  if (!Array.isArray(after)) throw refusal()
  if (after.length === 0) return undefined
  const [arrived, pipe, shard, offset]: unknown[] = after
  if (typeof arrived !== 'string' || !/^-?\d{1,18}$/.test(arrived)) throw refusal()
  if (!isCount(pipe) || !isCount(shard) || !isCount(offset)) throw refusal()
  return { arrivedMicros: BigInt(arrived), pipe, shard, offset }
}

function pairs(flat: readonly number[]): Map<number, number> {
  const map = new Map<number, number>()
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] ?? 0, flat[i + 1] ?? 0)
  return map
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Ties a cursor to what was searched; the page's size may change. */
function digest({ account, workspace, query, from, to }: SearchRequest): string {
  const text = JSON.stringify([account, workspace, query, from ?? null, to ?? null])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

function refusal() {
  return storeError('pipeline.query.badCursor', 'the cursor does not belong to this search; start without one')
}
