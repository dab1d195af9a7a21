import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { CANARY_FINDINGS_KEPT } from '../limits.ts'
import { ruleMigrations } from '../migrations.ts'
import type { Finding } from '../online/finding.ts'
import { createRules, type Rules } from '../rules.ts'
import { account, ruleText, START } from '../testing/builders.ts'
import { createRuleHealth, type RuleHealthKeeper } from './health.ts'
import type { DetectorTallies } from './store.ts'

const DAY = 86_400_000
const place = { account, workspace: 'default' }
const none = { matches: 0, timed: { ns: 0, tests: 0 }, excluded: {} }

for (const { name, open } of testDatabases()) {
  describe(`the health of rules (${name})`, () => {
    let rules: Rules
    let health: RuleHealthKeeper
    let pending: DetectorTallies
    let now: number
    let drop: () => Promise<void>

    beforeEach(async () => {
      const opened = await open()
      drop = opened.drop
      now = START
      const clock = { now: () => now }
      pending = { rules: [], sources: [], heldBack: [] }
      await migrate(opened.database, ruleMigrations, clock)
      rules = createRules({ database: opened.database, clock, apply: async () => {} })
      health = createRuleHealth({
        ...{ database: opened.database, clock, rules },
        pull: async () => {
          const taken = pending
          pending = { rules: [], sources: [], heldBack: [] }
          return taken
        },
      })
      for (const id of ['busy', 'quiet', 'slow', 'young']) {
        if (id === 'young') now += 40 * DAY
        await rules.put(place, id, ruleText(id, '{s: {a: 1}, condition: s}'), { author: 'ann' })
      }
    })
    afterEach(() => drop())

    const did = (ruleId: string, what: Partial<DetectorTallies['rules'][number]>) => ({
      ...place,
      ruleId,
      ...none,
      ...what,
    })
    const problemsOf = async (days: number) =>
      Object.fromEntries((await health.report(place, days)).rules.map(({ ruleId, problems }) => [ruleId, problems]))

    test('adds up what the detectors tell, and names what is wrong', async () => {
      pending = {
        rules: [did('busy', { matches: 20_000 }), did('slow', { matches: 3, timed: { ns: 9_000_000, tests: 50 } })],
        sources: [{ ...place, logsource: { product: 'test' }, events: 50_000 }],
        heldBack: [{ ...place, ruleId: 'busy', count: 4 }],
      }
      await health.collect()
      pending = {
        rules: [did('busy', { matches: 20_000, timed: { ns: 1_000_000, tests: 50 } })],
        sources: [{ ...place, logsource: { product: 'test' }, events: 50_000 }],
        heldBack: [{ ...place, ruleId: 'busy', count: 6 }],
      }
      const { events, rules: told } = await health.report(place, 30)
      expect(events).toBe(100_000)
      expect(told.find(({ ruleId }) => ruleId === 'busy')).toMatchObject({
        ...{ matches: 40_000, heldBack: 10, timeShare: 0.1, state: 'enabled', revision: 1 },
        estimatedMs: 1_009,
      })
      expect(await problemsOf(30)).toEqual({
        busy: ['too_much', 'throttled'],
        quiet: ['never_fired'],
        slow: ['costly'],
        // Too new to say so.
        young: [],
      })
      // What is past is past.
      now += 31 * DAY
      expect(await problemsOf(30)).toMatchObject({ busy: ['never_fired'], young: ['never_fired'] })
    })

    test('counts what exclusions leave out, and calls those stale that nothing needs', async () => {
      const filter = 'title: f\nlogsource: {product: test}\nfilter: {rules: any, s: {b: 1}, condition: s}'
      const row = { ruleId: 'busy', text: filter, owner: 'ann', reason: 'known' }
      for (const exclusion of ['used', 'unused'])
        await rules.putExclusion(place, { ...row, name: exclusion }, undefined)
      await rules.putExclusion(place, { ...row, name: 'over', untilAt: now + DAY }, undefined)
      const excluded = { used: { count: 3, lastAt: now + 80 * DAY }, gone: { count: 1, lastAt: now } }
      pending = { rules: [did('busy', { excluded })], sources: [], heldBack: [] }
      await health.collect()
      const earlier = { used: { count: 2, lastAt: now } }
      pending = { rules: [did('busy', { excluded: earlier })], sources: [], heldBack: [] }
      await health.collect()
      expect(await rules.getExclusion(place, 'busy', 'used')).toMatchObject({ hits: 5, lastHitAt: now + 80 * DAY })
      expect((await health.report(place, 30)).staleExclusions).toEqual([])
      now += 91 * DAY
      expect((await health.report(place, 30)).staleExclusions.map((stale) => stale.name)).toEqual(['over', 'unused'])
    })

    test('keeps the newest findings of a canary and the count of all, each once', async () => {
      const findings = Array.from({ length: CANARY_FINDINGS_KEPT + 20 }, (_, i) => ({
        ...({
          id: `f${i}`,
          ...place,
          kind: 'rule',
          time: START + i,
          recordIds: [`r${i}`],
          entities: { users: ['ann'] },
        } as const),
        rule: { id: 'busy', title: 'busy', severity: 'high', techniques: [], tactics: [] } as const,
        canary: true as const,
      })) satisfies readonly Finding[]
      await health.takeCanaryFindings(findings)
      await health.takeCanaryFindings(findings.slice(5))
      const { rules: told } = await health.report(place, 30)
      expect(told.find(({ ruleId }) => ruleId === 'busy')?.canaryFindings).toBe(findings.length)
      await health.prune()
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await health.listCanaryFindings(place, 'busy', { limit: 300, ...(cursor ? { cursor } : {}) })
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(seen).toEqual(
        findings
          .slice(20)
          .map(({ id }) => id)
          .reverse(),
      )
    })
  })
}
