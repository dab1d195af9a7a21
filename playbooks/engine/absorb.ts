import type { ActionResult } from '../actions/action.ts'
import type { Playbook, Step } from '../language/document.ts'
import { oversize } from '../language/input-value.ts'
import { LOSSES_MAX } from '../limits.ts'
import { decisionEvents } from './decide.ts'
import type { RunEvent } from './events.ts'
import { keyOf } from './key.ts'
import { retryDelayMs } from './retry.ts'
import { isTerminal, type RunState } from './state.ts'

/** What came from outside since the run was last looked at. */
export type Arrival =
  | {
      readonly kind: 'attempt'
      readonly step: string
      readonly attempt: number
      readonly startedAt: number
      readonly result: ActionResult
    }
  /** The process that made the attempt died or lost its lease. */
  | { readonly kind: 'lost'; readonly step: string; readonly attempt: number; readonly startedAt: number }
  | { readonly kind: 'cancel'; readonly by: string }
  | {
      readonly kind: 'decided'
      readonly step: string
      readonly decision: 'approve' | 'reject'
      readonly by: readonly string[]
      readonly comment?: string
    }
  | { readonly kind: 'note'; readonly step?: string; readonly text: string }

/** What an arrival means for the run. Arrivals that come too late are noted and change nothing. Pure. */
export function absorb(
  playbook: Playbook,
  runId: string,
  state: RunState,
  arrival: Arrival,
  now: number,
): readonly RunEvent[] {
  if (state.ended) return []
  switch (arrival.kind) {
    case 'cancel':
      return [{ type: 'run.cancelled', by: arrival.by }]
    case 'note':
      return [{ type: 'note', text: arrival.text, ...(arrival.step === undefined ? {} : { step: arrival.step }) }]
    case 'decided': {
      const step = findStep(playbook, arrival.step)
      const standing = state.steps.get(arrival.step)
      if (!step || !standing || isTerminal(standing)) return late(arrival.step, 'a decision')
      const { decision, by, comment } = arrival
      return decisionEvents(step, { decision, by, ...(comment === undefined ? {} : { comment }) }, now)
    }
    case 'attempt':
    case 'lost': {
      const step = findStep(playbook, arrival.step)
      const standing = state.steps.get(arrival.step)
      if (!step || standing?.pending?.attempt !== arrival.attempt)
        return late(arrival.step, `attempt ${arrival.attempt}`)
      const started: RunEvent = {
        type: 'step.started',
        step: step.id,
        attempt: arrival.attempt,
        startedAt: arrival.startedAt,
      }
      const next =
        arrival.kind === 'lost' ? afterLoss(step, state, now) : afterAttempt(step, runId, state, arrival.result, now)
      return [started, ...next]
    }
  }
}

function late(step: string, what: string): readonly RunEvent[] {
  return [{ type: 'note', step, text: `${what} came too late and was dropped` }]
}

function findStep(playbook: Playbook, id: string): Step | undefined {
  return playbook.steps.find((step) => step.id === id)
}

function afterAttempt(
  step: Step,
  runId: string,
  state: RunState,
  result: ActionResult,
  now: number,
): readonly RunEvent[] {
  const standing = state.steps.get(step.id)
  if (!standing || step.does.kind !== 'action') return []
  if (result.ok) {
    const problem = oversize(result.output)
    if (!problem) return [{ type: 'step.completed', step: step.id, output: result.output }]
    return [failure(step, { code: 'too_large', message: `the output ${problem}` })]
  }
  if (state.ending && result.error.code === 'cancelled') return [{ type: 'step.cancelled', step: step.id }]
  const delayMs = state.ending
    ? undefined
    : retryDelayMs(step.does.retry, {
        error: result.error,
        failures: standing.attempts - standing.losses,
        key: keyOf(runId, step.id),
        ...(result.retryAfterMs === undefined ? {} : { retryAfterMs: result.retryAfterMs }),
      })
  if (delayMs === undefined) return [failure(step, result.error)]
  const attempt = standing.attempts + 1
  return [{ type: 'step.retry_scheduled', step: step.id, attempt, dueAt: now + delayMs, error: result.error }]
}

/** Nobody knows whether the far side acted. Every action there is can be repeated: it leaves the same state, or the
 * far side knows the key. @see operations reference 3.2 (3) */
function afterLoss(step: Step, state: RunState, now: number): readonly RunEvent[] {
  const standing = state.steps.get(step.id)
  if (!standing?.pending) return []
  const unknown: RunEvent = { type: 'step.unknown', step: step.id, attempt: standing.pending.attempt }
  if (state.ending?.abort || standing.losses + 1 >= LOSSES_MAX) {
    const message = `the process ended ${standing.losses + 1} times while this was under way`
    return [unknown, failure(step, { code: 'unknown_outcome', message })]
  }
  return [unknown, { type: 'step.retry_scheduled', step: step.id, attempt: standing.attempts + 1, dueAt: now }]
}

function failure(
  step: Step,
  error: { code: 'too_large' | 'unknown_outcome'; message: string } | (ActionResult & { ok: false })['error'],
): RunEvent {
  return { type: 'step.failed', step: step.id, error, handled: step.onError === 'continue' }
}
