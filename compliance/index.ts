export { type AuditSinkDeps, createAuditSink, type RunningAuditSink } from './audit-sink.ts'
