import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics, migrate } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { type Cases, createCases } from '../cases.ts'
import { RISK_CONTRIBUTIONS_KEPT_MAX, RISK_HALF_LIFE_MS } from '../limits.ts'
import { caseMigrations } from '../migrations.ts'
import { aClock, aContext, account, aFinding, START } from '../testing/builders.ts'
import type { Alert, IncomingFinding } from '../types.ts'
import { alertRisk, entityScore, weightOf } from './score.ts'

const place = { account, workspace: 'default' }
const ann = { kind: 'users', value: 'ann' }

/** A finding about ann alone, of a rule of its own. */
function aboutAnn(id: string, rule: Partial<IncomingFinding['rule']> = {}, more: Partial<IncomingFinding> = {}) {
  return aFinding(id, { entities: { users: ['ann'] }, ...more, rule: { id: `rule-${id}`, ...rule } })
}

describe('the risk of an alert', () => {
  it.each([
    ['informational', {}, 'normal', 10],
    ['medium', {}, 'normal', 50],
    ['high', {}, 'low', 52.5],
    ['high', {}, 'high', 93.75],
    ['critical', {}, 'crown_jewel', 100],
    ['high', { rule: { risk: { confidence: 0.5 } } }, 'normal', 37.5],
    ['high', { rule: { risk: { confidence: 0 } } }, 'normal', 18.75],
    ['medium', { indicator: { confidence: 100 } }, 'normal', 65],
    ['medium', { indicator: { confidence: 50 } }, 'high', 71.87],
  ] as const)('%s with %j on a %s entity is %d', (severity, finding, criticality, score) => {
    expect(alertRisk(severity, [aFinding('f', finding)], criticality).score).toBe(score)
  })

  it('takes the largest of each factor, whichever finding comes first', () => {
    const [sure, met] = [
      aFinding('a'),
      aFinding('b', { rule: { risk: { confidence: 0.5 } }, indicator: { confidence: 100 } }),
    ]
    const one = alertRisk('high', [met], 'normal', alertRisk('high', [sure], 'normal'))
    expect(alertRisk('high', [sure], 'normal', alertRisk('high', [met], 'normal'))).toEqual(one)
    expect(one).toEqual({ score: 97.5, base: 75, confidence: 1, intel: 1.3, asset: 1 })
  })
})

describe('the risk of an entity', () => {
  it('comes to a hundred for a hundred again and again, and halves in seven days', () => {
    const weights = Array.from({ length: 1000 }, () => weightOf(100, START))
    expect(entityScore(weights, START)).toBeGreaterThan(97)
    expect(entityScore(weights, START + RISK_HALF_LIFE_MS)).toBeCloseTo(entityScore(weights, START) / 2, 9)
    expect(entityScore([weightOf(95, START)], START)).toBeCloseTo(95 / 2.6124, 9)
  })
})

for (const { name, open } of testDatabases()) {
  describe(`risk over ${name}`, () => {
    let cases: Cases
    let clock: ReturnType<typeof aClock>
    let drop: () => Promise<void>

    beforeEach(async () => {
      const opened = await open()
      drop = opened.drop
      clock = aClock()
      await migrate(opened.database, caseMigrations, clock)
      cases = createCases({ database: opened.database, clock, metrics: createMetrics({ runtime: false }) })
    })
    afterEach(() => drop())

    const riskOf = async (value: string) =>
      (await cases.entities.listEntities(place, { limit: 500 })).items.find((item) => item.value === value)?.risk
    const alerts = async () => (await cases.listAlerts(aContext(), 'default', { limit: 500 })).items
    const riskAlerts = async () => (await alerts()).filter(({ ruleId }) => ruleId === 'rampart.risk')

    it('grows with alerts, says why, and lists the riskiest first', async () => {
      await cases.takeFindings([
        aboutAnn('a', { severity: 'high', tactics: ['execution'] }),
        aboutAnn('b', { severity: 'low' }),
        aFinding('c', { entities: { users: ['bob'] }, rule: { severity: 'critical' } }),
      ])
      const why = await cases.entities.explainRisk(place, ann, 50)
      expect(why).toMatchObject({ type: 'users', value: 'ann', contributions: 2, tactics: ['execution'] })
      expect(why.parts).toMatchObject([
        {
          ruleId: 'rule-a',
          risk: 75,
          base: 75,
          confidence: 1,
          intel: 1,
          asset: 1,
          decayed: 75,
          share: 28.71,
          findings: 1,
        },
        { ruleId: 'rule-b', risk: 25, share: 3.38, recordIds: ['logs/0/b'] },
      ])
      expect(why.parts.reduce((sum, part) => sum + (part.share ?? 0), 0)).toBeCloseTo(why.risk, 1)
      const page = await cases.entities.listEntities(place, { limit: 1 })
      expect(page.items).toMatchObject([{ value: 'bob', risk: 36.37 }])
      const rest = await cases.entities.listEntities(place, { limit: 1, cursor: page.nextCursor ?? '' })
      expect(rest).toMatchObject({ items: [{ value: 'ann', risk: 32.09 }] })
      expect(rest.nextCursor).toBeUndefined()
      clock.at += RISK_HALF_LIFE_MS
      expect(await riskOf('ann')).toBeCloseTo(16.05, 1)
      await expect(cases.entities.explainRisk(place, { kind: 'users', value: 'nobody' }, 5)).rejects.toMatchObject({
        status: 404,
      })
    })

    it('counts a finding once, however often it comes', async () => {
      const findings = [aboutAnn('a'), aboutAnn('b', { risk: { only: true } })]
      await cases.takeFindings(findings)
      const once = await cases.entities.explainRisk(place, ann, 50)
      await cases.takeFindings(findings)
      await cases.takeFindings([...findings].reverse())
      expect(await cases.entities.explainRisk(place, ann, 50)).toEqual(once)
    })

    it('grows with rules that make no alert, and makes one when it crosses, with all that led to it', async () => {
      const quiet = { severity: 'high', risk: { only: true }, tactics: ['discovery'] } as const
      const batch = Array.from({ length: 40 }, (_, i) => aboutAnn(`q${i}`, quiet))
      await cases.takeFindings(batch.slice(0, 10))
      expect(await alerts()).toEqual([])
      await cases.entities.setCriticality(place, ann, 'crown_jewel')
      await cases.takeFindings(batch.slice(10, 20))
      await cases.takeFindings(batch.slice(20))
      const [alert, ...more] = await alerts()
      expect(more).toEqual([])
      expect(alert).toMatchObject({
        ruleId: 'rampart.risk',
        severity: 'high',
        entities: { users: ['ann'] },
        riskOf: { type: 'users', value: 'ann' },
      })
      expect(alert?.riskOf?.score).toBeGreaterThanOrEqual(80)
      expect(alert?.riskOf?.contributions).toHaveLength(40)
      expect(alert?.riskOf?.contributions[0]).toMatchObject({ risk: 100 })
      expect(alert?.title).toContain('Risk of ann: its risk is ')
      // More of the same keys adds findings and no alert.
      const count = alert?.count
      await cases.takeFindings([{ ...aboutAnn('q0', quiet), id: 'again' }])
      expect((await alerts()).map((item) => item.count)).toEqual([count])
    })

    it('makes an alert of three tactics in seven days, not of three in eight', async () => {
      const day = RISK_HALF_LIFE_MS / 7
      const low = (id: string, tactic: string, at: number) =>
        aboutAnn(id, { severity: 'low', tactics: [tactic], risk: { only: true } }, { time: at })
      await cases.takeFindings([low('a', 'discovery', clock.at)])
      clock.at += 7.5 * day
      await cases.takeFindings([low('b', 'execution', clock.at), low('c', 'exfiltration', clock.at)])
      expect(await riskAlerts()).toEqual([])
      await cases.takeFindings([low('d', 'persistence', clock.at)])
      expect(await riskAlerts()).toMatchObject([
        { title: 'Risk of ann: it shows 3 tactics in 7 days', severity: 'high', count: 1 },
      ])
    })

    it('loses a false positive at once, and has it back when that is taken back', async () => {
      await cases.takeFindings([aboutAnn('a', { severity: 'high' }), aboutAnn('b', { severity: 'low' })])
      const alert = (await alerts()).find(({ ruleId }) => ruleId === 'rule-a') as Pick<Alert, 'id'>
      expect(await riskOf('ann')).toBe(32.09)
      const ctx = aContext()
      await cases.updateAlert(ctx, 'default', alert.id, { state: 'in_progress', verdict: 'true_positive' })
      expect(await riskOf('ann')).toBe(32.09)
      await cases.updateAlert(ctx, 'default', alert.id, { verdict: 'false_positive' })
      expect(await riskOf('ann')).toBe(9.57)
      const { parts } = await cases.entities.explainRisk(place, ann, 5)
      expect(parts.map(({ share }) => share)).toEqual([undefined, 9.57])
      await cases.updateAlert(ctx, 'default', alert.id, { verdict: null })
      expect(await riskOf('ann')).toBe(32.09)
      // What it finds while it is judged harmless adds nothing.
      await cases.updateAlert(ctx, 'default', alert.id, { verdict: 'benign' })
      await cases.takeFindings([
        aFinding('a2', { entities: { users: ['ann'] }, rule: { id: 'rule-a', severity: 'high' } }),
      ])
      expect(await riskOf('ann')).toBe(9.57)
    })

    it('is held in bounds whatever an entity is in', async () => {
      const many = Array.from({ length: RISK_CONTRIBUTIONS_KEPT_MAX + 100 }, (_, i) =>
        aboutAnn(`m${i}`, { severity: 'informational', risk: { only: true } }),
      )
      await cases.takeFindings(many)
      const why = await cases.entities.explainRisk(place, ann, 5000)
      expect(why.contributions).toBe(1000)
      expect(why.parts.length).toBeLessThanOrEqual(1000)
      clock.at += 11 * RISK_HALF_LIFE_MS
      await cases.prune()
      expect((await cases.entities.listEntities(place, { limit: 5 })).items).toEqual([])
    })
  })
}
