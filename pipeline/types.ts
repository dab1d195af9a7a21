import type { AccountId } from '../platform/index.ts'

/** A pipe, by its whole address. Names are `[a-z0-9][a-z0-9_-]{0,63}`. */
export interface PipeAddress {
  readonly account: AccountId
  readonly workspace: string
  readonly dataspace: string
  readonly pipe: string
}

/** One ordered part of a pipe. */
export interface ShardAddress extends PipeAddress {
  readonly shard: number
}

/** How a payload is written; `auto` looks at the payload. */
export const recordFormats = ['auto', 'json', 'text', 'csv', 'syslog'] as const
export type RecordFormat = (typeof recordFormats)[number]

/** What the collector knows of a record beside its bytes: with them, all that a parser goes by. */
export interface RecordForm {
  /** Who delivered it: a source's id, a principal's ARN, `syslog/udp 10.0.0.9`. */
  readonly source: string
  readonly format: RecordFormat
  /** Such as `columns` of a CSV or `cut` of a line over the limit. */
  readonly headers: Readonly<Record<string, string>>
}

/** Bytes as received, not yet understood. */
export interface LogRecord extends RecordForm {
  /** When the platform took it, ms since the epoch. */
  readonly receivedAt: number
  readonly payload: Uint8Array
}

export interface StoredRecord extends LogRecord {
  readonly offset: number
}

/** Records that cannot be served: a damaged stretch of a segment. */
export interface LogGap {
  readonly fromOffset: number
  /** The first offset that is readable again. */
  readonly toOffset: number
  readonly file: string
  readonly position: number
  readonly reason: string
}

export interface ReadBatch {
  readonly records: readonly StoredRecord[]
  /** Where the next read starts. */
  readonly nextOffset: number
  readonly gaps: readonly LogGap[]
}

/** The readable side of a durable, ordered, partitioned log; a processor needs no more. */
export interface LogReader {
  /** Up to `bytesMax` of the durable records from `fromOffset` on, at least one if there is one; an empty batch at the
   * end. An offset below the first retained one starts at that one. */
  read(shard: ShardAddress, fromOffset: number, bytesMax: number): Promise<ReadBatch>
}

/** A durable, ordered, partitioned log. */
export interface PartitionLog extends LogReader {
  /** Resolves once every record of the call is durable, with the offset of the first; the others follow it. All or
   * none of a call is acknowledged.
   * @throws pipeline.log.full (503) when the disk has no room; reads go on, and appends do again once there is room
   * @throws pipeline.log.busy (429) when more bytes wait than the log may hold in memory */
  append(shard: ShardAddress, records: readonly LogRecord[]): Promise<{ readonly firstOffset: number }>
  /** The offset after the last durable record. */
  end(shard: ShardAddress): number
  /** Calls back, soon after, with each shard whose durable end moved, and once for each known shard at the start. */
  onDurable(listener: (shard: ShardAddress, end: number) => void): void
  /** Says that `consumer` needs nothing below `nextOffset` any more; retention waits for it. */
  commit(consumer: string, shard: ShardAddress, nextOffset: number): Promise<void>
  committed(consumer: string, shard: ShardAddress): number
  shards(): readonly ShardAddress[]
  /** Drops whole old segments: by age, by bytes, never past the slowest consumer.
   * @returns how many bytes went */
  applyRetention(
    shard: ShardAddress,
    limits: { readonly ageMsMax?: number; readonly bytesMax?: number },
  ): Promise<number>
  close(): Promise<void>
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue }
export type JsonObject = { readonly [member: string]: JsonValue }

/** What a Sigma rule's `logsource` is compared with. */
export interface Logsource {
  readonly product?: string
  readonly category?: string
  readonly service?: string
}

/** A record understood: its own members, and its OCSF form beside them. */
export interface Event {
  readonly offset: number
  readonly receivedAt: number
  /** When it happened, by the record; by `receivedAt` where the record does not say. */
  readonly time: number
  /** The record's own members under their own names; for a text line what its parser found (`message`, `hostname`, …). */
  readonly original: JsonObject
  /** OCSF 1.8.0 members (`class_uid`, `src_endpoint`, …). */
  readonly ocsf: JsonObject
  readonly logsource: Logsource
  /** The record as it came, as text. */
  readonly raw: string
  /** Why it could not be parsed; then `original` holds what could be saved. */
  readonly parseError?: string
  /** Kept with the event, so that its record can be parsed again. */
  readonly form?: RecordForm
}

/** Understands records. Never throws: what cannot be parsed is an event with `parseError`. */
export interface Parser {
  parse(record: StoredRecord): Event
}

/** Looks at events in order and states what it finds. Deterministic: the same state, rules and events give the same
 * findings with the same ids, which is what makes replay after a crash silent. */
export interface Detector<Finding> {
  detect(shard: ShardAddress, events: readonly Event[]): readonly Finding[]
  /** The state that later findings of this shard depend on; undefined when it holds none. */
  snapshot(shard: ShardAddress): Uint8Array | undefined
  /** @returns the first offset it needs to be given again, where parts of the state are older than the whole */
  restore(shard: ShardAddress, state: Uint8Array | undefined): number | undefined
}

/** What a detector keeps of shards beside their state, in files of its own. */
export interface ShardFiles {
  /** Shards that have any. */
  list(): readonly ShardAddress[]
  /** Removes those of a shard whose state is gone. */
  remove(shard: ShardAddress): void
}

/** Where a shard's processing stands, as the event store committed it. */
export interface ShardProgress {
  /** The first offset whose event is not in the store. */
  readonly nextOffset: number
  /** `detectorState` holds all events below this offset; it may lag behind `nextOffset`. */
  readonly detectorOffset: number
  readonly detectorState: Uint8Array | undefined
}

export interface AppendEvents {
  readonly shard: ShardAddress
  readonly events: readonly Event[]
  readonly nextOffset: number
  /** Given when the detector's state is to be kept, as of `nextOffset`. */
  readonly detectorState?: Uint8Array
}

/** PPL's types. @see PPL reference, data types */
export const fieldTypes = [
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'string',
  'timestamp',
  'date',
  'time',
  'ip',
  'binary',
  'struct',
  'array',
] as const
export type FieldType = (typeof fieldTypes)[number]

export interface SearchRequest {
  readonly account: AccountId
  readonly workspace: string
  readonly query: string
  /** Event time, ms: inclusive. */
  readonly from?: number
  /** Event time, ms: exclusive. */
  readonly to?: number
  readonly limit?: number
  readonly cursor?: string
  /** Pipes of the workspace that the caller may not see: to the query they are not there. */
  readonly hidden?: readonly { readonly dataspace: string; readonly pipe: string }[]
}

export interface SearchResult {
  readonly schema: readonly { readonly name: string; readonly type: FieldType }[]
  readonly rows: readonly (readonly JsonValue[])[]
  readonly tookMs: number
  /** Events looked at. */
  readonly scanned: number
  readonly cursor?: string
}

/** Which stored events to read again. */
export interface ScanRequest {
  readonly account: AccountId
  readonly workspace: string
  /** Only these pipes of the workspace; absent = all. */
  readonly pipes?: readonly { readonly dataspace: string; readonly pipe: string }[]
  /** Event time, ms: inclusive. */
  readonly from: number
  /** Event time, ms: exclusive. */
  readonly to: number
  /** Pipes that the caller may not see. */
  readonly hidden?: SearchRequest['hidden']
}

/** Stored records of one shard, offsets ascending. */
export interface ScanBatch {
  readonly shard: ShardAddress
  /** As a `Parser` takes them: what an event is made of is parsed again, with the parser of today. */
  readonly records: readonly StoredRecord[]
}

/** A reading of stored events, shard after shard, each in the order it was processed in. Events that arrive meanwhile are
 * not in it. Holds no more than a batch in memory and no transaction between two batches. */
export interface EventScan {
  /** How many events there are to read. */
  readonly eventCount: number
  /** The next batch; undefined at the end. One call at a time. */
  next(): Promise<ScanBatch | undefined>
  /** To be called when done, and to stop early. May be called twice. */
  close(): Promise<void>
}

/** Keeps events searchable. Appending a shard's events and moving its progress are one transaction, so an event is in
 * the store once however often its record is processed. */
export interface EventStore {
  progress(shard: ShardAddress): Promise<ShardProgress>
  /** Durable when resolved. Events below the stored `nextOffset` are skipped. */
  append(batch: AppendEvents): Promise<void>
  /** @throws pipeline.query.* (422 with line and column; 404 for an unknown pipe) */
  search(request: SearchRequest): Promise<SearchResult>
  /** Reads stored events again, as they came; appends go on meanwhile.
   * @throws pipeline.scan.busy (429) when too many are open; one that nobody reads from is closed after a while */
  scan(request: ScanRequest): Promise<EventScan>
  /** Declares field types of a pipe and makes it known, empty as it is. */
  declare(pipe: PipeAddress, fields: Readonly<Record<string, FieldType>>): Promise<void>
  /** Drops events older than `before` (event time, ms). @returns how many */
  dropBefore(pipe: PipeAddress, before: number): Promise<number>
  close(): Promise<void>
}
