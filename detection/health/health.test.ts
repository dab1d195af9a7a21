import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, migrate } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { CANARY_FINDINGS_KEPT } from '../limits.ts'
import { ruleMigrations } from '../migrations.ts'
import type { Finding } from '../online/finding.ts'
import type { DayTally, RuleTally } from '../online/shard-tally.ts'
import { createRules, type Rules } from '../rules.ts'
import { account, ruleText, START, shard } from '../testing/builders.ts'
import { createRuleHealth, type RuleHealthKeeper } from './health.ts'
import type { RuleOutcome } from './judge.ts'
import type { DetectorTallies } from './store.ts'

const DAY = 86_400_000
const place = { account, workspace: 'default' }
const nothing: DetectorTallies = { days: [], costs: [] }
/** The day in which rules were put that are not `young`, and the one they are asked about in. */
const firstDay = Math.floor(START / DAY)
const day = firstDay + 40

/** What a shard tells that it did up to now in a day. */
function tell(
  rules: Readonly<Record<string, Partial<RuleTally>>>,
  events = 0,
  of: Partial<DayTally> = {},
): DetectorTallies {
  const full = Object.entries(rules).map(
    ([id, some]) => [id, { matches: 0, heldBack: 0, excluded: {}, ...some }] as const,
  )
  const sources = events === 0 ? [] : [{ logsource: { product: 'test' }, events }]
  return { days: [{ shard, since: 0, day: firstDay, rules: Object.fromEntries(full), sources, ...of }], costs: [] }
}

for (const { name, open } of testDatabases()) {
  describe(`the health of rules (${name})`, () => {
    let database: Database
    let rules: Rules
    let health: RuleHealthKeeper
    let pending: DetectorTallies
    let outcomes: readonly RuleOutcome[]
    let now: number
    let drop: () => Promise<void>

    beforeEach(async () => {
      const opened = await open()
      ;({ database, drop } = opened)
      now = START
      const clock = { now: () => now }
      pending = nothing
      outcomes = []
      await migrate(database, ruleMigrations, clock)
      rules = createRules({ database: database, clock, apply: async () => {} })
      health = createRuleHealth({
        ...{ database: database, clock, rules },
        outcomes: async () => outcomes,
        pull: async () => {
          const taken = pending
          pending = nothing
          return taken
        },
      })
      for (const id of ['busy', 'quiet', 'slow', 'young']) {
        if (id === 'young') now += 40 * DAY
        await rules.put(place, id, ruleText(id, '{s: {a: 1}, condition: s}'), { author: 'ann' })
      }
    })
    afterEach(() => drop())

    const problemsOf = async (days: number) =>
      Object.fromEntries((await health.report(place, days)).rules.map(({ ruleId, problems }) => [ruleId, problems]))

    test('adds up what the detectors tell, and names what is wrong', async () => {
      const spent = (ruleId: string, ns: number) => ({ ...place, ruleId, ns, tests: 50 })
      pending = {
        ...tell({ busy: { matches: 20_000, heldBack: 4 }, slow: { matches: 3 } }, 50_000, { day }),
        costs: [spent('slow', 9_000_000)],
      }
      await health.collect()
      pending = {
        ...tell({ busy: { matches: 40_000, heldBack: 10 }, slow: { matches: 3 } }, 100_000, { day }),
        costs: [spent('busy', 1_000_000)],
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

    test('counts once what is told twice, and again what a crash and a replay tell anew', async () => {
      const sumOf = async () => {
        const { events, rules: all } = await health.report(place, 30)
        return { events, matches: all.find(({ ruleId }) => ruleId === 'busy')?.matches }
      }
      pending = tell({ busy: { matches: 10 } }, 100, { day })
      expect(await sumOf()).toEqual({ events: 100, matches: 10 })
      pending = tell({ busy: { matches: 10 } }, 100, { day })
      expect(await sumOf()).toEqual({ events: 100, matches: 10 })
      // Begun again from an older checkpoint, on the way to where it was.
      pending = tell({ busy: { matches: 4 } }, 30, { day })
      await health.collect()
      pending = tell({ busy: { matches: 12 } }, 120, { day })
      expect(await sumOf()).toEqual({ events: 120, matches: 12 })
      // Another shard, and the same one after its state was lost, are counted beside it.
      pending = tell({ busy: { matches: 1 } }, 7, { day, shard: { ...shard, shard: 1 } })
      await health.collect()
      pending = tell({ busy: { matches: 2 } }, 3, { day, since: 500 })
      expect(await sumOf()).toEqual({ events: 130, matches: 15 })
    })

    test('says what to do about each problem', async () => {
      await rules.run(place, 'young', { state: 'canary' }, { author: 'ann' })
      outcomes = [
        { ruleId: 'busy', alerts: 1_200, closedAlerts: 40, falsePositives: 38 },
        { ruleId: 'slow', alerts: 3, closedAlerts: 3, falsePositives: 3 },
      ]
      pending = tell({ busy: { matches: 50_000 }, slow: { matches: 3 } }, 60_000, { day })
      const told = await health.report(place, 30)
      const adviceOf = (id: string) => told.rules.find(({ ruleId }) => ruleId === id)?.advice.join(' ')
      expect(await problemsOf(30)).toMatchObject({
        busy: ['false_positives', 'too_much'],
        slow: [],
        quiet: ['never_fired'],
      })
      expect(adviceOf('busy')).toBe(
        '40 alerts a day, 95 % of those closed were false positives: add an exclusion (`rampart rules exclusions add busy NAME --where FIELD=VALUE`) or narrow its condition',
      )
      // Three alerts are too few to judge a rule by.
      expect(adviceOf('slow')).toBe('')
      expect(adviceOf('quiet')).toContain('its events come, and none matched in 30 days')
      expect(adviceOf('young')).toContain('a canary that found nothing in 30 days')
    })

    test('says which log source a rule that never fired waits for', async () => {
      await rules.put(
        place,
        'proxy',
        ruleText('proxy', '{s: {a: 1}, condition: s}').replace('product: test', 'category: proxy'),
        {
          author: 'ann',
        },
      )
      now += 31 * DAY
      pending = tell({}, 5, { day: day + 31 })
      const proxy = (await health.report(place, 30)).rules.find(({ ruleId }) => ruleId === 'proxy')
      expect(proxy?.advice).toEqual(['no event of /proxy came in 30 days: collect it, or disable the rule'])
    })

    test('writes down later what could not be written down at once', async () => {
      const rename = (from: string, to: string) =>
        database.as<Record<string, never>>().write((tx) => tx.schema.alterTable(from).renameTo(to).execute())
      pending = tell({ busy: { matches: 3 } }, 10, { day })
      await rename('detection_tally_mark', 'away')
      await expect(health.collect()).rejects.toThrow()
      pending = tell({ busy: { matches: 5 } }, 12, { day, shard: { ...shard, shard: 1 } })
      await rename('away', 'detection_tally_mark')
      expect(await health.report(place, 30)).toMatchObject({ events: 22 })
    })

    test('counts what exclusions leave out, and calls those stale that nothing needs', async () => {
      const filter = 'title: f\nlogsource: {product: test}\nfilter: {rules: any, s: {b: 1}, condition: s}'
      const row = { ruleId: 'busy', text: filter, owner: 'ann', reason: 'known' }
      for (const exclusion of ['used', 'unused'])
        await rules.putExclusion(place, { ...row, name: exclusion }, undefined)
      await rules.putExclusion(place, { ...row, name: 'over', untilAt: now + DAY }, undefined)
      const excluded = { used: { count: 3, lastAt: now + 80 * DAY }, gone: { count: 1, lastAt: now } }
      pending = tell({ busy: { excluded } }, 0, { day })
      await health.collect()
      const earlier = { used: { count: 2, lastAt: now } }
      pending = tell({ busy: { excluded: earlier } }, 0, { day, shard: { ...shard, shard: 1 } })
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
