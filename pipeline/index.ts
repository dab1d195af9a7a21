export { openPipeline, type Pipeline } from './pipeline.ts'
export { pipeMigrations } from './pipes/migrations.ts'
export type { Pipes } from './pipes/pipes.ts'
export { AUDIT_PIPE, DEFAULT_NAME, LOGS_PIPE, type Pipe } from './pipes/types.ts'
export { checkQuery, compileFilter, quoteName, quoteString } from './ppl/index.ts'
export type { ProcessorData } from './processing/host.ts'
export type { RemoteStore } from './processing/remote-store.ts'
export { type ProcessorThread, runProcessor } from './processing/serve.ts'
export type { ShardStep } from './processing/shard-loop.ts'
export { hiddenPipes } from './search-routes.ts'
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
  type ShardFiles,
  type ShardProgress,
  type StoredRecord,
} from './types.ts'
