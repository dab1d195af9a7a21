import type { FailureCode, Json, JsonMap } from '../types.ts'
import type { Scope } from './value-type.ts'

/** The outcome of one expression. */
export type Outcome =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: FailureCode; readonly message: string; readonly absent?: boolean }

/** To the worker: evaluate these, in one scope, at one instant. */
export interface Job {
  readonly id: number
  readonly scopeKey: string
  /** Given the first time a worker meets `scopeKey`. */
  readonly scope?: Scope
  readonly bindings: JsonMap
  readonly now: number
  readonly expressions: readonly string[]
}

/** From the worker. `cpuUs` is the processor time of its thread so far. */
export type Answer =
  | { readonly kind: 'ready'; readonly cpuUs: number }
  | { readonly kind: 'done'; readonly id: number; readonly outcomes: readonly Outcome[]; readonly cpuUs: number }
