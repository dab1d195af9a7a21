import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createParser } from '../../collectors/index.ts'
import { openDuckDbStore } from '../../pipeline/engines/duckdb/store.ts'
import { createJobs, createMetrics, jobMigrations, migrate, openDatabase, systemClock } from '../../platform/index.ts'
import { eventually } from '../../test/support/eventually.ts'
import { ruleMigrations } from '../migrations.ts'
import { createRules } from '../rules.ts'
import { account, ruleText, shard } from '../testing/builders.ts'
import { type BacktestThread, createBacktests } from './backtests.ts'
import { serveBacktest } from './serve.ts'

const silent = {
  info() {},
  warn() {},
  error() {},
  debug() {},
  trace() {},
  fatal() {},
  child: () => silent,
  level: 'silent',
}

test('a back-test shows how far it is, and ends when it is cancelled, with nothing left open', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-backtests-'))
  const database = openDatabase({ file: join(dir, 'rampart.db') })
  const store = await openDuckDbStore({ dir: join(dir, 'events'), clock: systemClock, limits: { scansMax: 1 } })
  const jobs = createJobs({ database, clock: systemClock, log: silent as never, metrics: createMetrics() })
  try {
    await migrate(database, [...jobMigrations, ...ruleMigrations], systemClock)
    const parser = createParser()
    const now = systemClock.now()
    const records = Array.from({ length: 9_000 }, (_, offset) => ({
      ...({ offset, receivedAt: now - 10_000 + offset, source: 'test', format: 'json', headers: {} } as const),
      payload: Buffer.from(JSON.stringify({ outcome: 'failed', hostname: `h${offset % 3}` })),
    }))
    await store.append({ shard, events: records.map((record) => parser.parse(record)), nextOffset: records.length })

    let open = 0
    const gate = Promise.withResolvers<void>()
    /** In this thread, and held at its second batch until the gate opens. */
    const startThread = async (): Promise<BacktestThread> => {
      const handlers = serveBacktest({ parser, terms: { keyOf: ({ rule }) => rule.id, windowMs: 86_400_000 } })
      const call = async (name: string, input: unknown) => handlers[name]?.(input) as never
      let batches = 0
      open++
      return {
        begin: (plan) => call('backtest.begin', plan),
        async take(batch) {
          batches++
          if (batches === 2) await gate.promise
          return call('backtest.take', batch)
        },
        result: () => call('backtest.result', undefined),
        stop: async () => void open--,
      }
    }
    const rules = createRules({ database, clock: systemClock, apply: async () => {} })
    const backtests = createBacktests({ jobs, rules, store, clock: systemClock, startThread })
    await jobs.start()
    const request = {
      ...{ workspace: 'default', from: now - 86_400_000, to: now + 1_000 },
      what: {
        kind: 'text',
        text: ruleText('failed', '{s: {outcome: failed}, condition: s}').replace(
          'product: test',
          'category: application',
        ),
      },
    } as const

    const held = await backtests.start(account, request)
    const note = await eventually('some progress', async () => (await jobs.get(account, held.id)).note)
    expect(note).toMatch(/^\d+ of 9000 events, \d+ findings$/)
    await jobs.cancel(account, held.id)
    gate.resolve()
    await eventually('the end', async () => (await jobs.get(account, held.id)).state === 'cancelled')
    expect(open).toBe(0)

    const whole = await backtests.start(account, request)
    const { output } = await eventually('a result', async () => {
      const job = await jobs.get(account, whole.id)
      return job.state === 'succeeded' && job
    })
    expect(output).toMatchObject({ events: 9_000, rules: [{ id: 'failed', matches: 9_000, alerts: 1 }] })
    expect(open).toBe(0)
    await expect(backtests.start(account, { ...request, what: { kind: 'rule', id: 'nowhere' } })).rejects.toMatchObject(
      { code: 'detection.rule.notFound' },
    )
  } finally {
    await jobs.stop()
    await store.close()
    await database.close()
    rmSync(dir, { recursive: true, force: true })
  }
})
