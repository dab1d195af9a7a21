export type { LogCounters } from './counters.ts'
export { openLogReader } from './log-reader.ts'
export { type EmbeddedLog, openPartitionLog } from './partition-log.ts'
