import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type Cases, caseMigrations, createCases } from '../../cases/index.ts'
import {
  type AccountId,
  type AuditEvent,
  type Authorizer,
  type AuthzRequest,
  type Clock,
  type Context,
  createLog,
  createMetrics,
  type Database,
  iamArn,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  RampartError,
  systemClock,
} from '../../platform/index.ts'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { RunStore, type RunTables } from '../engine/store.ts'
import { createPlaybooks, type Playbooks, type PlaybooksDeps, playbookMigrations } from '../index.ts'
import { ATTEMPTS_AT_ONCE_MAX, RUNNING_PER_ACCOUNT_MAX } from '../limits.ts'
import type { RunAnswer, RunSummary } from '../runs.ts'
import { PlaybookStore } from '../store.ts'
import type { RunStatus } from '../types.ts'
import { FarSide } from './far-side.ts'

export const ACCOUNT: AccountId = parseAccountId('000000000001')
export const WS = 'default'

/** The machine's clock, moved by a test. */
export class MovedClock implements Clock {
  offsetMs = 0

  now(): number {
    return systemClock.now() + this.offsetMs
  }
}

/** Allows everything but what a test denies. */
export class Rights implements Authorizer {
  readonly asked: AuthzRequest[] = []
  denied: (request: AuthzRequest) => boolean = () => false

  async authorize(request: AuthzRequest) {
    this.asked.push(request)
    const allowed = !this.denied(request)
    return {
      allowed,
      id: 'decision-1',
      reason: allowed ? ('allow' as const) : ('implicitDeny' as const),
      determining: [],
    }
  }
}

export function person(name: string, more: Partial<Principal> = {}): Principal {
  return { kind: 'user', account: ACCOUNT, arn: iamArn(ACCOUNT, 'user', name), name, auth: 'token', ...more }
}

export function contextFor(principal: Principal = person('ann'), clock: Clock = systemClock): Context {
  return { principal, requestId: 'request-1', now: clock.now() }
}

/** Roles that there are. */
export const roles = new Set(['playbook-runner', 'other'])

/** The whole part on a real database, with the real alert hub beside it and a server to talk to. */
export interface Workbench {
  readonly database: Database
  readonly clock: MovedClock
  readonly rights: Rights
  /** What was audited, in order. */
  readonly audited: readonly AuditEvent[]
  readonly far: FarSide
  readonly cases: Cases
  readonly playbooks: Playbooks
  /** A second process's worth of it, on the same database. */
  another(options?: Partial<PlaybooksDeps>): Playbooks
  put(source: string): Promise<void>
  start(playbookId: string, inputs?: object, key?: string): Promise<string>
  run(runId: string): Promise<RunAnswer>
  /** Resolves with the run once it stands as asked. */
  until(runId: string, holds?: (run: RunAnswer) => boolean): Promise<RunAnswer>
  cancel(runId: string): Promise<void>
  retry(runId: string, key?: string): Promise<string>
  decide(name: string, approvalId: string, decision: 'approve' | 'reject'): Promise<unknown>
  /** Resolves once the far side got so many requests. */
  farAsked(count: number): Promise<void>
  /** Resolves once the run's history holds so many events of a type. */
  historyHas(runId: string, type: string, count: number): Promise<void>
  /** Resolves once the run's row says so, whatever its history is worth. */
  statusIs(runId: string, status: string): Promise<void>
  /** Runs of the workspace, newest first. */
  runs(): Promise<readonly RunSummary[]>
  /** Resolves once no alert change is left to look at. */
  alertsDone(): Promise<void>
  /** Everything that is stored of webhook tokens. */
  storedTokens(): Promise<unknown>
  /** Resolves when so many more runs have ended in this process. */
  endedRuns(count: number): Promise<void>
  /** Resolves once so many runs wait. */
  waitingRuns(count: number): Promise<void>
  eventCount(): Promise<number>
  raiseAlert(name: string): Promise<void>
  /** Leaves the runs as a process does that ends while the far side does not answer: as many attempts under way as
   * there may be, the others scheduled. */
  leaveInTheMiddle(runs: number): Promise<void>
  /** The stores by themselves, as another process would have them. */
  stores(): { readonly runs: RunStore; readonly playbooks: PlaybookStore }
  revisions(playbookId: string): Promise<readonly unknown[]>
  /** What another process does that finds something for a run. */
  wake(runId: string): Promise<void>
  close(): Promise<void>
}

export async function openWorkbench(
  kind: TestDatabase = testDatabases()[0] as TestDatabase,
  options: Partial<PlaybooksDeps> = {},
): Promise<Workbench> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-playbooks-'))
  const opened = await kind.open()
  const { database } = opened
  const clock = new MovedClock()
  await migrate(database, [...caseMigrations, ...playbookMigrations], systemClock)
  const rights = new Rights()
  const audited: AuditEvent[] = []
  const far = await FarSide.open()
  const log = createLog({ clock: systemClock, stream: new PassThrough().resume(), level: 'silent' })
  const cases = createCases({ database, clock, metrics: createMetrics(), log })
  const deps: PlaybooksDeps = {
    database,
    sealer: openSealer({ dataDir: dir }),
    clock,
    log,
    metrics: createMetrics(),
    authorizer: rights,
    audit: { record: async (event) => void audited.push(event) },
    runAs: async (account, name, sessionPolicies) => {
      if (!roles.has(name)) throw new RampartError('test.role.absent', { status: 404, title: 'absent' }, 'no such role')
      return { kind: 'role', account, arn: iamArn(account, 'role', name), name, auth: 'internal', sessionPolicies }
    },
    alertChanges: cases.alertChanges,
    updateAlert: (ctx, workspace, id, patch) => cases.updateAlert(ctx, workspace, id, patch),
    egressAllow: ['127.0.0.1'],
    publicUrl: () => 'http://rampart.example',
    alone: true,
    ...options,
  }
  const tables = () => database.as<RunTables>()
  const countRuns = async (status: RunStatus) => {
    const row = await tables()
      .read.selectFrom('playbook_run')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('status', '=', status)
      .executeTakeFirst()
    return Number(row?.count ?? 0)
  }
  const made: Playbooks[] = []
  const make = (more: Partial<PlaybooksDeps> = {}) => {
    const playbooks = createPlaybooks({ ...deps, ...more })
    made.push(playbooks)
    return playbooks
  }
  const playbooks = make()
  const bench: Workbench = {
    database,
    clock,
    rights,
    audited,
    far,
    cases,
    playbooks,
    another: make,
    async put(source) {
      const id = /^id: (\S+)/m.exec(source)?.[1] ?? ''
      await playbooks.put(contextFor(), WS, id, source)
    },
    start: (playbookId, inputs = {}, key) => playbooks.startRun(contextFor(), WS, playbookId, inputs as never, key),
    run: (runId) => playbooks.getRun(ACCOUNT, WS, runId),
    async until(runId, holds = (run) => run.endedAt !== undefined) {
      let found: RunAnswer | undefined
      await eventually(async () => {
        found = await playbooks.getRun(ACCOUNT, WS, runId)
        return holds(found)
      })
      return found as RunAnswer
    },
    cancel: (runId) => playbooks.cancelRun(contextFor(), WS, runId),
    retry: (runId, key) => playbooks.retryRun(contextFor(), WS, runId, 'failed', key),
    decide: (name, approvalId, decision) => playbooks.decide(contextFor(person(name), clock), WS, approvalId, decision),
    farAsked: (count) => eventually(async () => far.received.length >= count),
    historyHas: (runId, type, count) =>
      eventually(async () => {
        const events = await tables()
          .read.selectFrom('playbook_run_event')
          .select('type')
          .where('run_id', '=', runId)
          .where('type', '=', type)
          .execute()
        return events.length >= count
      }),
    statusIs: (runId, status) =>
      eventually(async () => {
        const row = await tables()
          .read.selectFrom('playbook_run')
          .select('status')
          .where('id', '=', runId)
          .executeTakeFirst()
        return row?.status === status
      }),
    runs: async () => (await playbooks.listRuns(ACCOUNT, WS)).items,
    alertsDone: () => eventually(async () => (await cases.alertChanges.take(1)).length === 0),
    storedTokens: () =>
      database.as<{ playbook_trigger: object }>().read.selectFrom('playbook_trigger').selectAll().execute(),
    endedRuns: (count) =>
      new Promise((resolve) => {
        let left = count
        playbooks.onStep((change) => {
          if (change.stepId !== undefined || change.status === 'running') return
          left -= 1
          if (left === 0) resolve()
        })
      }),
    waitingRuns: (count) => eventually(async () => (await countRuns('waiting')) >= count),
    async eventCount() {
      const row = await tables()
        .read.selectFrom('playbook_run_event')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return Number(row?.count ?? 0)
    },
    raiseAlert: (name) =>
      cases.takeFindings([
        {
          id: name,
          account: ACCOUNT,
          workspace: WS,
          kind: 'rule',
          time: clock.now(),
          recordIds: [`logs/0/${name}`],
          entities: { hosts: [name] },
          rule: { id: name, title: 'T', severity: 'high', techniques: [] },
        },
      ]),
    async leaveInTheMiddle(runs) {
      const { answer } = far
      far.answer = () => {}
      const dying = make()
      await dying.start()
      await eventually(async () => far.received.length >= Math.min(runs, ATTEMPTS_AT_ONCE_MAX))
      await eventually(async () => (await countRuns('running')) >= Math.min(runs, RUNNING_PER_ACCOUNT_MAX))
      await dying.stop()
      far.answer = answer
    },
    stores: () => ({
      runs: new RunStore(database, { owner: 'another', ms: 1000 }),
      playbooks: new PlaybookStore(database),
    }),
    revisions: (playbookId) =>
      database
        .as<{ playbook_revision: { playbook_id: string } }>()
        .read.selectFrom('playbook_revision')
        .selectAll()
        .where('playbook_id', '=', playbookId)
        .execute(),
    async wake(runId) {
      const now = clock.now()
      await tables().write((tx) =>
        tx.updateTable('playbook_run').set({ wake_at: now, wake_set_at: now }).where('id', '=', runId).execute(),
      )
    },
    async close() {
      // First, so that attempts which wait for an answer get none and end.
      await far.close()
      for (const one of made) await one.stop()
      await opened.drop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return bench
}

const LOOK_EACH_MS = 10

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(LOOK_EACH_MS)
}
