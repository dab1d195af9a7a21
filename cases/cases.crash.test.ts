import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createMetrics, type Database, migrate, openDatabase, systemClock } from '../platform/index.ts'
import { type TestDatabase, testDatabases } from '../test/support/databases.ts'
import { createCases } from './cases.ts'
import { caseMigrations } from './migrations.ts'
import { aContext, account } from './testing/builders.ts'
import { CRASH_HOSTS, FINDINGS } from './testing/crash-stream.ts'

const CHILD = fileURLToPath(new URL('./testing/crash-child.ts', import.meta.url))
const KILLS = 12

/** Starts the child at a finding and kills it after some acknowledgements, amid its next work.
 * @returns how far it said it was, or `FINDINGS` when it came to its end */
function runUntilKilled(target: string, from: number, acksBeforeKill: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, target, `${from}`, '7'])
    let acknowledged = from
    let acks = 0
    let complaint = ''
    let rest = ''
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        acknowledged = Number(line)
        acks += 1
      }
      if (acks >= acksBeforeKill) child.kill('SIGKILL')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8')
    })
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(FINDINGS)
      else if (signal === 'SIGKILL') resolve(acknowledged)
      else reject(new Error(`child left with ${code}: ${complaint}`))
    })
  })
}

async function openTarget(kind: TestDatabase): Promise<{ database: Database; target: string; drop(): Promise<void> }> {
  if (kind.name !== 'SQLite') {
    const opened = await kind.open()
    return { ...opened, target: opened.url ?? '' }
  }
  const dir = await mkdtemp(join(tmpdir(), 'rampart-crash-'))
  const target = join(dir, 'rampart.db')
  const database = openDatabase({ file: target })
  return {
    database,
    target,
    async drop() {
      await database.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

describe.each(testDatabases())('on $name', (kind) => {
  it(`counts stay right when the process is killed ${KILLS} times between taking and acknowledging`, {
    timeout: 120_000,
  }, async () => {
    const { database, target, drop } = await openTarget(kind)
    try {
      await migrate(database, caseMigrations, systemClock)
      let at = 0
      for (let kill = 0; kill < KILLS && at < FINDINGS; kill++) {
        const acknowledged = await runUntilKilled(target, at, 3 + ((kill * 7) % 25))
        // Nothing acknowledged is taken again for certain; what follows a checkpoint that lags is.
        at = Math.max(0, acknowledged - 20)
      }
      expect(await runUntilKilled(target, at, Number.POSITIVE_INFINITY)).toBe(FINDINGS)

      const cases = createCases({ database, clock: systemClock, metrics: createMetrics() })
      const { items } = await cases.listAlerts(aContext(), 'default', {})
      expect(items.map((alert) => alert.entities.hosts?.[0]).sort()).toEqual(['h0', 'h1', 'h2', 'h3', 'h4'])
      for (const alert of items) {
        const turn = Number(alert.entities.hosts?.[0]?.slice(1))
        expect(alert.count).toBe(FINDINGS / CRASH_HOSTS)
        expect(alert.events[0]).toBe(`logs/0/${turn}`)
        expect(alert.events.at(-1)).toBe(`logs/0/${FINDINGS - CRASH_HOSTS + turn}`)
        const host = { kind: 'hosts', value: `h${turn}` }
        const { parts } = await cases.entities.explainRisk({ account, workspace: 'default' }, host, 10)
        expect(parts).toMatchObject([{ alertId: alert.id, findings: FINDINGS / CRASH_HOSTS }])
      }
    } finally {
      await drop()
    }
  })
})
