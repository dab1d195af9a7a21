export type { SyslogLimits } from './limits.ts'
export { createParser } from './parse/parser.ts'
export { type RecordRouteDeps, recordRoutes } from './records/routes.ts'
export { type SyslogOptions, type SyslogService, startSyslog } from './syslog/start.ts'
