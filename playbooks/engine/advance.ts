import { formatInstant } from '../../platform/index.ts'
import type { ActionSpecs } from '../actions/spec.ts'
import { parseExpression } from '../expressions/check.ts'
import { createEnvironment } from '../expressions/environment.ts'
import type { Evaluator } from '../expressions/evaluator.ts'
import type { Outcome } from '../expressions/protocol.ts'
import type { References } from '../expressions/references.ts'
import type { Playbook } from '../language/document.ts'
import { badValue } from '../language/input-value.ts'
import type { Site } from '../language/reader.ts'
import { Scopes } from '../language/scope.ts'
import { HISTORY_EVENTS_MAX } from '../limits.ts'
import type { Json, JsonMap, RunStatus } from '../types.ts'
import { type Arrival, absorb } from './absorb.ts'
import { beginStep, expressionsToBegin } from './begin.ts'
import { decide } from './decide.ts'
import type { HistoryEvent, RunEvent, RunFailure } from './events.ts'
import { apply, type RunState } from './state.ts'

/** A revision, with what is derived from it once. */
export interface LoadedPlaybook {
  readonly playbook: Playbook
  readonly revision: string
  readonly scopes: Scopes
}

export function loadPlaybook(playbook: Playbook, revision: string, actions: ActionSpecs): LoadedPlaybook {
  return { playbook, revision, scopes: new Scopes(playbook, actions) }
}

/** Which run this is: what expressions see as `run`. */
export interface RunIdentity {
  readonly runId: string
  readonly account: string
  readonly workspace: string
}

export interface Advanced {
  readonly state: RunState
  /** What happened, to be stored before anything else does. */
  readonly events: readonly HistoryEvent[]
  readonly status: RunStatus
  /** When to look again though nothing comes from outside; undefined once the run has ended. */
  readonly wakeAt: number | undefined
}

/** The part of a run's advance that is the same on a database and in a test: takes what arrived, then goes on until
 * only the outside can move the run. Nothing has an effect yet; the caller stores the events first. */
export class Advancer {
  readonly #evaluator: Pick<Evaluator, 'evaluate'>
  readonly #actions: ActionSpecs
  readonly #newId: () => string

  constructor(evaluator: Pick<Evaluator, 'evaluate'>, actions: ActionSpecs, newId: () => string) {
    this.#evaluator = evaluator
    this.#actions = actions
    this.#newId = newId
  }

  async advance(
    loaded: LoadedPlaybook,
    run: RunIdentity,
    from: { readonly state: RunState; readonly length: number },
    arrivals: readonly Arrival[],
    now: number,
  ): Promise<Advanced> {
    const log = new EventLog(from.state, from.length, now)
    for (const arrival of arrivals) log.add(absorb(loaded.playbook, run.runId, log.state, arrival, now))
    while (true) {
      if (log.length > HISTORY_EVENTS_MAX && !log.state.ended) {
        log.add([finished('failed', { code: 'too_large', message: `more than ${HISTORY_EVENTS_MAX} events` })])
      }
      const decision = decide(loaded.playbook, log.state, now)
      switch (decision.kind) {
        case 'ended':
          return log.result(log.state.ended?.status ?? 'failed', undefined)
        case 'rest':
          return log.result(decision.status, decision.wakeAt)
        case 'events':
          log.add(decision.events)
          break
        case 'stalled':
          log.add([finished('failed', stall(log.state))])
          break
        case 'begin':
          for (const step of decision.steps) {
            if (log.state.ending) break
            const site = { kind: 'step', step: step.id } as const
            const outcomes = await this.#evaluate(loaded, run, log.state, site, expressionsToBegin(step), now)
            log.add(beginStep(step, outcomes, now, this.#actions, this.#newId))
          }
          break
        case 'finish': {
          const { status, error, reason } = decision
          const outputs = status === 'succeeded' ? await this.#outputs(loaded, run, log.state, now) : undefined
          log.add([
            {
              type: 'run.finished',
              status,
              ...(outputs ? { outputs } : {}),
              ...(error ? { error } : {}),
              ...(reason === undefined ? {} : { reason }),
            },
          ])
        }
      }
    }
  }

  /** The playbook's outputs; one that reads what is not there, or does not fit its type, is null. */
  async #outputs(loaded: LoadedPlaybook, run: RunIdentity, state: RunState, now: number): Promise<JsonMap> {
    const specs = loaded.playbook.outputs
    const texts = specs.map((spec) => spec.value)
    const outcomes = await this.#evaluate(loaded, run, state, { kind: 'outputs' }, texts, now)
    return Object.fromEntries(
      specs.map((spec, index): [string, Json] => {
        const outcome = outcomes[index]
        return [spec.name, outcome?.ok && badValue(outcome.value, spec) === undefined ? outcome.value : null]
      }),
    )
  }

  #evaluate(
    loaded: LoadedPlaybook,
    run: RunIdentity,
    state: RunState,
    site: Site,
    expressions: readonly string[],
    now: number,
  ): Promise<readonly Outcome[]> {
    return evaluateAt(this.#evaluator, loaded, run.account, site, expressions, now, (references) => ({
      inputs: state.inputs,
      vars: loaded.playbook.vars,
      steps: stepBindings(state, references),
      run: runBinding(loaded, run, state),
    }))
  }
}

/** Evaluates expressions of one place of a playbook. */
export function evaluateAt(
  evaluator: Pick<Evaluator, 'evaluate'>,
  loaded: LoadedPlaybook,
  account: string,
  site: Site,
  expressions: readonly string[],
  now: number,
  bindings: (references: readonly References[]) => JsonMap,
): Promise<readonly Outcome[]> {
  if (expressions.length === 0) return Promise.resolve([])
  return evaluator.evaluate({
    account,
    scopeKey: `${loaded.revision} ${JSON.stringify(site)}`,
    scope: loaded.scopes.of(site),
    bindings: bindings(expressions.map(referencesIn)),
    now,
    expressions,
  })
}

const anyEnvironment = createEnvironment({})

/** What an expression names; nothing for text that does not parse, which then fails where it is evaluated. */
function referencesIn(text: string): References {
  const parsed = parseExpression(text, anyEnvironment)
  if (parsed.ok) return parsed.references
  return { roots: new Set(), stepReads: [], bareSteps: [], matchesCalls: [], comprehensionDepth: 0, patterns: [] }
}

/** The steps that are named, no more: outputs can be large and are copied to the evaluating thread. */
function stepBindings(state: RunState, references: readonly References[]): JsonMap {
  const names = new Set(references.flatMap((found) => found.stepReads.map((read) => read.step)))
  const bindings: Record<string, JsonMap> = {}
  for (const name of names) {
    const step = state.steps.get(name)
    if (!step) continue
    bindings[name] = {
      status: step.status,
      attempts: step.attempts,
      ...(step.output === undefined ? {} : { output: step.output }),
      ...(step.error ? { error: { attempt: step.attempts, details: {}, ...step.error } } : {}),
      ...(step.startedAt === undefined ? {} : { started_at: formatInstant(step.startedAt) }),
      ...(step.endedAt === undefined ? {} : { ended_at: formatInstant(step.endedAt) }),
    }
  }
  return bindings
}

function runBinding(loaded: LoadedPlaybook, run: RunIdentity, state: RunState): JsonMap {
  return {
    id: run.runId,
    playbook: loaded.playbook.id,
    revision: loaded.revision,
    workspace: run.workspace,
    account: run.account,
    started_at: formatInstant(state.startedAt ?? state.createdAt),
    started_by: state.origin.startedBy,
    dry_run: false,
  }
}

function finished(status: 'failed', error: RunFailure): RunEvent {
  return { type: 'run.finished', status, error }
}

/** The failure of a run that can never move again, with how each of its steps stands. */
export function stall(state: RunState): RunFailure {
  const graph = Object.fromEntries([...state.steps].map(([id, step]) => [id, step.status]))
  return { code: 'stalled', message: 'nothing can move this run any more', details: { steps: graph } }
}

/** Events that happened in this advance, and the state after them. */
class EventLog {
  readonly #events: HistoryEvent[] = []
  readonly #now: number
  readonly #lengthBefore: number
  state: RunState

  constructor(state: RunState, lengthBefore: number, now: number) {
    this.state = state
    this.#lengthBefore = lengthBefore
    this.#now = now
  }

  get length(): number {
    return this.#lengthBefore + this.#events.length
  }

  add(events: readonly RunEvent[]): void {
    for (const event of events) {
      const placed = { seq: this.length + 1, at: this.#now, event }
      this.state = apply(this.state, placed)
      this.#events.push(placed)
    }
  }

  result(status: RunStatus, wakeAt: number | undefined): Advanced {
    return { state: this.state, events: this.#events, status, wakeAt }
  }
}
