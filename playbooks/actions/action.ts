import type { AccountId, Principal } from '../../platform/index.ts'
import type { Failure, Json, JsonMap } from '../types.ts'
import type { ActionSpec } from './spec.ts'

/** One attempt of an action. */
export interface Call {
  readonly account: AccountId
  readonly workspace: string
  readonly playbookId: string
  readonly runId: string
  readonly stepId: string
  readonly attempt: number
  /** `<run>/<step path>/<index>`: the same on every attempt of the step. */
  readonly key: string
  /** The session of the playbook's role. */
  readonly principal: Principal
  readonly now: number
  /** Aborted when the attempt's time is up, the run was cancelled or the attempt was taken away. */
  readonly signal: AbortSignal
  /** Whether the role may do an operation that the platform itself authorises beside the action. */
  mayDo(action: string, resource: string): Promise<boolean>
}

export type ActionResult =
  | { readonly ok: true; readonly output: Json }
  | { readonly ok: false; readonly error: Failure; readonly retryAfterMs?: number }

/** A connector's verb. `input` fits `parameters`. Ordinary failures are results; what is thrown counts as internal. */
export interface Action extends ActionSpec {
  run(input: JsonMap, call: Call): Promise<ActionResult>
}

export function failed(error: Failure, retryAfterMs?: number): ActionResult {
  return { ok: false, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}
