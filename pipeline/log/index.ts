export type { LogCounters } from './counters.ts'
export type { LogLimits } from './limits.ts'
export { type EmbeddedLogReader, openLogReader } from './log-reader.ts'
export { type EmbeddedLog, type EmbeddedLogOptions, openPartitionLog } from './partition-log.ts'
