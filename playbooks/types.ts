import type { AlertChange, AlertPatch } from '../cases/index.ts'
import type { AccountId, Context, Log as PlatformLog, Principal } from '../platform/index.ts'

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
export const alertChangeKinds = [
  'created',
  'updated',
  'severity_raised',
  'status_changed',
] as const satisfies readonly AlertChange['change'][]
export type AlertChangeKind = (typeof alertChangeKinds)[number]

/** Port: changes an alert on behalf of `ctx.principal`. The same `ctx.requestId` changes it once.
 * @throws RampartError where the alert is absent (404) or the patch is refused (409, 422) */
export type UpdateAlert = (ctx: Context, workspace: string, alertId: string, patch: AlertPatch) => Promise<unknown>

/** Port: the session of a role, narrowed by `sessionPolicies`. Kept by iam/.
 * @throws RampartError of status 404 where the account has no such role */
export type RunAs = (account: AccountId, roleName: string, sessionPolicies: readonly unknown[]) => Promise<Principal>

/** What of the service log is used here. */
export type Log = Pick<PlatformLog, 'debug' | 'info' | 'warn' | 'error'>

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
