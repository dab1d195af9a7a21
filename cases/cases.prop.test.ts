import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMetrics, migrate } from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { createCases } from './cases.ts'
import { caseMigrations } from './migrations.ts'
import { aClock, aContext, aFinding, HOUR, START } from './testing/builders.ts'
import { type IncomingFinding, severities } from './types.ts'

const HOSTS = ['h0', 'h1', 'h2']
const RULES = ['r0', 'r1']

/** Findings of a few keys within one day, ids unique. */
const findings = fc
  .array(
    fc.record({
      rule: fc.constantFrom(...RULES),
      host: fc.constantFrom(...HOSTS),
      time: fc.integer({ min: START, max: START + 24 * HOUR }),
      severity: fc.constantFrom(...severities),
      users: fc.subarray(['ann', 'bob', 'eve']),
      techniques: fc.subarray(['T1078', 'T1110', 'T1059']),
      records: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 3 }),
    }),
    { maxLength: 40 },
  )
  .map((parts) =>
    parts.map((part, index) =>
      aFinding(`f${index}`, {
        time: part.time,
        recordIds: part.records.map((record) => `logs/0/${record}`),
        entities: { hosts: [part.host], users: part.users, ips: [] },
        rule: { id: part.rule, severity: part.severity, techniques: part.techniques },
      }),
    ),
  )

/** How they come: with repeats, in any order, in batches, through either of two processors at once. */
const deliveries = findings.chain((all) =>
  fc.record({
    all: fc.constant(all),
    batches: fc
      .shuffledSubarray([...all, ...all], { minLength: 2 * all.length })
      .chain((order) => fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 }).map((sizes) => cutUp(order, sizes))),
    atOnce: fc.boolean(),
  }),
)

function cutUp(order: readonly IncomingFinding[], sizes: readonly number[]): IncomingFinding[][] {
  const batches: IncomingFinding[][] = []
  for (let start = 0, turn = 0; start < order.length; turn++) {
    const size = sizes[turn % sizes.length]!
    batches.push(order.slice(start, start + size))
    start += size
  }
  return batches
}

/** What the alerts must be, found without any order: each rule and host by itself. */
function model(all: readonly IncomingFinding[]) {
  const alerts = []
  for (const rule of RULES) {
    for (const host of HOSTS) {
      const own = all.filter((finding) => finding.rule.id === rule && finding.entities.hosts?.[0] === host)
      if (own.length === 0) continue
      const times = own.map((finding) => finding.time)
      alerts.push({
        ruleId: rule,
        host,
        count: own.length,
        severity: severities[Math.max(...own.map((finding) => severities.indexOf(finding.rule.severity)))],
        firstSeen: Math.min(...times),
        lastSeen: Math.max(...times),
        users: sortedUnion(own.map((finding) => finding.entities.users ?? [])),
        techniques: sortedUnion(own.map((finding) => finding.rule.techniques)),
        events: new Set(own.flatMap((finding) => finding.recordIds)),
      })
    }
  }
  return alerts
}

function sortedUnion(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort()
}

describe.each(testDatabases())('alerts on $name', (kind) => {
  it('are the same however the findings come', { timeout: 120_000 }, async () => {
    const opened = await kind.open()
    try {
      await migrate(opened.database, caseMigrations, aClock())
      const processors = [0, 1].map(() =>
        createCases({ database: opened.database, clock: aClock(), metrics: createMetrics() }),
      )
      let run = 0
      await fc.assert(
        fc.asyncProperty(deliveries, async ({ all, batches, atOnce }) => {
          const workspace = `w${run++}`
          const within = (batch: IncomingFinding[]) =>
            batch.map((finding) => ({ ...finding, workspace, id: `${workspace}/${finding.id}` }))
          const take = (batch: IncomingFinding[], index: number) => processors[index % 2]!.takeFindings(within(batch))
          if (atOnce) await Promise.all(batches.map(take))
          else for (const [index, batch] of batches.entries()) await take(batch, index)

          const { items } = await processors[0]!.listAlerts(aContext(), workspace, { limit: 500 })
          const got = items.map((alert) => ({
            ruleId: alert.ruleId,
            host: alert.entities.hosts?.[0],
            count: alert.count,
            severity: alert.severity,
            firstSeen: Date.parse(alert.firstSeen),
            lastSeen: Date.parse(alert.lastSeen),
            users: alert.entities.users,
            techniques: alert.techniques,
            events: new Set(alert.events),
          }))
          const byName = (a: { ruleId: string }, b: { ruleId: string }) => (name(a) < name(b) ? -1 : 1)
          const name = (alert: { ruleId: string; host?: string | undefined }) => `${alert.ruleId} ${alert.host}`
          expect(got.sort(byName)).toEqual(model(all).sort(byName))

          // Of each alert the last change tells what it became, and none is told twice at one revision.
          const changes = (await processors[0]!.alertChanges.take(10_000)).filter(
            (change) => change.workspace === workspace,
          )
          expect(new Set(changes.map((change) => `${change.alert.id} ${change.change} ${change.revision}`)).size).toBe(
            changes.length,
          )
          for (const alert of items) {
            const own = changes.filter((change) => change.alert.id === alert.id)
            expect(own.filter((change) => change.change === 'created')).toHaveLength(1)
            const last = own.reduce((a, b) => (a.revision >= b.revision ? a : b))
            expect(last.alert).toMatchObject({ count: alert.count, severity: alert.severity, events: alert.events })
          }
          await processors[0]!.alertChanges.done(changes.map((change) => change.id))
        }),
        { numRuns: 60 },
      )
    } finally {
      await opened.drop()
    }
  })
})
