import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { ACCOUNT, openWorkbench, type Workbench, WS } from '../testing/workbench.ts'
import { RunStore, type RunTables } from './store.ts'

const head = (id: string, permissions = 'http.request') => `playbook: 1
id: ${id}
name: Test
run_as: role/playbook-runner
permissions: [${permissions}]
timeout: 7d
`
const waits = `${head('waits', 'notify.log')}steps:
  - id: pause
    wait: {for: 1h}
  - id: say
    action: notify.log
    with: {message: hi}
`

describe.each(testDatabases())('the engine on $name', (kind) => {
  let bench: Workbench
  let database: Database<RunTables>
  beforeEach(async () => {
    bench = await openWorkbench(kind)
    database = bench.database.as<RunTables>()
  })
  afterEach(() => bench.close())

  const runRow = (id: string) =>
    database.read.selectFrom('playbook_run').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

  it('lets only the newest claim of a run write', async () => {
    await bench.put(waits)
    const runId = await bench.start('waits')
    const store = (owner: string) => new RunStore(bench.database, { owner, ms: 1000 })
    const now = bench.clock.now()
    const [old] = await store('old').claim(now, 10)
    expect(await store('new').claim(now, 10)).toEqual([])
    await database.write((tx) => tx.updateTable('playbook_run').set({ lease_until: 0 }).execute())
    const [fresh] = await store('new').claim(now, 10)
    expect(fresh?.epoch).toBe((old?.epoch ?? 0) + 1)
    const commit = (run: typeof old, owner: string) => {
      if (!run) throw new Error('nothing was claimed')
      return store(owner).commit({
        run,
        owner,
        now,
        status: 'running',
        wakeAt: now,
        events: [],
        tasks: [],
        consumedTasks: [],
        consumedSignals: [],
        approvals: [],
        closedApprovals: [],
        abort: undefined,
      })
    }
    expect((await commit(old, 'old')).kind).toBe('fenced')
    expect((await commit(old, 'new')).kind).toBe('fenced')
    expect((await commit(fresh, 'new')).kind).toBe('ok')
    expect((await commit(fresh, 'new')).kind).toBe('fenced')
    expect((await runRow(runId)).status).toBe('running')
  })

  it('does not lose what arrives while a run is looked at', async () => {
    await bench.put(waits)
    const runId = await bench.start('waits')
    const store = new RunStore(bench.database, { owner: 'me', ms: 1000 })
    const now = bench.clock.now()
    const [run] = await store.claim(now, 1)
    await store.write((tx) => store.signal(tx, ACCOUNT, runId, 'signal', Buffer.from('x'), now))
    if (!run) throw new Error('nothing was claimed')
    const later = now + 3_600_000
    const nothing = {
      events: [],
      tasks: [],
      consumedTasks: [],
      consumedSignals: [],
      approvals: [],
      closedApprovals: [],
    }
    await store.commit({ run, owner: 'me', now, status: 'waiting', wakeAt: later, ...nothing, abort: undefined })
    expect((await runRow(runId)).wake_at).toBe(now)
  })

  it('takes up one at a time what was taken up in vain before, so that a process that keeps dying poisons nothing', async () => {
    await bench.put(waits)
    const ids = []
    for (let n = 0; n < 8; n += 1) ids.push(await bench.start('waits'))
    const now = bench.clock.now()
    // Each life takes up what it may and is killed.
    for (let life = 0; life < 10; life += 1) {
      const store = new RunStore(bench.database, { owner: `life-${life}`, ms: 1000 })
      await store.releaseAll(now)
      expect(await store.claim(now, 64)).toHaveLength(life < 2 ? 8 : 1)
    }
    await new RunStore(bench.database, { owner: 'last', ms: 1000 }).releaseAll(now)
    await bench.playbooks.start()
    for (const id of ids)
      expect(await bench.until(id, ({ status }) => status !== 'queued')).toMatchObject({ status: 'waiting' })
  })

  it('ends a run that its workers never come further with', async () => {
    await bench.put(waits)
    const runId = await bench.start('waits')
    await database.write((tx) => tx.updateTable('playbook_run').set({ fruitless_claims: 5 }).execute())
    await bench.playbooks.start()
    expect(await bench.until(runId)).toMatchObject({ status: 'failed', error: { code: 'poisoned' } })
  })

  it('ends a run whose history cannot be read, and goes on with the others', async () => {
    await bench.put(waits)
    const [broken, whole] = [await bench.start('waits'), await bench.start('waits')]
    await database.write((tx) =>
      tx
        .updateTable('playbook_run_event')
        .set({ payload: Buffer.from('?') })
        .where('run_id', '=', broken)
        .execute(),
    )
    await bench.playbooks.start()
    await bench.until(whole, (run) => run.status === 'waiting')
    await bench.statusIs(broken, 'failed')
  })

  it('fails a run that lost what it waits for, and shows its graph', async () => {
    bench.far.answer = () => {}
    await bench.put(`${head('hangs')}steps:
  - id: call
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/', body: {}}
    timeout: 1h
`)
    await bench.playbooks.start()
    const runId = await bench.start('hangs')
    await bench.farAsked(1)
    await database.write((tx) => tx.deleteFrom('playbook_task').execute())
    const store = new RunStore(bench.database, { owner: 'sweeper', ms: 1000 })
    expect(await store.wakeStuck(bench.clock.now())).toBe(1)
    const run = await bench.until(runId)
    expect(run).toMatchObject({ status: 'failed', error: { code: 'stalled', details: { steps: { call: 'running' } } } })
  })

  it('wakes no run that waits for good reason', async () => {
    await bench.put(waits)
    await bench.playbooks.start()
    const runId = await bench.start('waits')
    await bench.until(runId, (run) => run.status === 'waiting')
    const store = new RunStore(bench.database, { owner: 'sweeper', ms: 1000 })
    expect(await store.wakeStuck(bench.clock.now())).toBe(0)
  })

  it('notes a result that comes after its lease was lost, and repeats nothing that is known to be done', async () => {
    const answers: (() => void)[] = []
    bench.far.answer = (_, response) => {
      answers.push(() => response.end('{}'))
    }
    await bench.put(`${head('late')}steps:
  - id: call
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/', body: {}}
  - id: pause
    wait: {for: 1h}
`)
    await bench.playbooks.start()
    const runId = await bench.start('late')
    await bench.farAsked(1)
    // Another process finds the lease run out: the attempt is lost and made again, under the same key.
    await database.write((tx) => tx.updateTable('playbook_task').set({ state: 'lost', lease_owner: null }).execute())
    await bench.wake(runId)
    await bench.farAsked(2)
    answers[0]?.()
    await bench.historyHas(runId, 'note', 1)
    answers[1]?.()
    const run = await bench.until(runId, (candidate) => candidate.status === 'waiting')
    expect(run.steps[0]).toMatchObject({ status: 'succeeded', attempts: 2 })
    expect(bench.far.keys().size).toBe(1)
    expect(await database.read.selectFrom('playbook_effect').select('state').execute()).toEqual([{ state: 'done' }])
  })

  it('takes a known result from the ledger instead of acting again', async () => {
    bench.far.answer = (_, response) => response.end('once')
    await bench.put(`${head('ledger')}steps:
  - id: call
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/', body: {}}
`)
    const runId = await bench.start('ledger')
    // The run's first look schedules the attempt; what its result will be is known before it is made.
    const donor = bench.another()
    await donor.start()
    await bench.until(runId)
    const [effect] = await database.read.selectFrom('playbook_effect').selectAll().execute()
    expect(effect).toMatchObject({ account: ACCOUNT, connection: 'default', action: 'http.request', state: 'done' })
    const store = new RunStore(bench.database, { owner: 'me', ms: 1000 })
    await database.write((tx) =>
      tx
        .insertInto('playbook_task')
        .values({
          account: ACCOUNT,
          id: 'again',
          workspace: WS,
          playbook_id: 'ledger',
          revision: '',
          run_id: runId,
          step: 'call',
          attempt: 2,
          action: 'http.request',
          state: 'ready',
          due_at: 0,
          set_at: 0,
          started_at: null,
          aborted: 0,
          epoch: 0,
          lease_owner: null,
          lease_until: null,
          input: Buffer.from('x'),
          result: null,
        })
        .execute(),
    )
    const [leased] = await store.leaseTasks(bench.clock.now(), 1, [])
    expect(Buffer.from(leased?.done ?? [])).toEqual(Buffer.from(effect?.result ?? []))
  })

  it('believes no lease that was written before the clock stepped back', async () => {
    await bench.put(waits)
    await bench.start('waits')
    const store = new RunStore(bench.database, { owner: 'me', ms: 1000 })
    await database.write((tx) =>
      tx
        .updateTable('playbook_run')
        .set({ lease_owner: 'ghost', lease_until: bench.clock.now() + 3_600_000 })
        .execute(),
    )
    expect(await store.claim(bench.clock.now(), 1)).toHaveLength(1)
  })

  it('goes on with every run that its last process left in the middle', async () => {
    await bench.put(`${head('many')}steps:
  - id: first
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/first', body: {}}
  - id: second
    action: http.request
    with: {method: POST, url: 'http://${bench.far.address}/second', body: {}}
`)
    const count = 100
    const runIds = await Promise.all(Array.from({ length: count }, () => bench.start('many')))
    const store = new RunStore(bench.database, { owner: 'dead', ms: 30_000 })
    // A process that claimed some, and began attempts of others, and is no more.
    await bench.playbooks.start()
    await bench.farAsked(20)
    await bench.playbooks.stop()
    await store.claim(bench.clock.now(), 30)
    await store.leaseTasks(bench.clock.now(), 30, [])
    const next = bench.another()
    await next.start()
    for (const runId of runIds) expect((await bench.until(runId)).status).toBe('succeeded')
    expect(bench.far.keys('/first').size).toBe(count)
    expect(bench.far.keys('/second').size).toBe(count)
    expect(await database.read.selectFrom('playbook_task').select('id').execute()).toEqual([])
    expect(await database.read.selectFrom('playbook_signal').select('id').execute()).toEqual([])
  })
})
