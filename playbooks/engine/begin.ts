import type { ActionSpecs } from '../actions/spec.ts'
import { parseDurationMs } from '../expressions/duration.ts'
import type { Outcome } from '../expressions/protocol.ts'
import type { ApprovalWork, Step } from '../language/document.ts'
import { misfit } from '../language/fits.ts'
import { oversize } from '../language/input-value.ts'
import { Outcomes, Unresolved } from '../language/resolve.ts'
import { expressionsOf } from '../language/template.ts'
import { RUN_TIMEOUT_MS_MAX } from '../limits.ts'
import type { Failure, Json, JsonMap } from '../types.ts'
import type { RunEvent } from './events.ts'

/** The expressions whose values the beginning of a step needs, in the order in which `beginStep` takes them. */
export function expressionsToBegin(step: Step): readonly string[] {
  return [...(step.if === undefined ? [] : [step.if]), ...expressionsOfWork(step)]
}

function expressionsOfWork({ does }: Step): readonly string[] {
  switch (does.kind) {
    case 'action':
      return expressionsOf(does.with)
    case 'set':
      return expressionsOf(does.values)
    case 'wait':
      return [...(does.for ? expressionsOf(does.for) : []), ...(does.until === undefined ? [] : [does.until])]
    case 'approval':
      return [...expressionsOf(does.title), ...(does.text ? expressionsOf(does.text) : []), ...does.show]
    case 'stop':
      return does.reason ? expressionsOf(does.reason) : []
  }
}

/** What happens when a step begins, given the values of its expressions. Never throws for what an author wrote: that
 * is a failed step. */
export function beginStep(
  step: Step,
  outcomes: readonly Outcome[],
  now: number,
  actions: ActionSpecs,
  newId: () => string,
): readonly RunEvent[] {
  const taken = new Outcomes(outcomes)
  try {
    if (step.if !== undefined) {
      const condition = taken.take(step.if)
      if (typeof condition !== 'boolean') throw new Wrong(`\`if\` must be true or false, and is ${say(condition)}`)
      if (!condition) return [{ type: 'step.skipped', step: step.id }]
    }
    return beginWork(step, taken, now, actions, newId)
  } catch (error) {
    return [{ type: 'step.failed', step: step.id, error: failureOf(error), handled: step.onError === 'continue' }]
  }
}

class Wrong extends Error {}

function failureOf(error: unknown): Failure {
  if (error instanceof Unresolved) return { code: error.outcome.code, message: error.message }
  if (error instanceof Wrong) return { code: 'invalid', message: error.message }
  throw error
}

function beginWork(
  step: Step,
  taken: Outcomes,
  now: number,
  actions: ActionSpecs,
  newId: () => string,
): readonly RunEvent[] {
  const { id, does } = step
  switch (does.kind) {
    case 'action': {
      const input = taken.resolve(does.with) as JsonMap
      requireInput(input, does.action, actions)
      return [{ type: 'step.scheduled', step: id, attempt: 1, dueAt: now, input }]
    }
    case 'set':
      return [{ type: 'step.completed', step: id, output: bounded(taken.resolve(does.values)) }]
    case 'wait':
      return [beginWait(step, taken, now)]
    case 'approval':
      return beginApproval(id, does, taken, now, newId())
    case 'stop': {
      const reason = does.reason ? asText(taken.resolve(does.reason)) : undefined
      const ends = { status: does.status, ...(reason === undefined ? {} : { reason }) }
      return [{ type: 'step.completed', step: id, output: null, ends }]
    }
  }
}

/** Arguments that an expression gave are checked as literals were by the linter. */
function requireInput(input: JsonMap, action: string, actions: ActionSpecs): void {
  bounded(input)
  for (const [name, parameter] of Object.entries(actions.get(action)?.parameters ?? {})) {
    const value = input[name]
    if (value === undefined || (value === null && !parameter.required)) continue
    const problem = misfit(value, parameter.type)
    if (problem) throw new Wrong(`\`${name}\` ${problem}`)
    if (parameter.enum && !parameter.enum.includes(String(value))) {
      throw new Wrong(`\`${name}\` must be one of ${parameter.enum.join(', ')}, and is ${say(value)}`)
    }
  }
}

function beginWait(step: Step, taken: Outcomes, now: number): RunEvent {
  const endsAt = endOfWait(step, taken, now)
  const timesOutAt = step.timeoutMs === undefined ? Number.POSITIVE_INFINITY : now + step.timeoutMs
  const late = timesOutAt < endsAt
  return {
    type: 'timer.set',
    step: step.id,
    setAt: now,
    dueAt: Math.min(endsAt, timesOutAt),
    means: late ? 'timeout' : 'done',
  }
}

function endOfWait({ does }: Step, taken: Outcomes, now: number): number {
  if (does.kind !== 'wait') return now
  if (does.for) {
    const value = taken.resolve(does.for)
    const ms = typeof value === 'string' ? parseDurationMs(value) : undefined
    if (ms === undefined) throw new Wrong(`\`for\` must be a duration such as 5m, and is ${say(value)}`)
    if (ms > RUN_TIMEOUT_MS_MAX) throw new Wrong('`for` is longer than a run may take')
    return now + ms
  }
  const value = taken.take(does.until ?? '')
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(at)) throw new Wrong(`\`until\` must be an instant, and is ${say(value)}`)
  return Math.min(at, now + RUN_TIMEOUT_MS_MAX)
}

function beginApproval(
  id: string,
  does: ApprovalWork,
  taken: Outcomes,
  now: number,
  approval: string,
): readonly RunEvent[] {
  const title = asText(taken.resolve(does.title))
  const text = does.text ? asText(taken.resolve(does.text)) : undefined
  const show = does.show.map((expression) => ({ expression, value: taken.take(expression) }))
  const question = { title, ...(text === undefined ? {} : { text }), show }
  bounded(question as unknown as Json)
  return [
    { type: 'approval.asked', step: id, approval, question },
    { type: 'timer.set', step: id, setAt: now, dueAt: now + does.expiresMs, means: 'expiry' },
  ]
}

function asText(value: Json): string {
  if (typeof value === 'string') return value
  throw new Wrong(`text is wanted, and this is ${say(value)}`)
}

function bounded(value: Json): Json {
  const problem = oversize(value)
  if (problem) throw new Wrong(`the value ${problem}`)
  return value
}

function say(value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
