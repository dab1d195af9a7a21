export type { AlertAnswer } from './alert-forms.ts'
export { type AlertChanges, type Cases, type CasesDeps, createCases } from './cases.ts'
export { caseMigrations } from './migrations.ts'
export { type AlertRouteDeps, alertRoutes, type FilterCompiler } from './routes.ts'
export {
  type AlertChange,
  type AlertPatch,
  type AlertSnapshot,
  type AlertState,
  alertStates,
  type IncomingFinding,
  type Severity,
  severities,
  type Verdict,
  verdicts,
} from './types.ts'
