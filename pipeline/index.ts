export { openDuckDbStore } from './engines/duckdb/store.ts'
export { openLogReader, openPartitionLog } from './log/index.ts'
export { countSteps, showLogCounters } from './metrics.ts'
export { pipeMigrations } from './pipes/migrations.ts'
export { createPipes, type Pipes } from './pipes/pipes.ts'
export { pipeRoutes } from './pipes/routes.ts'
export { AUDIT_PIPE, DEFAULT_NAME, LOGS_PIPE, type Pipe } from './pipes/types.ts'
export { checkQuery, compileFilter, quoteName, quoteString } from './ppl/index.ts'
export { type DurableEnd, type Processor, startProcessor } from './processing/host.ts'
export type { RemoteStore } from './processing/remote-store.ts'
export { serveProcessor } from './processing/serve.ts'
export type { ShardStep } from './processing/shard-loop.ts'
export { dropExpired } from './retention.ts'
export { hiddenPipes, type SearchRouteDeps, searchRoutes } from './search-routes.ts'
export {
  type AppendEvents,
  type Detector,
  type Event,
  type EventScan,
  type EventStore,
  type FieldType,
  type JsonObject,
  type JsonValue,
  type LogGap,
  type LogReader,
  type LogRecord,
  type Logsource,
  type Parser,
  type PartitionLog,
  type PipeAddress,
  type ReadBatch,
  type RecordForm,
  type RecordFormat,
  recordFormats,
  type ScanBatch,
  type ScanRequest,
  type SearchRequest,
  type SearchResult,
  type ShardAddress,
  type ShardProgress,
  type StoredRecord,
} from './types.ts'
