import type { AlertChanges } from '../cases/index.ts'
import {
  type AccountId,
  type Api,
  type AuditSink,
  type Authorizer,
  type Clock,
  type Context,
  type Database,
  type FilterCompiler,
  type Listed,
  type Metrics,
  type Sealer,
  uuidv7,
  type WorkspaceRouteDeps,
} from '../platform/index.ts'
import { createActions } from './actions/catalogue.ts'
import { Approvals } from './approvals.ts'
import { Engine } from './engine/engine.ts'
import { Payloads } from './engine/payload.ts'
import { RunStore } from './engine/store.ts'
import { Turns } from './engine/turns.ts'
import { Evaluator } from './expressions/evaluator.ts'
import { Library } from './library.ts'
import { LEASE_MS, REVISION_RETENTION_MS, RUN_RETENTION_MS } from './limits.ts'
import { playbookMetrics } from './metrics.ts'
import { playbookRoutes } from './routes.ts'
import { type RunAnswer, type RunSummary, Runs } from './runs.ts'
import { forgetThrottles, PlaybookStore } from './store.ts'
import { Triggers } from './triggers.ts'
import type { JsonMap, Log, RunAs, StepChange, UpdateAlert } from './types.ts'

/** How long attempts under way may go on when the process stops. */
const DRAIN_MS = 8000
const ALERTS_POLL_MS = 1000
const UPKEEP_MS = 600_000
const UPKEEP_AGAIN_MS = 1000

export interface PlaybooksDeps {
  readonly database: Database
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly authorizer: Authorizer
  /** Takes one event an attempt, as of the role; the attempt's result waits until it is durable. */
  readonly audit: AuditSink
  readonly runAs: RunAs
  readonly alertChanges: AlertChanges
  readonly updateAlert: UpdateAlert
  /** Entries of `playbooks.egress_allow`. */
  readonly egressAllow: readonly string[]
  /** Where callers reach the service; asked when a webhook's URL is told. */
  readonly publicUrl: () => string
  /** True where no other process can use this database (SQLite under a locked data folder): attempts that were under
   * way when the last process ended are then taken up at once, and not when their leases run out. */
  readonly alone: boolean
  /** How long a claim is good for without being renewed; shorter = sooner taken over, and more writes. */
  readonly leaseMs?: number
}

export interface PlaybookRouteOptions extends WorkspaceRouteDeps {
  readonly compileFilter: FilterCompiler
}

/** Playbooks: the language, its durable runs, and what starts them. */
export interface Playbooks {
  /** Serves playbooks, runs, approvals and webhooks. Needs no `start`: another process may run the runs. */
  routes(options: PlaybookRouteOptions): (api: Api) => void
  /** Begins to take alert changes, advance runs and make attempts. */
  start(): Promise<void>
  /** Drains: nothing new begins, attempts under way may end for a few seconds; what is not done then is done by the
   * next process, under the same keys. */
  stop(): Promise<void>
  /** Calls back for each step and run that moved in this process, after it is durable. For looking, not for relying on. */
  onStep(listener: (change: StepChange) => void): void
  /** Starts a run by hand. @throws playbooks.playbook.notFound, playbooks.inputs.invalid */
  startRun(
    ctx: Context,
    workspace: string,
    playbookId: string,
    inputs: JsonMap,
    idempotencyKey?: string,
  ): Promise<string>
  /** @throws playbooks.run.wrongState */
  cancelRun(ctx: Context, workspace: string, runId: string): Promise<void>
  /** @throws playbooks.run.wrongState */
  retryRun(
    ctx: Context,
    workspace: string,
    runId: string,
    from: 'failed' | 'start',
    idempotencyKey?: string,
  ): Promise<string>
  /** @throws playbooks.run.notFound */
  getRun(account: AccountId, workspace: string, runId: string): Promise<RunAnswer>
  /** Approves or rejects. @throws playbooks.approval.notFound, playbooks.approval.notYours, playbooks.approval.wrongState */
  decide(ctx: Context, workspace: string, approvalId: string, decision: 'approve' | 'reject'): Promise<unknown>
  /** Newest first. */
  listRuns(account: AccountId, workspace: string): Promise<Listed<RunSummary>>
  /** Takes a playbook out of use. @throws playbooks.playbook.notFound */
  remove(ctx: Context, workspace: string, id: string): Promise<void>
  /** Saves a playbook, as its PUT does. @throws playbooks.playbook.invalid and what else the PUT answers */
  put(ctx: Context, workspace: string, id: string, source: string): Promise<unknown>
}

/** Builds the part. Nothing runs until `start`. @throws Error for a wrong entry of `egressAllow` */
export function createPlaybooks(deps: PlaybooksDeps): Playbooks {
  const { database, clock, log, authorizer, runAs } = deps
  const leaseMs = deps.leaseMs ?? LEASE_MS
  const owner = uuidv7(clock)
  const listeners: ((change: StepChange) => void)[] = []
  const actions = createActions({ egressAllow: deps.egressAllow, updateAlert: deps.updateAlert, log })
  const payloads = new Payloads(deps.sealer)
  const counts = deps.metrics.use(playbookMetrics)
  const evaluator = new Evaluator(() => counts.evaluationsKilled.add({}))
  const playbookStore = new PlaybookStore(database)
  const runStore = new RunStore(database, { owner, ms: leaseMs })
  const library = new Library({ store: playbookStore, actions, authorizer, runAs, clock, publicUrl: deps.publicUrl })
  const engine = new Engine({
    store: runStore,
    payloads,
    evaluator,
    actions,
    authorizer,
    audit: deps.audit,
    runAs,
    clock,
    log,
    counts,
    owner,
    alone: deps.alone,
    leaseMs,
    load: (account, workspace, id, revision) => library.load(account, workspace, id, revision),
    newId: () => uuidv7(clock),
    onChange: (change) => {
      for (const listener of listeners) tell(log, () => listener(change))
    },
  })
  const onWake = () => engine.poke()
  const runs = new Runs({ store: runStore, payloads, library, driver: engine.driver, clock, onWake })
  const approvals = new Approvals({ store: runStore, payloads, clock, onWake })
  const triggers = new Triggers({
    store: playbookStore,
    library,
    runs,
    evaluator,
    alertChanges: deps.alertChanges,
    clock,
    log,
  })
  const alerts = new Turns(
    'alert changes',
    async () => ((await triggers.takeAlertChanges()) > 0 ? 0 : undefined),
    log,
    ALERTS_POLL_MS,
  )
  const upkeep = new Turns(
    'upkeep',
    async () => {
      const now = clock.now()
      await forgetThrottles(database, now)
      const forgotten = await runStore.forgetRuns(now - RUN_RETENTION_MS)
      await playbookStore.forgetRevisions(now - REVISION_RETENTION_MS)
      // More may be left than one go takes.
      return forgotten > 0 ? UPKEEP_AGAIN_MS : undefined
    },
    log,
    UPKEEP_MS,
  )
  deps.alertChanges.onChange(() => alerts.poke())
  deps.metrics.beforeScrape(async () => {
    const open = await runStore.countOpen()
    for (const status of ['queued', 'running', 'waiting'] as const)
      counts.runsOpen.set({ status }, open.get(status) ?? 0)
  })

  return {
    routes: (options) => playbookRoutes({ library, runs, approvals, triggers, ...options }),
    async start() {
      await engine.start()
      alerts.start()
      upkeep.start()
    },
    async stop() {
      await Promise.all([alerts.stop(), upkeep.stop()])
      await engine.stop(AbortSignal.timeout(DRAIN_MS))
      await evaluator.close()
    },
    onStep: (listener) => {
      listeners.push(listener)
    },
    startRun: (ctx, workspace, playbookId, inputs, idempotencyKey) =>
      runs.startByHand(ctx, workspace, playbookId, inputs, idempotencyKey),
    cancelRun: (ctx, workspace, runId) => runs.cancel(ctx, workspace, runId),
    retryRun: (ctx, workspace, runId, from, idempotencyKey) => runs.retry(ctx, workspace, runId, from, idempotencyKey),
    getRun: (account, workspace, runId) => runs.get(account, workspace, runId),
    listRuns: (account, workspace) => runs.list(account, workspace, { limit: 200 }),
    remove: (ctx, workspace, id) => library.delete(ctx.principal.account, workspace, id),
    decide: (ctx, workspace, approvalId, decision) => approvals.decide(ctx, workspace, approvalId, decision, undefined),
    put: (ctx, workspace, id, source) => library.put(ctx, workspace, id, source, undefined),
  }
}

/** What is durable stays so, whatever a listener makes of it. */
function tell(log: Log, call: () => void): void {
  try {
    call()
  } catch (error) {
    log.warn({ err: error }, 'a listener to runs failed')
  }
}
