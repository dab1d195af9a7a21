import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { type Cases, caseMigrations, createCases } from '../../cases/index.ts'
import {
  createLog,
  createMetrics,
  type Database,
  iamArn,
  migrate,
  openDatabase,
  openSealer,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { createPlaybooks, playbookMigrations } from '../../playbooks/index.ts'
import { FarSide, sendJson } from '../../playbooks/testing/far-side.ts'
import { testDatabases } from '../support/databases.ts'
import { eventually } from '../support/eventually.ts'
import type { Order, Report } from './playbooks-child.ts'

const account = parseAccountId('000000000001')
const child = fileURLToPath(new URL('./playbooks-child.ts', import.meta.url))

/** Every kind of step that leaves something behind: an effect, a retry, a wait, a question to a person, an update. */
const playbook = (far: string) => `playbook: 1
id: crash
name: Crash test
run_as: role/playbook-runner
permissions: [http.request, cases.alert.update]
inputs: {alert: {type: uuid, required: true}}
triggers:
  - id: made
    alert: {on: [created]}
    inputs: {alert: '\${{ alert.id }}'}
steps:
  - id: first
    action: http.request
    with: {method: POST, url: 'http://${far}/first', body: {alert: '\${{ inputs.alert }}'}}
  - id: flaky
    action: http.request
    with: {method: POST, url: 'http://${far}/flaky', body: {before: '\${{ steps.first.output.status }}'}}
    retry: {max: 20, initial: 30ms, backoff: fixed}
  - id: pause
    wait: {for: 20ms}
  - id: ask
    approval: {title: 'Go on?', approvers: {any_of: [user/bo]}}
  - id: last
    action: http.request
    with: {method: PATCH, url: 'http://${far}/last', body: {decision: '\${{ steps.ask.output.decision }}'}}
  - id: take
    action: cases.alert.update
    with: {alert: '\${{ inputs.alert }}', state: in_progress, comment: done}
`

interface Row {
  readonly id: string
  readonly status: string
  readonly epoch: number
}
interface Tables {
  playbook_run: Row & { trigger_key: string }
  playbook_task: { run_id: string; state: string; step: string; attempt: number; started_at: number | null }
  playbook_effect: { idem_key: string; state: string }
  playbook_signal: { run_id: string }
  playbook_approval: { run_id: string; state: string }
  playbook_run_event: { run_id: string; seq: number; type: string }
}

/** SQLite in the folder of the test, and PostgreSQL where it is. */
const targets = [{ name: 'SQLite', open: undefined }, ...testDatabases().filter((kind) => kind.name === 'PostgreSQL')]

let dir: string
let url: string | undefined
let drop: () => Promise<void>
let database: Database
let cases: Cases
let far: FarSide
/** Keys that the far side refused once, so that each step is retried once. */
let refused: Set<string>
const children = new Set<ChildProcess>()
/** Short, so that what a dead process held is free soon. */
const leases = { leaseMs: 900 }

async function setUp({ open }: (typeof targets)[number]): Promise<void> {
  dir = await mkdtemp(join(tmpdir(), 'rampart-playbook-crash-'))
  const opened = await open?.()
  database = opened?.database ?? openDatabase({ file: join(dir, 'rampart.db') })
  drop = opened?.drop ?? (() => database.close())
  url = opened?.url
  await migrate(database, [...caseMigrations, ...playbookMigrations], systemClock)
  const log = createLog({ clock: systemClock, stream: new PassThrough().resume(), level: 'silent' })
  cases = createCases({ database, clock: systemClock, metrics: createMetrics(), log })
  far = await FarSide.open()
  refused = new Set()
  far.answer = (request, response) => {
    const key = request.key ?? ''
    const refuse = request.path === '/flaky' && !refused.has(key)
    if (refuse) refused.add(key)
    sendJson(response, refuse ? 503 : 200, { ok: !refuse })
  }
  const author = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' } as const
  const first = createPlaybooks({
    database,
    sealer: openSealer({ dataDir: dir }),
    clock: systemClock,
    log,
    metrics: createMetrics(),
    authorizer: { authorize: async () => ({ allowed: true, id: '', reason: 'allow', determining: [] }) },
    audit: { record: async () => {} },
    runAs: async () => author,
    alertChanges: cases.alertChanges,
    updateAlert: async () => undefined,
    egressAllow: [],
    publicUrl: () => '',
    alone: true,
  })
  await first.put(
    { principal: author, requestId: '1', now: systemClock.now() },
    'default',
    'crash',
    playbook(far.address),
  )
}
afterEach(async () => {
  await Promise.all(
    [...children].map(async (one) => {
      one.kill('SIGKILL')
      await once(one, 'exit')
    }),
  )
  await far.close()
  await drop()
  await rm(dir, { recursive: true, force: true })
})

const read = () => database.as<Tables>().read

async function spawn(options: { readonly leaseMs?: number; readonly agrees?: boolean } = {}): Promise<ChildProcess> {
  const started = fork(child, [JSON.stringify({ dir, url, agrees: true, ...options })], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  children.add(started)
  started.on('exit', () => children.delete(started))
  await report(started, 'ready')
  return started
}

/** Resolves with the child's next report of a kind, or undefined when the child dies first. */
function report(
  from: ChildProcess,
  kind: Report['kind'],
  matches: (told: Report) => boolean = () => true,
): Promise<Report | undefined> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown) => {
      const told = message as Report
      if (told.kind === kind && matches(told)) finish(told)
    }
    const onExit = () => finish(undefined)
    const finish = (value: Report | undefined) => {
      from.off('message', onMessage)
      from.off('exit', onExit)
      resolve(value)
    }
    from.on('message', onMessage)
    from.on('exit', onExit)
    if (from.exitCode !== null || from.signalCode !== null) onExit()
  })
}

/** A process that is paused within a transaction would hold the lock of SQLite's file. */
async function pauseBetweenTransactions(process: ChildProcess): Promise<void> {
  for (;;) {
    process.kill('SIGSTOP')
    await delay(10)
    if (url !== undefined || isFree(join(dir, 'rampart.db'))) return
    process.kill('SIGCONT')
    await delay(1)
  }
}

/** Whether a file of SQLite may be written to at once. */
function isFree(file: string): boolean {
  const probe = new DatabaseSync(file, { timeout: 0 })
  try {
    probe.exec('BEGIN IMMEDIATE; ROLLBACK')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}

const newestRun = () => read().selectFrom('playbook_run').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst()

/** Which of the places where a crash must do no harm the process was killed in.
 * @see operations reference 3.3 */
async function placeOfDeath(runsBefore: number): Promise<string> {
  const runs = await read().selectFrom('playbook_run').select('id').execute()
  const run = await newestRun()
  if (runs.length === runsBefore || !run) {
    const [change] = await cases.alertChanges.take(1)
    return change ? '1 alert stored, run not created' : 'before the alert'
  }
  if (run.status === 'queued' && run.epoch === 0) return '2 run created, not claimed'
  const signal = await read()
    .selectFrom('playbook_signal')
    .select('run_id')
    .where('run_id', '=', run.id)
    .executeTakeFirst()
  if (signal) return '8 approval stored, run not moved on'
  const task = await read().selectFrom('playbook_task').selectAll().where('run_id', '=', run.id).executeTakeFirst()
  if (task?.state === 'ready' && task.attempt > 1 && task.step === 'flaky') return '7 retry timer set, not fired'
  // 3, scheduled and not leased, is no place while the process has room: both are one transaction.
  if (task?.state === 'ready') return '3 step scheduled, task not leased'
  if (task?.state === 'leased') {
    const effect = await read()
      .selectFrom('playbook_effect')
      .select('state')
      .where('idem_key', '=', `${run.id}/${task.step}/0`)
      .executeTakeFirst()
    expect(effect?.state).not.toBe('done')
    return far.keys().has(`${run.id}/${task.step}/0`)
      ? '6 response read, result not committed'
      : '4 ledger started, request not sent'
  }
  return 'elsewhere'
}

/** The run ends well without a person's help, and each step had one key however often it was tried. */
async function expectWhole(runId: string): Promise<void> {
  const run = await eventually('the run to end', async () => {
    const row = await read().selectFrom('playbook_run').selectAll().where('id', '=', runId).executeTakeFirst()
    return row && !['queued', 'running', 'waiting'].includes(row.status) && row
  })
  expect(run.status).toBe('succeeded')
  for (const step of ['first', 'flaky', 'last']) {
    const keys = [...far.keys(`/${step}`)].filter((key) => key.startsWith(runId))
    expect(keys, `keys of ${step}`).toEqual([`${runId}/${step}/0`])
  }
}

const runCount = async () => (await read().selectFrom('playbook_run').select('id').execute()).length

/** Kills a process at each transaction of a run, one after another; the next process finishes the run and begins the next.
 * @returns how often it died where */
async function killAtEachTransaction(kill: 'before' | 'after'): Promise<ReadonlyMap<string, number>> {
  const places = new Map<string, number>()
  let process = await spawn()
  for (let transaction = 1; ; transaction += 1) {
    const runsBefore = await runCount()
    const known = (await newestRun())?.id ?? ''
    const ended = report(process, 'ended', (told) => told.kind === 'ended' && told.runId > known)
    process.send({ alert: `${kill}-${transaction}`, kill, transaction } satisfies Order)
    if (await ended) break
    const place = await placeOfDeath(runsBefore)
    places.set(place, (places.get(place) ?? 0) + 1)
    process = await spawn()
    const wasStored = await cases.alertChanges.take(1)
    if (place !== 'before the alert' || wasStored.length > 0) {
      const run = await eventually(
        'the run of the alert',
        async () => (await runCount()) === runsBefore + 1 && newestRun(),
      )
      process.send({ approve: run.id })
      await expectWhole(run.id)
    }
  }
  process.kill('SIGKILL')
  return places
}

describe('playbooks survive kill -9', () => {
  it('before and after every transaction of a run', { timeout: 600_000 }, async () => {
    await setUp(targets[0] as (typeof targets)[number])
    const places = [...(await killAtEachTransaction('before')), ...(await killAtEachTransaction('after'))]
    const seen = new Set(places.map(([place]) => place[0]))
    expect([...seen]).toEqual(expect.arrayContaining(['1', '2', '4', '6', '7', '8']))
    const keys = await read().selectFrom('playbook_run').select('trigger_key').execute()
    expect(new Set(keys.map((row) => row.trigger_key)).size).toBe(keys.length)
    expect(await cases.alertChanges.take(1)).toEqual([])
  })

  it.each(targets)(
    'when the far side has acted and nobody has read its answer, on $name',
    { timeout: 120_000 },
    async (target) => {
      await setUp(target)
      let process = await spawn(leases)
      const killed = new Set<string>()
      far.answer = (request, response) => {
        if (killed.has(request.path)) return sendJson(response, 200, { ok: true })
        killed.add(request.path)
        process.kill('SIGKILL')
      }
      process.send({ alert: 'acted' } satisfies Order)
      while (killed.size < 3) {
        if (process.signalCode === null) await once(process, 'exit')
        process = await spawn(leases)
        const run = await newestRun()
        process.send({ approve: run?.id ?? '' })
      }
      const run = await newestRun()
      await expectWhole(run?.id ?? '')
      expect(far.received).toHaveLength(6)
      process.kill('SIGKILL')
    },
  )

  it.each(targets)(
    'and a process paused past its lease writes nothing more, on $name',
    { timeout: 120_000 },
    async (target) => {
      await setUp(target)
      const paused = await spawn({ ...leases, agrees: false })
      const held = new Promise<() => void>((resolve) => {
        far.answer = (request, response) => {
          if (request.path !== '/first' || far.received.length > 1) return sendJson(response, 200, { ok: true })
          void pauseBetweenTransactions(paused).then(() => resolve(() => sendJson(response, 200, { ok: true })))
        }
      })
      paused.send({ alert: 'paused' } satisfies Order)
      const answer = await held
      const other = await spawn({ ...leases, agrees: false })
      const run = await eventually('the run to ask', async () => {
        const asked = await read().selectFrom('playbook_approval').select('run_id').executeTakeFirst()
        return asked && newestRun()
      })
      const events = () =>
        read()
          .selectFrom('playbook_run_event')
          .select(['seq', 'type'])
          .where('run_id', '=', run.id)
          .orderBy('seq')
          .execute()
      const before = await events()
      answer()
      paused.kill('SIGCONT')
      const awake = report(paused, 'awake')
      paused.send('awake?')
      await awake
      expect((await events()).slice(0, before.length)).toEqual(before)
      other.send({ approve: run.id })
      await expectWhole(run.id)
      expect(far.received.filter((request) => request.path === '/first')).toHaveLength(2)
    },
  )
})
