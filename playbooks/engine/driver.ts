import { type AccountId, type Clock, uuidv7 } from '../../platform/index.ts'
import type { ActionResult } from '../actions/action.ts'
import { EvaluatorUnavailable } from '../expressions/evaluator.ts'
import { FRUITLESS_CLAIMS_MAX, HISTORY_BYTES_MAX } from '../limits.ts'
import { Lru } from '../lru.ts'
import type { JsonMap, Log, RunStatus, StepChange, StepStatus } from '../types.ts'
import type { Arrival } from './absorb.ts'
import { type Advanced, type Advancer, type LoadedPlaybook, stall } from './advance.ts'
import { approvalContent } from './approval-content.ts'
import type { EngineCounts } from './counts.ts'
import { EVENT_VERSION, type HistoryEvent, type RunEvent, type RunFailure } from './events.ts'
import { NOTHING, readHistory, sealEvents } from './history.ts'
import { keyOf } from './key.ts'
import type { Payloads } from './payload.ts'
import { apply, fold, type RunState } from './state.ts'
import type {
  Commit,
  CommitOutcome,
  EventRow,
  LeasedTask,
  NewTask,
  RunRow,
  RunStore,
  SignalRow,
  TaskRow,
} from './store.ts'

const STATES_KEPT_MAX = 1000
/** How soon a run is looked at again whose look failed, times the looks that failed. */
const BACKOFF_MS = 500

export interface DriverDeps {
  readonly store: RunStore
  readonly payloads: Payloads
  readonly advancer: Advancer
  readonly clock: Clock
  readonly log: Log
  readonly counts: Pick<EngineCounts, 'runsEnded' | 'commitsFenced'>
  readonly owner: string
  /** The revision a run is pinned to. @throws where it is gone, which is a bug */
  load(account: AccountId, workspace: string, playbookId: string, revision: string): Promise<LoadedPlaybook>
  onChange(change: StepChange): void
  readonly places: Places
  /** There are attempts to make that nobody has. */
  onTasks(): void
}

/** Places for attempts in this process. */
export interface Places {
  /** Takes a place; false when all are taken or the process is stopping. */
  reserve(account: AccountId): boolean
  /** Gives back places of attempts that are not made here after all. */
  release(account: AccountId, count: number): void
  /** Makes these attempts, in their reserved places. */
  begin(tasks: readonly LeasedTask[]): void
  /** Ends what is under way of a run. */
  abort(runId: string): void
}

/** Something left for a run's next look. */
export type Signal =
  | { readonly kind: 'cancel'; readonly by: string }
  | {
      readonly kind: 'decided'
      readonly step: string
      readonly decision: 'approve' | 'reject'
      readonly by: readonly string[]
      readonly comment?: string
    }
  | { readonly kind: 'note'; readonly step: string; readonly text: string }

/** What a task's result is, as stored. */
export interface StoredResult {
  readonly result: ActionResult
}

/** Advances claimed runs: reads what arrived, folds and decides, and commits all that follows in one transaction.
 * INVARIANT (one writer): every write carries the claim's epoch; who lost it writes nothing. */
export class RunDriver {
  readonly #deps: DriverDeps
  readonly #states = new Lru<{ readonly state: RunState; readonly length: number }>(STATES_KEPT_MAX)

  constructor(deps: DriverDeps) {
    this.#deps = deps
  }

  /** Never rejects: a run that cannot be advanced is given back, or ended as poisoned when that goes on. */
  async drive(run: RunRow): Promise<void> {
    const { clock, log, store, owner } = this.#deps
    try {
      if (run.fruitless_claims > FRUITLESS_CLAIMS_MAX) await this.#poison(run)
      else await this.#advance(run)
    } catch (error) {
      this.#states.delete(run.id)
      log.error({ err: error, runId: run.id, account: run.account }, 'a run could not be advanced')
      const now = clock.now()
      // That nobody could evaluate is not the run's doing, and does not count towards poisoning it.
      const counts = !(error instanceof EvaluatorUnavailable)
      const wakeAt = now + BACKOFF_MS * run.fruitless_claims
      await store.giveBack(run, owner, { wakeAt, now, counts }).catch((failure: unknown) => {
        log.error({ err: failure, runId: run.id }, 'a run could not be given back; its lease will run out')
      })
    }
  }

  /** The state that a run's history folds to. */
  async stateOf(run: RunRow): Promise<RunState> {
    return (await this.#load(run)).state
  }

  async #advance(run: RunRow): Promise<void> {
    const { store, advancer, clock, load, owner } = this.#deps
    const [before, tasks, signals, loaded] = await Promise.all([
      this.#load(run),
      store.tasks(run.id),
      store.signals(run.id),
      load(run.account, run.workspace, run.playbook_id, run.revision),
    ])
    const ended = tasks.filter((task) => task.state === 'done' || task.state === 'lost')
    const arrivals = await this.#arrivals(run, ended, signals)
    const now = clock.now()
    const identity = { runId: run.id, account: run.account, workspace: run.workspace }
    let advanced = await advancer.advance(loaded, identity, before, arrivals, now)
    const lost = lostAttempts(advanced.state, before.state, tasks)
    if (lost) advanced = endWith(advanced, before.length, now, stall(advanced.state))
    const consumed = {
      consumedTasks: ended.map((task) => task.id),
      consumedSignals: signals.map((signal) => signal.id),
    }
    let commit = await this.#commitOf(run, loaded, before.state, advanced, now, consumed)
    if (isTooLong(run, commit.events)) {
      const message = `the history is larger than ${HISTORY_BYTES_MAX / 1024 / 1024} MB`
      advanced = endWith(advanced, before.length, now, { code: 'too_large', message })
      commit = await this.#commitOf(run, loaded, before.state, advanced, now, consumed)
    }
    const outcome = await this.#commit(commit)
    if (outcome === 'conflict') await store.giveBack(run, owner, { wakeAt: now, now, counts: false })
    if (outcome !== 'ok') {
      this.#states.delete(run.id)
      return
    }
    if (advanced.state.ended) this.#deps.counts.runsEnded.add({ status: advanced.status })
    this.#remember(run, advanced)
    this.#tell(run, before.state, advanced)
  }

  /** Stores what a look decided. Attempts that are due and have a place here begin with it. */
  async #commit(commit: Commit): Promise<CommitOutcome['kind']> {
    const { store, places, counts, log } = this.#deps
    const { account, id, epoch } = commit.run
    const tasks = commit.tasks.map((task) => ({ ...task, begins: task.begins && places.reserve(account) }))
    const reserved = tasks.filter((task) => task.begins).length
    let begun = false
    try {
      const outcome = await store.commit({ ...commit, tasks })
      if (outcome.kind === 'ok') {
        begun = true
        places.begin(outcome.begun)
        if (commit.abort === 'all') places.abort(id)
        if (tasks.length > reserved || commit.abort) this.#deps.onTasks()
      } else if (outcome.kind === 'fenced') {
        counts.commitsFenced.add({})
        log.warn({ runId: id, epoch }, 'another process has this run; what was decided here is dropped')
      }
      return outcome.kind
    } finally {
      if (!begun) places.release(account, reserved)
    }
  }

  async #arrivals(run: RunRow, ended: readonly TaskRow[], signals: readonly SignalRow[]): Promise<readonly Arrival[]> {
    const arrivals: Arrival[] = []
    for (const task of ended) arrivals.push(await this.#arrivalOf(task))
    for (const { id, payload } of signals) {
      arrivals.push((await this.#deps.payloads.open(payload, `signal/${run.id}/${id}`)) as Signal)
    }
    return arrivals
  }

  async #load(run: RunRow): Promise<{ readonly state: RunState; readonly length: number }> {
    const known = this.#states.get(run.id)
    if (known?.length === run.history_length) return known
    const rows = await this.#deps.store.history(run.id)
    const history = await readHistory(this.#deps.payloads, run.id, rows.slice(0, run.history_length))
    return { state: fold(history), length: run.history_length }
  }

  #remember(run: RunRow, advanced: Advanced): void {
    if (advanced.state.ended) this.#states.delete(run.id)
    else this.#states.set(run.id, { state: advanced.state, length: run.history_length + advanced.events.length })
  }

  async #arrivalOf(task: TaskRow): Promise<Arrival> {
    const { step, attempt } = task
    const startedAt = task.started_at ?? task.due_at
    if (task.state === 'lost' || !task.result) return { kind: 'lost', step, attempt, startedAt }
    const opened = await this.#deps.payloads.open(task.result, `effect/${keyOf(task.run_id, step)}`)
    return { kind: 'attempt', step, attempt, startedAt, result: (opened as StoredResult).result }
  }

  async #commitOf(
    run: RunRow,
    loaded: LoadedPlaybook,
    before: RunState,
    advanced: Advanced,
    now: number,
    consumed: Pick<Commit, 'consumedTasks' | 'consumedSignals'>,
  ): Promise<Commit> {
    const { payloads, owner } = this.#deps
    const events: EventRow[] = []
    const approvals: Commit['approvals'][number][] = []
    const tasks: NewTask[] = []
    const sealed = await sealEvents(payloads, run.id, advanced.events)
    for (const [index, { seq, at, event }] of advanced.events.entries()) {
      events.push({
        account: run.account,
        run_id: run.id,
        seq,
        type: event.type,
        step: 'step' in event ? (event.step ?? null) : null,
        version: EVENT_VERSION,
        at,
        epoch: run.epoch,
        payload: index === 0 ? sealed : NOTHING,
      })
      if (event.type === 'approval.asked') {
        approvals.push(await approvalContent(payloads, run, loaded.playbook, advanced.state, event, now))
      }
      const schedules = event.type === 'step.scheduled' || event.type === 'step.retry_scheduled'
      if (schedules && !advanced.state.ended) {
        const task = await this.#taskOf(run, loaded, advanced.state, event, now)
        if (task) tasks.push(task)
      }
    }
    return {
      run,
      owner,
      now,
      status: advanced.status,
      wakeAt: advanced.wakeAt ?? null,
      events,
      tasks,
      ...consumed,
      approvals,
      closedApprovals: closedApprovals(advanced),
      abort: abortOf(before, advanced.state),
    }
  }

  async #taskOf(
    run: RunRow,
    loaded: LoadedPlaybook,
    state: RunState,
    event: RunEvent & { type: 'step.scheduled' | 'step.retry_scheduled' },
    now: number,
  ): Promise<NewTask | undefined> {
    const step = loaded.playbook.steps.find((candidate) => candidate.id === event.step)
    const input = state.steps.get(event.step)?.input
    const pending = state.steps.get(event.step)?.pending
    if (step?.does.kind !== 'action' || !input || pending?.attempt !== event.attempt) return undefined
    const id = uuidv7(this.#deps.clock)
    const row = {
      account: run.account,
      id,
      workspace: run.workspace,
      playbook_id: run.playbook_id,
      revision: run.revision,
      run_id: run.id,
      step: event.step,
      attempt: event.attempt,
      action: step.does.action,
      due_at: event.dueAt,
      set_at: now,
      input: await this.#deps.payloads.seal(input satisfies JsonMap, `task/${id}`),
    }
    return { row, begins: event.dueAt <= now && !state.ending }
  }

  /** Ends a run that its worker does not survive, without looking into it. */
  async #poison(run: RunRow): Promise<void> {
    const { payloads, store, clock, owner, log } = this.#deps
    const now = clock.now()
    const seq = run.history_length + 1
    const message = `the run was taken up ${run.fruitless_claims - 1} times and never came further`
    const error: RunFailure = { code: 'poisoned', message }
    const event: RunEvent = { type: 'run.finished', status: 'failed', error }
    log.error({ runId: run.id, account: run.account, playbookId: run.playbook_id }, 'a run is poisoned and was ended')
    const outcome = await store.commit({
      run,
      owner,
      now,
      status: 'failed',
      wakeAt: null,
      events: [
        {
          account: run.account,
          run_id: run.id,
          seq,
          type: event.type,
          step: null,
          version: EVENT_VERSION,
          at: now,
          epoch: run.epoch,
          payload: await sealEvents(payloads, run.id, [{ seq, at: now, event }]),
        },
      ],
      tasks: [],
      consumedTasks: [],
      consumedSignals: [],
      approvals: [],
      closedApprovals: [],
      abort: undefined,
    })
    if (outcome.kind !== 'ok') return
    this.#deps.counts.runsEnded.add({ status: 'poisoned' })
    const { account, workspace, id: runId, playbook_id: playbookId } = run
    this.#deps.onChange({ account, workspace, playbookId, runId, status: 'failed', error, at: now })
  }

  #tell(run: RunRow, before: RunState, advanced: Advanced): void {
    const base = { account: run.account, workspace: run.workspace, playbookId: run.playbook_id, runId: run.id }
    let state = before
    for (const placed of advanced.events) {
      const { event, at } = placed
      const previous = 'step' in event && event.step !== undefined ? state.steps.get(event.step) : undefined
      state = apply(state, placed)
      if (event.type === 'run.started' || event.type === 'run.finished') {
        const status: RunStatus = event.type === 'run.started' ? 'running' : event.status
        this.#deps.onChange({
          ...base,
          status,
          at,
          ...(event.type === 'run.finished' && event.error ? { error: event.error } : {}),
        })
      } else if ('step' in event && event.step !== undefined) {
        const step = state.steps.get(event.step)
        if (!step || (step.status === previous?.status && step.attempts === previous.attempts)) continue
        const status: StepStatus = step.status
        this.#deps.onChange({
          ...base,
          stepId: event.step,
          status,
          at,
          ...(step.attempts > 0 ? { attempt: step.attempts } : {}),
          ...(step.error ? { error: step.error } : {}),
        })
      }
    }
  }
}

/** True when the state waits for an attempt that no task stands for: nothing would ever come. */
function lostAttempts(after: RunState, before: RunState, tasks: readonly TaskRow[]): boolean {
  return [...after.steps].some(([id, step]) => {
    const attempt = step.pending?.attempt
    if (attempt === undefined || before.steps.get(id)?.pending?.attempt !== attempt) return false
    return !tasks.some((task) => task.step === id && task.attempt === attempt)
  })
}

/** The same advance, with the run's failure at its end. */
function endWith(advanced: Advanced, lengthBefore: number, now: number, error: RunFailure): Advanced {
  if (advanced.state.ended) return advanced
  const seq = lengthBefore + advanced.events.length + 1
  const event: HistoryEvent = { seq, at: now, event: { type: 'run.finished', status: 'failed', error } }
  return {
    state: apply(advanced.state, event),
    events: [...advanced.events, event],
    status: 'failed',
    wakeAt: undefined,
  }
}

function isTooLong(run: RunRow, events: readonly EventRow[]): boolean {
  return run.history_bytes + events.reduce((sum, event) => sum + event.payload.length, 0) > HISTORY_BYTES_MAX
}

/** Approvals that no person decided: their step is over all the same. */
function closedApprovals(advanced: Advanced): Commit['closedApprovals'] {
  return advanced.events.flatMap(({ event }) => {
    const expired = event.type === 'timer.fired' && event.means === 'expiry'
    if (!expired && event.type !== 'step.cancelled') return []
    const approval = advanced.state.steps.get(event.step)?.approval
    return approval ? [{ id: approval.id, state: expired ? ('expired' as const) : ('cancelled' as const) }] : []
  })
}

function abortOf(before: RunState, after: RunState): 'all' | 'ready' | undefined {
  if (!after.ending) return undefined
  if (after.ending.abort) return before.ending?.abort ? undefined : 'all'
  return before.ending ? undefined : 'ready'
}
