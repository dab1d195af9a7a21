import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { parseAccountId } from '../base/arn.ts'
import { systemClock } from '../base/clock.ts'
import type { Database, Migration } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { jobMigrations } from './migrations.ts'
import { createJobStore } from './store.ts'

const account = parseAccountId('000000000001')
const JOB_COUNT = 25
const PARTS = 3
const KILLS = 10

interface Tables {
  effect: { account: string; job: string; part: number; count: number }
}

const effectMigration: Migration = {
  name: 'test/0001-effect',
  up: async (db) => {
    await db.schema
      .createTable('effect')
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('job', 'text', (column) => column.notNull())
      .addColumn('part', 'integer', (column) => column.notNull())
      .addColumn('count', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('effect_pk', ['account', 'job', 'part'])
      .execute()
  },
}

/** A process that works on the jobs, saying a word at each step so that the test can kill it anywhere. */
const worker = (options: object): string => `
  const p = await import(${JSON.stringify(fileURLToPath(new URL('../index.ts', import.meta.url)))})
  const database = p.openDatabase(${JSON.stringify(options)})
  const log = p.createLog({ clock: p.systemClock, stream: process.stderr, level: 'silent' })
  const jobs = p.createJobs({ database, clock: p.systemClock, log, metrics: p.createMetrics() })
  jobs.define('test.parts', (input) => input, async (_, context) => {
    for (let part = 0; part < ${PARTS}; part++) {
      console.log('before')
      await context.write(async (tx) => {
        const done = await tx.selectFrom('effect').selectAll().where('job', '=', context.id).where('part', '=', part).execute()
        if (done.length === 0) await tx.insertInto('effect').values({ account: context.account, job: context.id, part, count: 1 }).execute()
      })
      console.log('after')
    }
  }, { leaseMs: 300, attemptsMax: 100, retryMsMin: 1 })
  await jobs.start()`

describe.each(testDatabases())('jobs on $name, their processes killed at any moment', (kind: TestDatabase) => {
  let database: Database<Tables>
  let options: object
  let drop: () => Promise<void>
  let children: ChildProcess[]
  let done: boolean

  beforeEach(async () => {
    const opened = await kind.open()
    database = opened.database.as<Tables>()
    options = opened.url ? { url: opened.url } : { file: opened.file }
    drop = opened.drop
    children = []
    done = false
    await migrate(opened.database, [...jobMigrations, effectMigration], systemClock)
  })
  afterEach(async () => {
    done = true
    for (const child of children) child.kill('SIGKILL')
    await drop()
  })

  it('are all done, each part once', { timeout: 90_000 }, async () => {
    const store = createJobStore(database.as())
    for (let index = 0; index < JOB_COUNT; index++) {
      const id = `job-${String(index).padStart(3, '0')}`
      await store.put({ account, id, kind: 'test.parts', key: undefined, input: 'null' })
    }
    let kills = 0
    const startWorker = () => {
      const child = spawn(process.execPath, [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        worker(options),
      ])
      children.push(child)
      let wordsLeft = kills < KILLS ? randomInt(1, 12) : Number.POSITIVE_INFINITY
      createInterface(child.stdout!).on('line', () => {
        wordsLeft -= 1
        if (wordsLeft !== 0) return
        kills += 1
        child.kill('SIGKILL')
      })
      child.on('exit', () => {
        if (!done) startWorker()
      })
    }
    startWorker()
    startWorker()
    await vi.waitFor(
      async () => {
        const { queued, running } = await store.countOpen()
        // The one that is left is the periodic job of every process.
        expect(queued + running).toBe(1)
      },
      { timeout: 60_000, interval: 50 },
    )
    done = true

    expect(kills).toBeGreaterThan(5)
    const jobs = await store.list(account, { countMax: 100 })
    expect(jobs).toHaveLength(JOB_COUNT)
    expect(jobs.every((job) => job.state === 'succeeded')).toBe(true)
    expect(jobs.some((job) => job.attempts > 1)).toBe(true)
    const effects = await database.read.selectFrom('effect').selectAll().execute()
    expect(effects).toHaveLength(JOB_COUNT * PARTS)
  })
})
