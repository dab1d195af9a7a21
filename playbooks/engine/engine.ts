import type { AccountId, AuditSink, Authorizer, Clock } from '../../platform/index.ts'
import type { Action } from '../actions/action.ts'
import type { Evaluator } from '../expressions/evaluator.ts'
import { EFFECT_RETENTION_MS, LEASE_MS, RUNS_AT_ONCE_MAX, SUSPECT_CLAIMS_MIN } from '../limits.ts'
import type { Log, RunAs, StepChange } from '../types.ts'
import { Advancer, type LoadedPlaybook } from './advance.ts'
import { Attempts } from './attempts.ts'
import type { EngineCounts } from './counts.ts'
import { RunDriver } from './driver.ts'
import type { Payloads } from './payload.ts'
import type { RunRow, RunStore } from './store.ts'
import { Turns } from './turns.ts'

/** How long nothing is looked for when nothing was said to be there: other processes tell nothing. */
const POLL_MS = 1000
const SWEEP_MS = 60_000

export interface EngineDeps {
  readonly store: RunStore
  readonly payloads: Payloads
  readonly evaluator: Evaluator
  readonly actions: ReadonlyMap<string, Action>
  readonly authorizer: Authorizer
  /** Every attempt is audited before its result counts. */
  readonly audit: AuditSink
  readonly runAs: RunAs
  readonly clock: Clock
  readonly log: Log
  readonly counts: EngineCounts
  readonly owner: string
  /** True where no other process can work on this database: what is leased at the start then belongs to the dead. */
  readonly alone: boolean
  readonly leaseMs?: number
  load(account: AccountId, workspace: string, playbookId: string, revision: string): Promise<LoadedPlaybook>
  newId(): string
  onChange(change: StepChange): void
}

/** The durable engine: advances runs, makes attempts, keeps leases, and proves that no run hangs. */
export class Engine {
  readonly #deps: EngineDeps
  readonly #store: RunStore
  readonly driver: RunDriver
  readonly #attempts: Attempts
  readonly #runs: Turns
  readonly #tasks: Turns
  readonly #leases: Turns
  readonly #sweeper: Turns
  readonly #driving = new Map<string, Promise<void>>()
  /** The run in hand that was taken up in vain before. */
  #suspectId: string | undefined
  #stopping = false

  constructor(deps: EngineDeps) {
    this.#deps = deps
    this.#store = deps.store
    const advancer = new Advancer(deps.evaluator, deps.actions, deps.newId)
    this.driver = new RunDriver({
      ...deps,
      advancer,
      places: {
        reserve: (account) => this.#attempts.reservePlace(account),
        release: (account, count) => this.#attempts.releasePlaces(account, count),
        begin: (tasks) => this.#attempts.beginReserved(tasks),
        abort: (runId) => this.#attempts.abortRun(runId),
      },
      onTasks: () => this.#tasks.poke(),
    })
    this.#attempts = new Attempts({
      ...deps,
      mayDrive: () => !this.#stopping && this.#driving.size < RUNS_AT_ONCE_MAX,
      onResult: (run) => this.#afterAttempt(run),
    })
    const third = (deps.leaseMs ?? LEASE_MS) / 3
    this.#runs = new Turns('runs', () => this.#driveDue(), deps.log, POLL_MS)
    this.#tasks = new Turns('attempts', () => this.#attemptDue(), deps.log, POLL_MS)
    this.#leases = new Turns('leases', () => this.#keepLeases(), deps.log, third)
    this.#sweeper = new Turns('sweep', () => this.#sweep(), deps.log, SWEEP_MS)
  }

  async start(): Promise<void> {
    if (this.#deps.alone) {
      const lost = await this.#store.releaseAll(this.#deps.clock.now())
      this.#deps.counts.attemptsLost.add({}, lost)
      if (lost > 0) this.#deps.log.info({ attempts: lost }, 'attempts were under way when the last process ended')
    }
    for (const turns of [this.#runs, this.#tasks, this.#leases, this.#sweeper]) turns.start()
  }

  /** Something was stored that a run waits for. */
  poke(): void {
    this.#runs.poke()
    this.#tasks.poke()
  }

  /** No new attempt begins; those under way may end until `deadline`, and their results are kept. */
  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all([this.#tasks.stop(), this.#sweeper.stop()])
    await this.#attempts.drain(deadline)
    this.#stopping = true
    await this.#runs.stop()
    await Promise.allSettled(this.#driving.values())
    // What those looks still began.
    await this.#attempts.drain(deadline)
    await this.#leases.stop()
  }

  async #driveDue(): Promise<number | undefined> {
    const room = RUNS_AT_ONCE_MAX - this.#driving.size
    if (room <= 0) return undefined
    const now = this.#deps.clock.now()
    const runs = await this.#store.claim(now, room, { suspect: this.#suspectId === undefined })
    for (const run of runs) this.#drive(run)
    return untilDue(await this.#store.nextWakeAt({ suspect: this.#suspectId === undefined }), now)
  }

  #drive(run: RunRow): void {
    if (run.fruitless_claims > SUSPECT_CLAIMS_MIN) this.#suspectId = run.id
    const driving = this.driver.drive(run).finally(() => {
      this.#driving.delete(run.id)
      if (this.#suspectId === run.id) this.#suspectId = undefined
      this.#runs.poke()
    })
    this.#driving.set(run.id, driving)
  }

  /** A place is free, and the run of the attempt that had it goes on. */
  #afterAttempt(run: RunRow | undefined): void {
    if (run) this.#drive(run)
    else this.#runs.poke()
    this.#tasks.poke()
  }

  async #attemptDue(): Promise<number | undefined> {
    const now = this.#deps.clock.now()
    await this.#attempts.begin(now)
    return untilDue(await this.#store.nextAttemptAt(), now)
  }

  async #keepLeases(): Promise<undefined> {
    const { lostTasks, abortedTasks } = await this.#store.renew([...this.#driving.keys()], this.#attempts.taskIds)
    for (const id of lostTasks) this.#attempts.drop(id)
    for (const id of abortedTasks) this.#attempts.abort(id)
    const expired = await this.#store.expireTasks(this.#deps.clock.now(), this.#attempts.taskIds)
    if (expired > 0) this.#runs.poke()
    this.#deps.counts.attemptsLost.add({}, expired)
  }

  async #sweep(): Promise<undefined> {
    const now = this.#deps.clock.now()
    const woken = await this.#store.wakeStuck(now)
    this.#deps.counts.runsStuck.add({}, woken)
    if (woken > 0) {
      this.#deps.log.warn({ runs: woken }, 'runs had nothing that could wake them and were woken')
      this.#runs.poke()
    }
    await this.#store.forgetEffects(now - EFFECT_RETENTION_MS)
  }
}

/** How long until something is due; what is overdue and was not taken is held back, and not asked for at once. */
function untilDue(at: number | undefined, now: number): number | undefined {
  return at === undefined || at <= now ? undefined : at - now
}
