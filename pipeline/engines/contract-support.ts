import { parseAccountId } from '../../platform/index.ts'
import type { Event, EventStore, JsonObject, JsonValue, SearchRequest, SearchResult, ShardAddress } from '../index.ts'

/** Words for tests of event stores. */
export const account = parseAccountId('000000000001')

export function aShard(pipe = 'logs', shard = 0): ShardAddress {
  return { account, workspace: 'default', dataspace: 'default', pipe, shard }
}

const firstAt = Date.UTC(2024, 1, 1)

/** An event of that record: a second after the one before it, received at once. */
export function anEvent(offset: number, original: JsonObject = {}, more: Partial<Event> = {}): Event {
  const at = firstAt + offset * 1000
  return { offset, receivedAt: at, time: at, original, ocsf: {}, logsource: {}, raw: JSON.stringify(original), ...more }
}

/** Appends records to a shard from an offset on. */
export async function appendRecords(
  store: EventStore,
  records: readonly JsonObject[],
  shard: ShardAddress = aShard(),
  firstOffset = 0,
): Promise<void> {
  const events = records.map((record, i) => anEvent(firstOffset + i, record))
  await store.append({ shard, events, nextOffset: firstOffset + records.length })
}

export function search(store: EventStore, query: string, more: Partial<SearchRequest> = {}): Promise<SearchResult> {
  return store.search({ account, workspace: 'default', query, ...more })
}

/** The rows of a search as objects by field name. */
export async function found(
  store: EventStore,
  query: string,
  more: Partial<SearchRequest> = {},
): Promise<readonly Record<string, JsonValue>[]> {
  const { schema, rows } = await search(store, query, more)
  return rows.map((row) => Object.fromEntries(schema.map(({ name }, i) => [name, row[i] ?? null])))
}

/** The values of a search's first column. */
export async function column(
  store: EventStore,
  query: string,
  more: Partial<SearchRequest> = {},
): Promise<readonly JsonValue[]> {
  return (await search(store, query, more)).rows.map((row) => row[0] ?? null)
}
