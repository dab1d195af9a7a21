export type { AlertAnswer } from './alert-forms.ts'
export { breakGlassFinding } from './break-glass.ts'
export { type AlertChanges, type Cases, type CasesDeps, createCases } from './cases.ts'
export { dedupKey as alertKey } from './dedup-key.ts'
export { DEDUP_WINDOW_MS as ALERT_WINDOW_MS } from './limits.ts'
export { caseMigrations } from './migrations.ts'
export { entityRoutes } from './risk/routes.ts'
export { type AlertRouteDeps, alertRoutes } from './routes.ts'
export type {
  AlertChange,
  AlertPatch,
  AlertSnapshot,
  AlertState,
  IncomingFinding,
  Severity,
  Verdict,
} from './types.ts'
