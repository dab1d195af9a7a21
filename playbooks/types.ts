import type { AccountId, Context, Principal } from '../platform/index.ts'

/** A value as JSON carries it: what playbooks compute with, store and send. */
export type Json = string | number | boolean | null | readonly Json[] | JsonMap
export type JsonMap = { readonly [member: string]: Json }

/** Where a run stands. `compensated` is a word of the contract that no run of this version reaches. */
export const runStatuses = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'compensated'] as const
export type RunStatus = (typeof runStatuses)[number]

/** Where a step of a run stands. */
export const stepStatuses = [
  'pending',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'skipped',
  'not_run',
  'cancelled',
] as const
export type StepStatus = (typeof stepStatuses)[number]

/** Why an attempt or step failed; retry policies and `steps.<id>.error.code` speak these words.
 * @see docs/decisions/0006-durable-runs-as-a-fold.md */
export const failureCodes = [
  'timeout',
  'network',
  'rate_limited',
  'unavailable',
  'auth',
  'forbidden',
  'not_found',
  'invalid',
  'conflict',
  'too_large',
  'internal',
  'cancelled',
  'unknown_outcome',
  'rejected',
  'expired',
  'stalled',
  'poisoned',
] as const
export type FailureCode = (typeof failureCodes)[number]

export interface Failure {
  readonly code: FailureCode
  readonly message: string
  readonly details?: JsonMap
}

/** What happened to an alert that a trigger may answer. */
export const alertChangeKinds = ['created', 'updated', 'severity_raised', 'status_changed'] as const
export type AlertChangeKind = (typeof alertChangeKinds)[number]

/** An alert as expressions see it: the contract's Alert in snake_case, its instants as RFC 3339 text. */
export interface TriggerAlert {
  readonly id: string
  readonly rule_id: string
  readonly title: string
  readonly severity: string
  readonly severity_id: number
  readonly state: string
  readonly verdict?: string | undefined
  readonly count: number
  readonly first_seen: string
  readonly last_seen: string
  readonly dedup_key: string
  readonly entities: { readonly [kind: string]: readonly string[] }
  readonly techniques: readonly string[]
  readonly owner?: string | undefined
  readonly tags: readonly string[]
}

/** A change of an alert, kept by cases/ until it is said to be done. */
export interface AlertChange {
  readonly id: string
  readonly account: AccountId
  readonly workspace: string
  readonly change: AlertChangeKind
  /** Grows with every change of the alert; (alert, revision) names one change for ever. */
  readonly revision: number
  readonly alert: TriggerAlert
}

/** Port: the durable queue of alert changes that alert triggers pull from. Kept by cases/. */
export interface AlertChanges {
  /** Says that there may be something to take; it may say so too often, and must not be relied on. */
  onChange(listener: () => void): void
  /** The oldest changes that are not done. The same ones again until `done`. */
  take(max: number): Promise<readonly AlertChange[]>
  done(ids: readonly string[]): Promise<void>
}

/** What `cases.alert.update` may change. */
export interface AlertPatch {
  readonly state?: string
  readonly verdict?: string
  readonly owner?: string
  readonly comment?: string
}

/** Port: changes an alert on behalf of `ctx.principal`. The same `ctx.requestId` changes it once.
 * @throws RampartError where the alert is absent (404) or the patch is refused (409, 422) */
export type UpdateAlert = (ctx: Context, workspace: string, alertId: string, patch: AlertPatch) => Promise<unknown>

/** Port: the session of a role, narrowed by `sessionPolicies`. Kept by iam/.
 * @throws RampartError of status 404 where the account has no such role */
export type RunAs = (account: AccountId, roleName: string, sessionPolicies: readonly unknown[]) => Promise<Principal>

/** Port: makes a test of list members out of a PPL `where` expression. @throws a 400 that names the place */
export type FilterCompiler = (text: string) => (item: JsonMap) => boolean

/** Port: the service log, as pino has it. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A step of a run moved, durably. For live views; what they miss is in the run. */
export interface StepChange {
  readonly account: AccountId
  readonly workspace: string
  readonly playbookId: string
  readonly runId: string
  /** Absent for a change of the run itself. */
  readonly stepId?: string
  readonly status: StepStatus | RunStatus
  readonly attempt?: number
  readonly error?: Failure
  readonly at: number
}
