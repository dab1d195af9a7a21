import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { parseAccountId } from '../base/arn.ts'
import { systemClock } from '../base/clock.ts'
import { defineErrors } from '../base/errors.ts'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { createLog } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { jobMigrations } from './migrations.ts'
import { createJobStore, type TakeTerms } from './store.ts'
import type { Job } from './types.ts'

const account = parseAccountId('000000000001')
const other = parseAccountId('000000000002')
const asIs = (input: unknown) => input
const testError = defineErrors({ 'test.input.bad': { status: 422, title: 'Bad' } })

/** A promise that the test settles, for a handler to wait at. */
const gate = () => Promise.withResolvers<void>()

/** Resolves when the handler is asked to stop, as a handler that heeds its signal does: by throwing. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

describe.each(testDatabases())('jobs on $name', (kind: TestDatabase) => {
  let database: Database
  let options: { url?: string; file?: string }
  let drop: () => Promise<void>
  let started: Jobs[]
  let children: ChildProcess[]

  beforeEach(async () => {
    started = []
    children = []
    const opened = await kind.open()
    ;({ database, drop } = opened)
    options = opened.url ? { url: opened.url } : { file: opened.file ?? '' }
    await migrate(database, jobMigrations, systemClock)
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(started.map((jobs) => jobs.stop()))
    await drop()
  })

  /** One process' jobs. */
  function aProcess(metrics: Metrics = createMetrics()): Jobs {
    const log = createLog({ clock: systemClock, stream: new PassThrough(), level: 'silent' })
    const jobs = createJobs({ database, clock: systemClock, log, metrics })
    started.push(jobs)
    return jobs
  }

  const settled = (jobs: Jobs, id: string): Promise<Job> =>
    vi.waitFor(
      async () => {
        const job = await jobs.get(account, id)
        expect(job.endedAt).toBeDefined()
        return job
      },
      { timeout: 20_000, interval: 10 },
    )

  it('run what was queued before they started and after, and keep the output', async () => {
    const jobs = aProcess()
    jobs.define(
      'test.double',
      (input) => Number((input as { n: number }).n),
      async (n) => ({ twice: n * 2 }),
    )
    const early = await jobs.enqueue(account, 'test.double', { n: 1 })
    expect(early).toMatchObject({ state: 'queued', progress: 0, attempts: 0 })
    await jobs.start()
    const late = await jobs.enqueue(account, 'test.double', { n: 2 })
    expect(await settled(jobs, early.id)).toMatchObject({ state: 'succeeded', output: { twice: 2 }, progress: 100 })
    expect(await settled(jobs, late.id)).toMatchObject({ state: 'succeeded', output: { twice: 4 }, attempts: 1 })
  })

  it('tell how far they are while they run', async () => {
    const jobs = aProcess()
    const finish = gate()
    jobs.define('test.slow', asIs, async (_, { progress }) => {
      progress(41.9, 'two of five')
      await finish.promise
    })
    await jobs.start()
    const { id } = await jobs.enqueue(account, 'test.slow', null)
    await vi.waitFor(async () => expect((await jobs.get(account, id)).progress).toBe(41), { timeout: 20_000 })
    expect(await jobs.get(account, id)).toMatchObject({ state: 'running', note: 'two of five' })
    finish.resolve()
    expect(await settled(jobs, id)).toMatchObject({ state: 'succeeded' })
  })

  it('queued under one key are one job', async () => {
    const jobs = aProcess()
    let runs = 0
    jobs.define('test.once', asIs, async () => ++runs)
    const all = await Promise.all(Array.from({ length: 5 }, () => jobs.enqueue(account, 'test.once', 1, { key: 'k' })))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
    const foreign = await jobs.enqueue(other, 'test.once', 1, { key: 'k' })
    expect(foreign.id).not.toBe(all[0]?.id)
    await jobs.start()
    await settled(jobs, all[0]?.id ?? '')
    expect((await jobs.enqueue(account, 'test.once', 1, { key: 'k' })).state).toBe('succeeded')
  })

  it('that fail are tried again, and then tell why', async () => {
    const jobs = aProcess()
    const attempts: number[] = []
    const retry = { attemptsMax: 3, retryMsMin: 1 }
    jobs.define(
      'test.fails',
      asIs,
      async (_, { attempt }) => {
        attempts.push(attempt)
        throw new Error('postgres://u:hunter2@db is down')
      },
      retry,
    )
    jobs.define(
      'test.recovers',
      asIs,
      async (_, { attempt }) => {
        if (attempt < 3) throw new Error('not yet')
        return 'done'
      },
      retry,
    )
    await jobs.start()
    const fails = await jobs.enqueue(account, 'test.fails', null)
    const recovers = await jobs.enqueue(account, 'test.recovers', null)
    const failed = await settled(jobs, fails.id)
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'platform.job.internal' }, attempts: 3 })
    expect(JSON.stringify(failed)).not.toContain('hunter2')
    expect(attempts).toEqual([1, 2, 3])
    expect(await settled(jobs, recovers.id)).toMatchObject({ state: 'succeeded', output: 'done', attempts: 3 })
    expect((await jobs.get(account, recovers.id)).error).toBeUndefined()
  })

  it('that were given what is wrong are not tried again', async () => {
    const jobs = aProcess()
    jobs.define(
      'test.picky',
      (input) => {
        throw testError('test.input.bad', `no ${String(input)} here`)
      },
      async () => 0,
    )
    await jobs.start()
    const { id } = await jobs.enqueue(account, 'test.picky', 'x')
    const error = { code: 'test.input.bad', message: 'no x here' }
    expect(await settled(jobs, id)).toMatchObject({ state: 'failed', attempts: 1, error })
  })

  it('that take too long are asked to stop', async () => {
    const jobs = aProcess()
    jobs.define('test.long', asIs, (_, { signal }) => untilAborted(signal), {
      timeoutMs: 30,
      attemptsMax: 1,
      leaseMs: 5_000,
    })
    await jobs.start()
    const { id } = await jobs.enqueue(account, 'test.long', null)
    expect(await settled(jobs, id)).toMatchObject({ state: 'failed', error: { code: 'platform.job.timeout' } })
  })

  it('can be cancelled, queued and running', async () => {
    const [jobs, stranger] = [aProcess(), aProcess()]
    const began = gate()
    jobs.define(
      'test.slow',
      asIs,
      (_, { signal }) => {
        began.resolve()
        return untilAborted(signal)
      },
      { leaseMs: 600 },
    )
    const queued = await jobs.enqueue(account, 'test.slow', null)
    expect(await jobs.cancel(account, queued.id)).toMatchObject({ state: 'cancelled' })
    await expect(jobs.cancel(account, queued.id)).rejects.toMatchObject({ code: 'platform.job.ended' })
    await jobs.start()
    const running = await jobs.enqueue(account, 'test.slow', null)
    await began.promise
    // Asked by a process that does not run it.
    expect(await stranger.cancel(account, running.id)).toMatchObject({ state: 'running' })
    expect(await settled(jobs, running.id)).toMatchObject({ state: 'cancelled', attempts: 1 })
  })

  it('are seen by their own account alone', async () => {
    const jobs = aProcess()
    jobs.define('test.x', asIs, async () => 0)
    const { id } = await jobs.enqueue(account, 'test.x', null)
    const none = { code: 'platform.job.notFound' }
    await expect(jobs.get(other, id)).rejects.toMatchObject(none)
    await expect(jobs.cancel(other, id)).rejects.toMatchObject(none)
    expect(await jobs.list(other, { limit: 10 })).toEqual({ items: [] })
    expect((await jobs.get(account, id)).state).toBe('queued')
  })

  it('are listed in pages, newest first, each once, filtered or not', async () => {
    const jobs = aProcess()
    jobs.define('test.x', asIs, async () => 0)
    const ids: string[] = []
    for (let index = 0; index < 7; index++) ids.unshift((await jobs.enqueue(account, 'test.x', index)).id)
    const listAll = async (limit: number, matches?: (job: Job) => boolean) => {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await jobs.list(account, { limit, ...(cursor ? { cursor } : {}), ...(matches ? { matches } : {}) })
        expect(page.items.length).toBeLessThanOrEqual(limit)
        found.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor)
      return found
    }
    for (const limit of [1, 2, 3, 6, 7, 8]) expect(await listAll(limit)).toEqual(ids)
    const wanted = new Set([ids[1], ids[4], ids[6]])
    for (const limit of [1, 2, 3, 4]) expect(await listAll(limit, (job) => wanted.has(job.id))).toEqual([...wanted])
  })

  it('refuse an input over their bound', async () => {
    const jobs = aProcess()
    jobs.define('test.x', asIs, async () => 0)
    const tooLarge = jobs.enqueue(account, 'test.x', 'x'.repeat(256 * 1024))
    await expect(tooLarge).rejects.toMatchObject({ code: 'platform.job.tooLarge' })
  })

  it('run once each, however many processes take them', async () => {
    const runs = new Map<string, number>()
    const processes = [aProcess(), aProcess(), aProcess()]
    for (const jobs of processes) {
      jobs.define('test.count', asIs, async (_, { id }) => void runs.set(id, (runs.get(id) ?? 0) + 1))
    }
    const [first = aProcess()] = processes
    const queued = await Promise.all(Array.from({ length: 60 }, (_, n) => first.enqueue(account, 'test.count', n)))
    await Promise.all(processes.map((jobs) => jobs.start()))
    for (const { id } of queued) expect(await settled(first, id)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect([...runs.values()].every((count) => count === 1)).toBe(true)
    expect(runs.size).toBe(60)
  })

  it('are handed back by a process that stops, and the attempt does not count', async () => {
    const [first, second] = [aProcess(), aProcess()]
    const began = gate()
    first.define('test.move', asIs, (_, { signal }) => {
      began.resolve()
      return untilAborted(signal)
    })
    second.define('test.move', asIs, async () => 'second')
    await first.start()
    const { id } = await first.enqueue(account, 'test.move', null)
    await began.promise
    await first.stop()
    expect(await first.get(account, id)).toMatchObject({ state: 'queued', attempts: 0 })
    await second.start()
    expect(await settled(second, id)).toMatchObject({ state: 'succeeded', output: 'second', attempts: 1 })
  })

  /** A real process that takes jobs of kind `test.dies`, says so, and never ends them. */
  async function aProcessThatHangs(): Promise<ChildProcess> {
    const platform = JSON.stringify(fileURLToPath(new URL('../index.ts', import.meta.url)))
    const source = `
      const p = await import(${platform})
      const database = p.openDatabase(${JSON.stringify(options)})
      const log = p.createLog({ clock: p.systemClock, stream: process.stderr })
      const jobs = p.createJobs({ database, clock: p.systemClock, log, metrics: p.createMetrics() })
      jobs.define('test.dies', (i) => i, () => { console.log('took'); return new Promise(() => {}) }, { leaseMs: 400 })
      await jobs.start()`
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      source,
    ])
    children.push(child)
    await once(child.stdout!, 'data')
    return child
  }

  it('of a process killed with kill -9 are taken over by another', async () => {
    const jobs = aProcess()
    jobs.define('test.dies', asIs, async (_, { attempt }) => attempt, { leaseMs: 400 })
    const { id } = await jobs.enqueue(account, 'test.dies', null)
    const child = await aProcessThatHangs()
    expect(await jobs.get(account, id)).toMatchObject({ state: 'running', attempts: 1 })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await jobs.start()
    expect(await settled(jobs, id)).toMatchObject({ state: 'succeeded', output: 2 })
  })

  it('that kill their process are given up after some times', async () => {
    const jobs = aProcess()
    jobs.define('test.dies', asIs, async () => 0, { leaseMs: 400, attemptsMax: 1 })
    const { id } = await jobs.enqueue(account, 'test.dies', null)
    const child = await aProcessThatHangs()
    child.kill('SIGKILL')
    await once(child, 'exit')
    await jobs.start()
    expect(await settled(jobs, id)).toMatchObject({
      state: 'failed',
      error: { code: 'platform.job.gaveUp' },
      attempts: 1,
    })
  })

  it('write nothing any more once another process has taken them', async () => {
    const jobs = aProcess()
    jobs.define('test.x', asIs, async () => 0)
    const { id } = await jobs.enqueue(account, 'test.x', null)
    const store = createJobStore(database)
    const take = (leaseMs: number) => {
      const terms: TakeTerms = { leaseMs, attemptsMax: 9, everyMs: undefined }
      return store.take(new Map([['test.x', terms]]), 'test', 1)
    }
    const [sleeper] = await take(1)
    const [taker] = await vi.waitFor(async () => {
      const taken = await take(60_000)
      expect(taken).toHaveLength(1)
      return taken
    })
    if (!sleeper || !taker) throw new Error('not taken')
    expect(await store.renew(sleeper, { percent: 1, note: undefined, leaseMs: 60_000 })).toBe('lost')
    expect(await store.end(sleeper, { state: 'failed' })).toBe(false)
    expect(await store.requeue(sleeper, { afterMs: 0, attempts: 0 })).toBe(false)
    let wrote = false
    const write = store.fenced(sleeper, async () => {
      wrote = true
    })
    await expect(write).rejects.toMatchObject({ code: 'platform.job.leaseLost' })
    expect(wrote).toBe(false)
    expect(await store.fenced(taker, async () => 'in')).toBe('in')
    expect(await store.end(taker, { state: 'succeeded', output: '"taker"' })).toBe(true)
    expect(await jobs.get(account, id)).toMatchObject({ state: 'succeeded', output: 'taker', attempts: 2 })
  })

  it('that are periodic run once over all processes, and again after their period', async () => {
    let hourly = 0
    let often = 0
    const processes = [aProcess(), aProcess()]
    for (const jobs of processes) {
      jobs.define('test.hourly', asIs, async () => ++hourly, { everyMs: 3_600_000 })
      jobs.define(
        'test.often',
        asIs,
        async () => {
          often += 1
          if (often === 2) throw new Error('once in a while')
        },
        { everyMs: 1, attemptsMax: 1 },
      )
    }
    await Promise.all(processes.map((jobs) => jobs.start()))
    await vi.waitFor(() => expect(often).toBeGreaterThan(4), { timeout: 20_000 })
    await vi.waitFor(() => expect(hourly).toBe(1), { timeout: 20_000 })
    const [again] = [aProcess()]
    again.define('test.hourly', asIs, async () => ++hourly, { everyMs: 3_600_000 })
    again.define('test.marker', asIs, async () => 0)
    await again.start()
    const { id } = await again.enqueue(account, 'test.marker', null)
    await settled(again, id)
    expect(hourly).toBe(1)
  })

  it('are counted', async () => {
    const metrics = createMetrics()
    const jobs = aProcess(metrics)
    jobs.define('test.x', asIs, async () => 0)
    const { id } = await jobs.enqueue(account, 'test.x', null)
    expect((await metrics.scrape()).text).toContain('rampart_platform_jobs_open{state="queued"} 1')
    await jobs.start()
    await settled(jobs, id)
    await jobs.stop()
    expect((await metrics.scrape()).text).toContain(
      'rampart_platform_jobs_settled_total{kind="test.x",outcome="succeeded"} 1',
    )
  })

  it('that ended long ago are deleted, others are not', async () => {
    const jobs = aProcess()
    jobs.define('test.x', asIs, async () => 0)
    const waiting = await jobs.enqueue(account, 'test.x', null)
    const gone = await jobs.enqueue(account, 'test.x', null)
    await jobs.cancel(account, gone.id)
    const store = createJobStore(database)
    expect(await store.prune(3_600_000, 10)).toBe(0)
    expect(await store.prune(-3_600_000, 10)).toBe(1)
    await expect(jobs.get(account, gone.id)).rejects.toMatchObject({ code: 'platform.job.notFound' })
    expect((await jobs.get(account, waiting.id)).state).toBe('queued')
  })
})
