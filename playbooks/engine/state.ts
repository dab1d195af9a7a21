import { assert, unreachable } from '../../platform/index.ts'
import type { Failure, Json, JsonMap, StepStatus } from '../types.ts'
import type { ApprovalQuestion, EndStatus, HistoryEvent, Origin, RunFailure, TimerMeaning } from './events.ts'

/** Where a run stands: the fold of its history. Steps that nothing happened to yet are absent. */
export interface RunState {
  readonly origin: Origin
  readonly inputs: JsonMap
  readonly createdAt: number
  readonly startedAt?: number
  readonly steps: ReadonlyMap<string, StepState>
  /** How the run will end: no new step starts any more. */
  readonly ending?: Ending
  readonly ended?: Ended
}

export interface StepState {
  readonly status: StepStatus
  /** Attempts scheduled so far. */
  readonly attempts: number
  /** Attempts of these whose process died. */
  readonly losses: number
  readonly startedAt?: number
  readonly endedAt?: number
  readonly input?: JsonMap
  readonly output?: Json
  readonly error?: Failure
  /** The attempt that is due or under way. */
  readonly pending?: { readonly attempt: number; readonly dueAt: number }
  /** When a wait ends or an approval expires. */
  readonly timer?: Timer
  readonly approval?: { readonly id: string; readonly question: ApprovalQuestion }
}

export interface Timer {
  readonly dueAt: number
  readonly setAt: number
  readonly means: TimerMeaning
}

export interface Ending {
  readonly status: EndStatus
  readonly at: number
  /** Attempts under way are aborted, not waited for. */
  readonly abort: boolean
  readonly error?: RunFailure
  readonly reason?: string
}

export interface Ended {
  readonly status: EndStatus
  readonly at: number
  readonly outputs?: JsonMap
  readonly error?: RunFailure
  readonly reason?: string
}

const terminalStepStatuses: readonly StepStatus[] = ['succeeded', 'failed', 'skipped', 'not_run', 'cancelled']

export function isTerminal(step: StepState | undefined): boolean {
  return step !== undefined && terminalStepStatuses.includes(step.status)
}

/** The state after `history`. Pure: the same history gives the same state. */
export function fold(history: readonly HistoryEvent[]): RunState {
  const [first, ...rest] = history
  assert(first, 'a run has a history')
  return rest.reduce(apply, begin(first))
}

function begin({ at, event }: HistoryEvent): RunState {
  assert(event.type === 'run.created', 'a history begins with run.created')
  const steps = (event.carried ?? []).map(({ step, status, output }): [string, StepState] => [
    step,
    { status, attempts: 0, losses: 0, startedAt: at, endedAt: at, ...(output === undefined ? {} : { output }) },
  ])
  return { origin: event.origin, inputs: event.inputs, createdAt: at, steps: new Map(steps) }
}

/** The state after one more event. */
export function apply(state: RunState, { at, event }: HistoryEvent): RunState {
  assert(!state.ended || event.type === 'note', 'nothing happens after the end')
  switch (event.type) {
    case 'run.created':
      throw new Error('assertion failed: a run is created once')
    case 'run.started':
      return { ...state, startedAt: at }
    case 'run.cancelled': {
      const ending: Ending = { status: 'cancelled', at, abort: true, reason: `cancelled by ${event.by}` }
      // A run that is failing already keeps its failure, and now stops waiting for what is under way.
      return { ...state, ending: state.ending ? { ...state.ending, abort: true, at } : ending }
    }
    case 'run.timed_out': {
      const error: RunFailure = { code: 'timeout', message: 'the run took longer than its timeout' }
      return {
        ...state,
        ending: state.ending ? { ...state.ending, abort: true, at } : { status: 'failed', at, abort: true, error },
      }
    }
    case 'run.finished': {
      const { type: _, ...ended } = event
      return { ...state, ended: { ...ended, at } }
    }
    case 'note':
      return state
    default:
      return applyToStep(state, at, event)
  }
}

type StepEvent = Exclude<HistoryEvent['event'], { type: `run.${string}` } | { type: 'note' }>

function applyToStep(state: RunState, at: number, event: StepEvent): RunState {
  const before = state.steps.get(event.step) ?? { status: 'pending', attempts: 0, losses: 0 }
  assert(!isTerminal(before), `step ${event.step} is done and gets ${event.type}`)
  const after = { ...state, steps: new Map(state.steps).set(event.step, nextStep(before, at, event)) }
  if (state.ending) return after
  if (event.type === 'step.completed' && event.ends) {
    return { ...after, ending: { ...event.ends, at, abort: true } }
  }
  if (event.type === 'step.failed' && !event.handled) {
    return { ...after, ending: { status: 'failed', at, abort: false, error: { ...event.error, step: event.step } } }
  }
  return after
}

function nextStep(step: StepState, at: number, event: StepEvent): StepState {
  switch (event.type) {
    case 'step.scheduled':
      return {
        ...step,
        status: 'running',
        attempts: event.attempt,
        startedAt: at,
        input: event.input,
        pending: { attempt: event.attempt, dueAt: event.dueAt },
      }
    case 'step.started':
      return step.attempts === 1 ? { ...step, startedAt: event.startedAt } : step
    case 'step.retry_scheduled': {
      const pending = { attempt: event.attempt, dueAt: event.dueAt }
      return { ...step, attempts: event.attempt, pending, ...(event.error ? { error: event.error } : {}) }
    }
    case 'step.unknown':
      return { ...step, losses: step.losses + 1 }
    case 'step.completed': {
      const { pending: _p, timer: _t, error: _e, ...rest } = step
      return { ...rest, status: 'succeeded', startedAt: step.startedAt ?? at, endedAt: at, output: event.output }
    }
    case 'step.failed': {
      const { pending: _p, timer: _t, ...rest } = step
      return { ...rest, status: 'failed', startedAt: step.startedAt ?? at, endedAt: at, error: event.error }
    }
    case 'step.skipped':
      return { ...step, status: 'skipped', endedAt: at }
    case 'step.not_run':
      return { ...step, status: 'not_run' }
    case 'step.cancelled': {
      const { pending: _p, timer: _t, ...rest } = step
      return { ...rest, status: 'cancelled', endedAt: at }
    }
    case 'timer.set':
      return {
        ...step,
        status: 'waiting',
        startedAt: step.startedAt ?? at,
        timer: { dueAt: event.dueAt, setAt: event.setAt, means: event.means },
      }
    case 'timer.fired': {
      const { timer: _, ...rest } = step
      return rest
    }
    case 'approval.asked':
      return {
        ...step,
        status: 'waiting',
        startedAt: step.startedAt ?? at,
        approval: { id: event.approval, question: event.question },
      }
    case 'approval.decided':
      return step
    default:
      return unreachable(event)
  }
}
