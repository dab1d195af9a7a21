import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type Cases, caseMigrations, createCases } from '../../cases/index.ts'
import {
  type AccountId,
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
import { createPlaybooks, type Playbooks, type PlaybooksDeps, playbookMigrations } from '../index.ts'
import type { RunAnswer } from '../runs.ts'
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
  const far = await FarSide.open()
  const log = createLog({ clock: systemClock, stream: new PassThrough().resume(), level: 'silent' })
  const cases = createCases({ database, clock, metrics: createMetrics(), log })
  const deps: PlaybooksDeps = {
    database,
    sealer: openSealer({ dataDir: dir }),
    clock,
    log,
    authorizer: rights,
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
      const moved = new Moved(made)
      while (true) {
        const next = moved.next()
        const run = await playbooks.getRun(ACCOUNT, WS, runId)
        if (holds(run)) return run
        await next
      }
    },
    async close() {
      for (const one of made) await one.stop()
      await far.close()
      await opened.drop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return bench
}

/** Resolves at the next change of any run. */
class Moved {
  #wake: (() => void)[] = []

  constructor(playbooks: readonly Playbooks[]) {
    for (const one of playbooks) {
      one.onStep(() => {
        for (const wake of this.#wake.splice(0)) wake()
      })
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve))
  }
}
