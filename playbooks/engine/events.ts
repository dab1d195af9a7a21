import type { Failure, Json, JsonMap } from '../types.ts'

/** The version that new events carry. A stored version stays foldable for ever: golden-histories.test.ts. */
export const EVENT_VERSION = 1

/** What started a run. */
export interface Origin {
  readonly kind: 'manual' | 'alert' | 'webhook' | 'retry'
  /** The trigger, where one started it. */
  readonly trigger?: string
  /** A principal's name, or `trigger/<id>`. */
  readonly startedBy: string
}

/** The result of a finished step that a retried run takes over. */
export interface CarriedStep {
  readonly step: string
  readonly status: 'succeeded' | 'skipped'
  readonly output?: Json
}

export type EndStatus = 'succeeded' | 'failed' | 'cancelled'

/** A failure, and the step it is of. */
export interface RunFailure extends Failure {
  readonly step?: string
}

/** What an approval shows to the people who decide. */
export interface ApprovalQuestion {
  readonly title: string
  readonly text?: string
  readonly show: readonly { readonly expression: string; readonly value: Json }[]
}

export type TimerMeaning = 'done' | 'timeout' | 'expiry'

/** What happened in a run. All that came from outside is here (the clock, results, decisions, the values that
 * expressions gave), so that the state of a run is a fold of its events and nothing else. */
export type RunEvent =
  | {
      readonly type: 'run.created'
      readonly origin: Origin
      readonly inputs: JsonMap
      readonly carried?: readonly CarriedStep[]
    }
  | { readonly type: 'run.started' }
  | { readonly type: 'run.cancelled'; readonly by: string }
  | { readonly type: 'run.timed_out' }
  | {
      readonly type: 'run.finished'
      readonly status: EndStatus
      readonly outputs?: JsonMap
      readonly error?: RunFailure
      readonly reason?: string
    }
  | {
      readonly type: 'step.scheduled'
      readonly step: string
      readonly attempt: number
      readonly dueAt: number
      readonly input: JsonMap
    }
  | { readonly type: 'step.started'; readonly step: string; readonly attempt: number; readonly startedAt: number }
  | {
      readonly type: 'step.retry_scheduled'
      readonly step: string
      /** The attempt that comes. */
      readonly attempt: number
      readonly dueAt: number
      readonly error?: Failure
    }
  | {
      readonly type: 'step.completed'
      readonly step: string
      readonly output: Json
      /** Of a `stop`: how the run ends. */
      readonly ends?: { readonly status: 'succeeded' | 'failed'; readonly reason?: string }
    }
  | { readonly type: 'step.failed'; readonly step: string; readonly error: Failure; readonly handled: boolean }
  | { readonly type: 'step.skipped'; readonly step: string }
  | { readonly type: 'step.not_run'; readonly step: string }
  | { readonly type: 'step.cancelled'; readonly step: string }
  /** The process died, or lost its lease, while the attempt was under way. */
  | { readonly type: 'step.unknown'; readonly step: string; readonly attempt: number }
  | {
      readonly type: 'timer.set'
      readonly step: string
      readonly dueAt: number
      /** A clock that stood before this when it is read stepped back; the timer is then set anew. */
      readonly setAt: number
      /** What its firing means: the wait is over, took too long, or the approval expired. */
      readonly means: TimerMeaning
    }
  | { readonly type: 'timer.fired'; readonly step: string; readonly means: TimerMeaning }
  | {
      readonly type: 'approval.asked'
      readonly step: string
      readonly approval: string
      readonly question: ApprovalQuestion
    }
  | {
      readonly type: 'approval.decided'
      readonly step: string
      readonly decision: 'approve' | 'reject'
      readonly by: readonly string[]
      readonly comment?: string
    }
  | { readonly type: 'note'; readonly step?: string; readonly text: string }

/** An event in its place. */
export interface HistoryEvent {
  readonly seq: number
  readonly at: number
  readonly event: RunEvent
}
