import { formatInstant } from '../../platform/index.ts'
import type { Playbook, Step } from '../language/document.ts'
import { CANCEL_GRACE_MS } from '../limits.ts'
import type { RunStatus } from '../types.ts'
import type { EndStatus, RunEvent, RunFailure } from './events.ts'
import { isTerminal, type RunState, type StepState } from './state.ts'

/** How far a clock may step back before timers that were set "in the future" are set anew. */
export const CLOCK_SLACK_MS = 5000

/** What a run does next. */
export type Decision =
  /** These happen, now, whatever the world says. */
  | { readonly kind: 'events'; readonly events: readonly RunEvent[] }
  /** These steps are due; the values of their expressions decide how they begin. */
  | { readonly kind: 'begin'; readonly steps: readonly Step[] }
  | { readonly kind: 'finish'; readonly status: EndStatus; readonly error?: RunFailure; readonly reason?: string }
  /** Nothing, until something comes from outside or the clock passes `wakeAt`. */
  | { readonly kind: 'rest'; readonly status: RunStatus; readonly wakeAt: number }
  /** Nothing ever again, though the run has not ended. No run may hang: it fails, and shows its graph. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'ended' }

/** What a run does next. Pure: the state, the playbook and the clock decide.   @see operations reference 3.2 */
export function decide(playbook: Playbook, state: RunState, now: number): Decision {
  if (state.ended) return { kind: 'ended' }
  if (state.startedAt === undefined) return events({ type: 'run.started' })
  const steps = playbook.steps.map((step) => ({ step, at: state.steps.get(step.id) }))
  if (state.ending) return decideEnding(state, steps, deadlineOf(playbook, state), now)
  const timers = timerEvents(playbook, state, now)
  if (timers.length > 0) return { kind: 'events', events: timers }
  if (now >= deadlineOf(playbook, state)) return events({ type: 'run.timed_out' })
  const ready = steps.filter(({ step, at }) => !at && step.needs.every((id) => isTerminal(state.steps.get(id))))
  const unmet = ready.filter(({ step }) => step.needs.some((id) => !isMet(state.steps.get(id))))
  if (unmet.length > 0) {
    return { kind: 'events', events: unmet.map(({ step }) => ({ type: 'step.not_run', step: step.id })) }
  }
  if (ready.length > 0) return { kind: 'begin', steps: ready.map(({ step }) => step) }
  if (steps.every(({ at }) => isTerminal(at))) return { kind: 'finish', status: 'succeeded' }
  return rest(playbook, state, now)
}

interface Standing {
  readonly step: Step
  readonly at: StepState | undefined
}

/** A step that another needs counts as done when it succeeded, was skipped, or failed and says to go on. */
function isMet(step: StepState | undefined): boolean {
  return step?.status === 'succeeded' || step?.status === 'skipped' || step?.status === 'failed'
}

/** Nothing new begins; what is under way ends, is waited for, or is given up. */
function decideEnding(state: RunState, steps: readonly Standing[], deadline: number, now: number): Decision {
  const { ending } = state
  if (!ending) return { kind: 'stalled' }
  const closed = steps.flatMap(({ step, at }): RunEvent[] => {
    if (!at) return [{ type: 'step.not_run', step: step.id }]
    return at.status === 'waiting' ? [{ type: 'step.cancelled', step: step.id }] : []
  })
  if (closed.length > 0) return { kind: 'events', events: closed }
  const running = steps.filter(({ at }) => at?.status === 'running')
  if (running.length === 0) {
    const { status, error, reason } = ending
    return {
      kind: 'finish',
      status,
      ...(error ? { error } : {}),
      ...(reason === undefined ? {} : { reason }),
    }
  }
  if (!ending.abort) {
    return now >= deadline ? events({ type: 'run.timed_out' }) : { kind: 'rest', status: 'running', wakeAt: deadline }
  }
  const givenUpAt = ending.at + CANCEL_GRACE_MS
  if (now < givenUpAt && now >= ending.at - CLOCK_SLACK_MS)
    return { kind: 'rest', status: 'running', wakeAt: givenUpAt }
  const message = 'the run was ended and the attempt gave no answer'
  return {
    kind: 'events',
    events: running.map(({ step }) => ({
      type: 'step.failed',
      step: step.id,
      error: { code: 'unknown_outcome', message },
      handled: true,
    })),
  }
}

function timerEvents(playbook: Playbook, state: RunState, now: number): RunEvent[] {
  return playbook.steps.flatMap((step): readonly RunEvent[] => {
    const timer = state.steps.get(step.id)?.timer
    if (!timer) return []
    if (timer.setAt > now + CLOCK_SLACK_MS) {
      const dueAt = now + (timer.dueAt - timer.setAt)
      return [{ type: 'timer.set', step: step.id, setAt: now, dueAt, means: timer.means }]
    }
    if (timer.dueAt > now) return []
    return [{ type: 'timer.fired', step: step.id, means: timer.means }, ...afterTimer(step, timer.means, now)]
  })
}

function afterTimer(step: Step, means: 'done' | 'timeout' | 'expiry', now: number): readonly RunEvent[] {
  const handled = step.onError === 'continue'
  if (means === 'done') return [{ type: 'step.completed', step: step.id, output: { at: formatInstant(now) } }]
  if (means === 'timeout') {
    return [
      { type: 'step.failed', step: step.id, handled, error: { code: 'timeout', message: 'the wait took too long' } },
    ]
  }
  if (step.does.kind !== 'approval') return []
  if (step.does.onExpiry === 'fail') {
    return [
      { type: 'step.failed', step: step.id, handled, error: { code: 'expired', message: 'nobody decided in time' } },
    ]
  }
  return decisionEvents(step, { decision: step.does.onExpiry, by: [], comment: 'expired' }, now)
}

/** What a decision of an approval does to its step. */
export function decisionEvents(
  step: Step,
  decided: { readonly decision: 'approve' | 'reject'; readonly by: readonly string[]; readonly comment?: string },
  now: number,
): readonly RunEvent[] {
  const { decision, by, comment } = decided
  const event: RunEvent = { type: 'approval.decided', step: step.id, ...decided }
  const fails = decision === 'reject' && step.does.kind === 'approval' && step.does.onReject === 'fail'
  if (fails) {
    const message = by.length > 0 ? `rejected by ${by.join(', ')}` : 'nobody decided in time'
    const handled = step.onError === 'continue'
    return [event, { type: 'step.failed', step: step.id, handled, error: { code: 'rejected', message } }]
  }
  const output = { decision, by, at: formatInstant(now), comment: comment ?? '' }
  return [event, { type: 'step.completed', step: step.id, output }]
}

function rest(playbook: Playbook, state: RunState, now: number): Decision {
  const steps = [...state.steps.values()]
  const pending = steps.flatMap((step) => (step.pending ? [step.pending.dueAt] : []))
  const timers = steps.flatMap((step) => (step.timer ? [step.timer.dueAt] : []))
  if (pending.length === 0 && timers.length === 0) return { kind: 'stalled' }
  return {
    kind: 'rest',
    status: pending.some((dueAt) => dueAt <= now) ? 'running' : 'waiting',
    wakeAt: Math.min(deadlineOf(playbook, state), ...timers),
  }
}

function deadlineOf(playbook: Playbook, state: RunState): number {
  return state.createdAt + playbook.timeoutMs
}

function events(event: RunEvent): Decision {
  return { kind: 'events', events: [event] }
}
