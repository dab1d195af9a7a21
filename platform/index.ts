export * from './base/index.ts'
export { type Channel, type ChannelHandlers, openChannel } from './channel.ts'
export { describeConfig, type ShownSetting } from './config/describe.ts'
export { type LoadedConfig, type LoadOptions, loadConfig } from './config/load.ts'
export { type Config, type ConfigKey, configKeys } from './config/schema.ts'
export { type DataDir, openDataDir } from './data-dir/data-dir.ts'
export type { ColumnTypes, Database, Migration } from './db/database.ts'
export { migrate } from './db/migrate.ts'
export { openDatabase } from './db/open.ts'
export { Egress } from './egress/egress.ts'
export { NetworkSet, networkSet, parseNetwork } from './egress/networks.ts'
export { type Response, type SendOptions, sendPinned } from './egress/send.ts'
export type { Access, OperationAccess, OperationRequest, Operations } from './http/access.ts'
export type { Api } from './http/api.ts'
export { takeRawBodies } from './http/bodies.ts'
export { formatCursor, parseCursor } from './http/cursor.ts'
export { etagOf, requireMatch } from './http/etag.ts'
export { auditAs, contextOf, requestContext } from './http/guard.ts'
export { listenOn } from './http/listen.ts'
export {
  type FilterCompiler,
  filterQuery,
  ifMatchHeader,
  type Listed,
  type ListPage,
  listSchema,
  pageOf,
  pageQuery,
} from './http/lists.ts'
export { pageThrough } from './http/page-through.ts'
export { probeRoutes } from './http/probe-routes.ts'
export { createServer } from './http/server.ts'
export { placesOf, type WorkspaceRouteDeps } from './http/workspace.ts'
export { createJobs, type JobOptions, type Jobs } from './jobs/jobs.ts'
export { jobMigrations } from './jobs/migrations.ts'
export { jobRoutes } from './jobs/routes.ts'
export type { JobContext } from './jobs/run-held.ts'
export type { Job, JobAccount, JobState } from './jobs/types.ts'
export { createLog, type Log } from './log.ts'
export { createMetrics, defineMetrics, listMetrics, type MetricDefinition, type Metrics } from './metrics.ts'
export type {
  AuditEvent,
  AuditOutcome,
  AuditSink,
  Authenticator,
  Authorizer,
  AuthzRequest,
  BodyBound,
  Context,
  ContextValue,
  Decision,
  Principal,
  RequestHead,
  Sealer,
  Snapshots,
} from './ports.ts'
export { openSealer } from './sealer.ts'
export { createStop, type Stop, type StopPhase, stopOnSignals } from './stop.ts'
