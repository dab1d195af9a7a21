import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Cases, createCases } from '../../cases/cases.ts'
import { caseMigrations } from '../../cases/migrations.ts'
import { aContext, aFinding } from '../../cases/testing/builders.ts'
import { createMetrics, type Database, migrate } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { indicatorId } from '../indicator-id.ts'
import { createIndicators, type Indicators } from '../indicators.ts'
import { IndicatorIndex } from '../match/indicator-index.ts'
import { intelMigrations } from '../migrations.ts'
import { aClock, account, place, silent } from '../testing/builders.ts'
import { createVerdictCursor } from './store.ts'
import { createVerdicts, type Verdicts } from './verdicts.ts'

describe.each(testDatabases())('a verdict on an alert of an indicator on $name', ({ open }) => {
  const clock = aClock()
  const evil = indicatorId({ type: 'domain', value: 'evil.example' })
  let database: Database
  let cases: Cases
  let indicators: Indicators
  let index: IndicatorIndex
  let verdicts: Verdicts
  let drop: () => Promise<void>

  beforeEach(async () => {
    const opened = await open()
    database = opened.database
    drop = opened.drop
    clock.at = aClock().at
    await migrate(database, [...caseMigrations, ...intelMigrations], clock)
    cases = createCases({ database, clock, metrics: createMetrics() })
    index = new IndicatorIndex()
    indicators = createIndicators({
      ...{ database, clock, log: silent as never },
      publish: async (change) => index.change(structuredClone(change)),
    })
    verdicts = createVerdicts({
      ...{ indicators, clock, log: silent as never },
      list: (after, limit) => cases.listJudged('indicator.', after, limit),
      cursor: createVerdictCursor(database),
      jobs: { define() {} },
    })
    const say = (source: string) => ({
      observable: { type: 'domain', value: 'evil.example' } as const,
      ...({ source, confidence: 80, tlp: 'amber' } as const),
      ...{ validFrom: clock.at, lastSeen: clock.at, saidAt: clock.at },
    })
    await indicators.tell(place, [say('one'), say('two')])
  })
  afterEach(async () => {
    await verdicts.stop()
    await indicators.stop()
    await drop()
  })

  /** An alert of the indicator that this host met. */
  const anAlert = async (host: string): Promise<string> => {
    await cases.takeFindings([
      aFinding(`finding-${host}`, {
        account,
        kind: 'indicator',
        time: clock.at,
        rule: { id: 'indicator.domain', tags: [`indicator:${evil}`, 'indicator'], dedup: { key: `${evil} ${host}` } },
      }),
    ])
    const { items } = await cases.listAlerts(aContext('ann', clock.at), 'default', { limit: 1 })
    return items[0]?.id ?? ''
  }
  const close = async (id: string, verdict: string) => {
    clock.at += 1000
    const ctx = aContext('ann', clock.at)
    const { alert } = await cases.getAlert(ctx, 'default', id)
    if (alert.state === 'new') await cases.updateAlert(ctx, 'default', id, { state: 'in_progress' })
    await cases.updateAlert(ctx, 'default', id, { state: 'resolved', verdict })
    await verdicts.take()
  }

  it('lowers what its sources say when it was wrong, and counts against them', async () => {
    await close(await anAlert('a'), 'false_positive')
    expect(await indicators.get(place, evil)).toMatchObject({
      falsePositives: 1,
      truePositives: 0,
      opinions: [{ source: 'one', stated: 80, confidence: 40 }, { confidence: 40 }],
    })
    expect(index.lookUp('domain', 'evil.example', clock.at)[0]?.opinions).toMatchObject([
      { confidence: 40 },
      { confidence: 40 },
    ])
    await close(await anAlert('b'), 'false_positive')
    // Two wrong of two: 27 of 100, which is below what is matched.
    expect(index.lookUp('domain', 'evil.example', clock.at)).toEqual([])
    expect(await indicators.sources.list(place)).toMatchObject([
      { name: 'one', weight: 100, truePositives: 0, falsePositives: 2 },
      { name: 'two', falsePositives: 2 },
    ])
  })

  it('begins decay anew and adds a sighting when it was right', async () => {
    const alert = await anAlert('a')
    clock.at += 20 * 86_400_000
    await close(alert, 'true_positive')
    const { opinions, truePositives } = await indicators.get(place, evil)
    expect(truePositives).toBe(1)
    expect(opinions).toMatchObject([{ lastSeen: clock.at }, { lastSeen: clock.at }])
    expect(await indicators.sightings(place, evil, 9)).toMatchObject([{ id: alert, entity: `alert/${alert}` }])
  })

  it('counts once, the last one, until the alert is opened again', async () => {
    const alert = await anAlert('a')
    const counts = async () => {
      const { truePositives, falsePositives } = await indicators.get(place, evil)
      const [source] = await indicators.sources.list(place)
      expect([source?.truePositives, source?.falsePositives]).toEqual([truePositives, falsePositives])
      return [truePositives, falsePositives]
    }
    await close(alert, 'false_positive')
    await verdicts.take()
    expect(await counts()).toEqual([0, 1])
    clock.at += 1000
    await cases.updateAlert(aContext('ann', clock.at), 'default', alert, { verdict: 'true_positive' })
    await verdicts.take()
    expect(await counts()).toEqual([1, 0])
    clock.at += 1000
    await cases.updateAlert(aContext('ann', clock.at), 'default', alert, { state: 'new' })
    await verdicts.take()
    expect(await counts()).toEqual([0, 0])
    await close(alert, 'benign')
    expect(await counts()).toEqual([0, 0])
  })

  it('of an alert that stands for several indicators, or of one that is gone, says nothing', async () => {
    const gone = await anAlert('a')
    await indicators.delete(place, evil)
    await close(gone, 'false_positive')
    expect(await indicators.sources.list(place)).toEqual([])
  })
})
