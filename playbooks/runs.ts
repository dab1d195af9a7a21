import { createHash } from 'node:crypto'
import {
  type AccountId,
  type Clock,
  type Context,
  formatInstant,
  type Listed,
  type ListPage,
  pageThrough,
  uuidv7,
} from '../platform/index.ts'
import type { LoadedPlaybook } from './engine/advance.ts'
import type { RunDriver, Signal } from './engine/driver.ts'
import type { CarriedStep, Origin, RunEvent } from './engine/events.ts'
import { NOTHING, sealEvents } from './engine/history.ts'
import type { Payloads } from './engine/payload.ts'
import { isTerminal, type RunState, type StepState } from './engine/state.ts'
import type { NewRun, RunRow, RunStore, RunTransaction } from './engine/store.ts'
import { playbookError } from './errors.ts'
import { oversize, readInputs } from './language/input-value.ts'
import type { Library } from './library.ts'
import type { Failure, Json, JsonMap, RunStatus, StepStatus } from './types.ts'

export interface RunsDeps {
  readonly store: RunStore
  readonly payloads: Payloads
  readonly library: Library
  readonly driver: Pick<RunDriver, 'stateOf'>
  readonly clock: Clock
  /** A run was stored or woken. */
  onWake(): void
}

export interface StepAnswer {
  readonly id: string
  readonly status: StepStatus
  readonly attempts: number
  readonly startedAt?: string
  readonly endedAt?: string
  readonly input?: JsonMap
  readonly output?: Json
  readonly error?: Failure
  readonly approvalId?: string
}

export interface RunSummary {
  readonly runId: string
  readonly playbookId: string
  readonly revision: string
  readonly status: RunStatus
  readonly trigger?: string
  readonly startedBy: string
  readonly createdAt: string
  readonly endedAt?: string
}

export interface RunAnswer extends RunSummary {
  readonly steps: readonly StepAnswer[]
  readonly inputs: JsonMap
  readonly outputs?: JsonMap
  readonly error?: Failure & { readonly step?: string }
  readonly reason?: string
}

/** What starts a run. */
export interface Start {
  readonly account: AccountId
  readonly workspace: string
  readonly loaded: LoadedPlaybook
  readonly triggerId: string | undefined
  readonly triggerKey: string
  readonly origin: Origin
  readonly given: JsonMap
  readonly carried?: readonly CarriedStep[]
  /** Runs in the transaction that stores the run; false = no run. */
  readonly admit?: (tx: RunTransaction) => Promise<boolean>
}

export type Started =
  | { readonly kind: 'started'; readonly runId: string; readonly isNew: boolean }
  | { readonly kind: 'held' }
  | { readonly kind: 'wrongInputs'; readonly problems: readonly { readonly name: string; readonly message: string }[] }

/** Runs as callers see them: started, looked at, cancelled, retried. */
export class Runs {
  readonly #deps: RunsDeps

  constructor(deps: RunsDeps) {
    this.#deps = deps
  }

  /** Starts a run by hand. The same key by the same caller gives the same run.
   * @throws playbooks.playbook.notFound, playbooks.inputs.invalid */
  async startByHand(
    ctx: Context,
    workspace: string,
    playbookId: string,
    given: JsonMap,
    idempotencyKey: string | undefined,
  ): Promise<string> {
    const { account, arn } = ctx.principal
    const loaded = await this.#deps.library.live(account, workspace, playbookId)
    const key = idempotencyKey === undefined ? uuidv7(this.#deps.clock) : digest(`${arn}\n${idempotencyKey}`)
    const started = await this.start({
      account,
      workspace,
      loaded,
      triggerId: undefined,
      triggerKey: `manual/${key}`,
      origin: { kind: 'manual', startedBy: arn },
      given,
    })
    if (started.kind === 'started') return started.runId
    const problems = started.kind === 'wrongInputs' ? started.problems : []
    throw playbookError('playbooks.inputs.invalid', sayProblems(problems), {
      errors: problems.map(({ name, message }) => ({ path: `/inputs/${name}`, message })),
    })
  }

  /** Stores a run, once for ever per trigger key. Durable when resolved. */
  async start(start: Start): Promise<Started> {
    const read = readInputs(start.loaded.playbook.inputs, start.given)
    if (!read.ok) return { kind: 'wrongInputs', problems: read.problems }
    return this.#store(start, [
      {
        type: 'run.created',
        origin: start.origin,
        inputs: read.inputs,
        ...(start.carried ? { carried: start.carried } : {}),
      },
    ])
  }

  /** Stores a run that is over before it began, so that somebody sees why a trigger did nothing. */
  async refuse(start: Start, message: string): Promise<Started> {
    const error = { code: 'invalid', message } as const
    return this.#store(start, [
      { type: 'run.created', origin: start.origin, inputs: {} },
      { type: 'run.finished', status: 'failed', error },
    ])
  }

  async #store(start: Start, events: readonly RunEvent[]): Promise<Started> {
    const { store, payloads, clock } = this.#deps
    const id = uuidv7(clock)
    const now = clock.now()
    const placed = events.map((event, index) => ({ seq: index + 1, at: now, event }))
    const sealed = await sealEvents(payloads, id, placed)
    const run: NewRun = {
      account: start.account,
      id,
      workspace: start.workspace,
      playbookId: start.loaded.playbook.id,
      revision: start.loaded.revision,
      triggerId: start.triggerId,
      triggerKey: start.triggerKey,
      origin: start.origin,
      events: events.map(({ type }, index) => ({ type, payload: index === 0 ? sealed : NOTHING })),
      now,
    }
    const outcome = await store.write(async (tx): Promise<Started> => {
      const known = await store.findByKey(tx, run)
      if (known !== undefined) return { kind: 'started', runId: known, isNew: false }
      if (start.admit && !(await start.admit(tx))) return { kind: 'held' }
      return { kind: 'started', ...(await store.create(tx, run)) }
    })
    if (outcome.kind === 'started' && outcome.isNew) this.#deps.onWake()
    return outcome
  }

  /** @throws playbooks.run.notFound */
  async get(account: AccountId, workspace: string, runId: string): Promise<RunAnswer> {
    const row = await this.#requireRun(account, workspace, runId)
    const [state, loaded] = await Promise.all([
      this.#deps.driver.stateOf(row),
      this.#deps.library.load(account, workspace, row.playbook_id, row.revision),
    ])
    const { ended } = state
    return {
      ...summaryOf(row),
      steps: loaded.playbook.steps.map((step) => stepAnswer(step.id, state.steps.get(step.id))),
      inputs: state.inputs,
      ...(ended?.outputs ? { outputs: ended.outputs } : {}),
      ...(ended?.error ? { error: ended.error } : {}),
      ...(ended?.reason === undefined ? {} : { reason: ended.reason }),
    }
  }

  /** Newest first. */
  async list(
    account: AccountId,
    workspace: string,
    page: ListPage<RunSummary> & { readonly playbookId?: string },
  ): Promise<Listed<RunSummary>> {
    const { playbookId } = page
    return pageThrough<RunRow, RunSummary>(page, {
      read: ({ after, limit }) =>
        this.#deps.store.list(account, workspace, {
          before: after,
          limit,
          ...(playbookId === undefined ? {} : { playbookId }),
        }),
      placeOf: ({ id }) => id,
      toItem: summaryOf,
    })
  }

  /** Asks a run to end: no new step, attempts under way are aborted. @throws playbooks.run.wrongState */
  async cancel(ctx: Context, workspace: string, runId: string): Promise<void> {
    const { account, arn } = ctx.principal
    const row = await this.#requireRun(account, workspace, runId)
    const signal: Signal = { kind: 'cancel', by: arn }
    if (row.ended_at !== null || !(await this.#signal(row, signal))) throw ended(row)
  }

  /** Starts a new run on the same revision: from the first step that did not succeed, with the results before it, or
   * from the start. @throws playbooks.run.wrongState */
  async retry(
    ctx: Context,
    workspace: string,
    runId: string,
    from: 'failed' | 'start',
    idempotencyKey: string | undefined,
  ): Promise<string> {
    const { account, arn } = ctx.principal
    const row = await this.#requireRun(account, workspace, runId)
    if (row.ended_at === null) {
      throw playbookError(
        'playbooks.run.wrongState',
        `the run is ${row.status}; only one that has ended can be retried`,
      )
    }
    if (row.status === 'succeeded' && from === 'failed') {
      throw playbookError('playbooks.run.wrongState', 'the run succeeded; there is nothing to retry but from=start')
    }
    const [state, loaded] = await Promise.all([
      this.#deps.driver.stateOf(row),
      this.#deps.library.load(account, workspace, row.playbook_id, row.revision),
    ])
    const key = idempotencyKey === undefined ? uuidv7(this.#deps.clock) : digest(`${arn}\n${idempotencyKey}`)
    const started = await this.start({
      account,
      workspace,
      loaded,
      triggerId: undefined,
      triggerKey: `retry/${runId}/${key}`,
      origin: { kind: 'retry', startedBy: arn },
      given: state.inputs,
      carried: from === 'start' ? [] : carriedSteps(state),
    })
    if (started.kind === 'started') return started.runId
    throw playbookError('playbooks.inputs.invalid', 'the inputs of the old run do not fit')
  }

  async #signal(row: RunRow, signal: Signal): Promise<boolean> {
    const { store, payloads, clock } = this.#deps
    const id = uuidv7(clock)
    const payload = await payloads.seal(signal, `signal/${row.id}/${id}`)
    const left = await store.write((tx) => store.signal(tx, row.account, row.id, id, payload, clock.now()))
    this.#deps.onWake()
    return left
  }

  async #requireRun(account: AccountId, workspace: string, runId: string): Promise<RunRow> {
    const row = await this.#deps.store.find(account, workspace, runId)
    if (!row) throw playbookError('playbooks.run.notFound', `no run \`${runId}\` in workspace \`${workspace}\``)
    return row
  }
}

function ended(row: RunRow) {
  return playbookError('playbooks.run.wrongState', `the run has ended already: ${row.status}`)
}

/** The finished part of a run. What failed, and all that stands after, is done again. */
function carriedSteps(state: RunState): readonly CarriedStep[] {
  return [...state.steps].flatMap(([step, { status, output }]) =>
    status === 'succeeded' || status === 'skipped'
      ? [{ step, status, ...(output === undefined ? {} : { output }) }]
      : [],
  )
}

function summaryOf(row: RunRow): RunSummary {
  return {
    runId: row.id,
    playbookId: row.playbook_id,
    revision: row.revision,
    status: row.status,
    ...(row.trigger_id === null ? {} : { trigger: row.trigger_id }),
    startedBy: row.started_by,
    createdAt: formatInstant(row.created_at),
    ...(row.ended_at === null ? {} : { endedAt: formatInstant(row.ended_at) }),
  }
}

function stepAnswer(id: string, step: StepState | undefined): StepAnswer {
  if (!step) return { id, status: 'pending', attempts: 0 }
  const open = step.approval && !isTerminal(step)
  return {
    id,
    status: step.status,
    attempts: step.attempts,
    ...(step.startedAt === undefined ? {} : { startedAt: formatInstant(step.startedAt) }),
    ...(step.endedAt === undefined ? {} : { endedAt: formatInstant(step.endedAt) }),
    ...(step.input === undefined ? {} : { input: step.input }),
    ...(step.output === undefined ? {} : { output: step.output }),
    ...(step.error ? { error: step.error } : {}),
    ...(open || step.approval ? { approvalId: step.approval?.id ?? '' } : {}),
  }
}

function sayProblems(problems: readonly { readonly name: string; readonly message: string }[]): string {
  return problems
    .map(({ name, message }) => `input \`${name}\` ${message}`)
    .join('; ')
    .slice(0, 500)
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A JSON object that a caller sent, small and shallow enough to be carried. */
export function asInputs(value: unknown): JsonMap {
  const problem = oversize(value)
  if (problem) throw playbookError('playbooks.inputs.invalid', `what was sent ${problem}`)
  return (value ?? {}) as JsonMap
}
