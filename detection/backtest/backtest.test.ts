import { describe, expect, test } from 'vitest'
import type { SigmaFilter } from '../sigma/filter.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { account, anEvent, rulesOf, ruleText, START, shard } from '../testing/builders.ts'
import { Backtest } from './backtest.ts'
import { gatherDocuments, whatIsLeftOut } from './plan.ts'
import type { BacktestPlan } from './types.ts'

const DAY = 86_400_000
const failed = ruleText('failed', '{selection: {outcome: failed}, condition: selection}')
const guessing = `title: Guessing
id: guessing
level: medium
correlation: {type: event_count, rules: [failed], group-by: [host], timespan: 1m, condition: {gte: 2}}
`
const terms = {
  keyOf: ({ rule, entities }: { rule: { id: string }; entities: { hosts?: readonly string[] } }) =>
    `${rule.id} ${entities.hosts?.[0]}`,
  windowMs: DAY,
}

function run(
  plan: Pick<BacktestPlan, 'documents' | 'asked'> & Partial<BacktestPlan>,
  times: readonly [number, string][],
) {
  const bounds = { account, workspace: 'default', from: START, to: START + 4 * DAY, tunings: [] }
  const backtest = new Backtest({ ...bounds, ...plan }, terms)
  // Sent in one go long after it happened.
  const events = times.map(([at, hostname], offset) =>
    anEvent(
      offset,
      { outcome: 'failed', hostname, host: hostname },
      { time: START + at, receivedAt: START + 400 * DAY },
    ),
  )
  backtest.take(shard, events)
  return backtest.result()
}

describe('a back-test', () => {
  test('counts matches, and alerts a day after they were merged', () => {
    const result = run(gatherDocuments(rulesOf(failed), []), [
      [0, 'a'],
      [1000, 'a'],
      [2000, 'b'],
      [DAY + 2000, 'a'],
      [3 * DAY, 'a'],
    ])
    expect(result).toMatchObject({
      events: 5,
      rules: [{ id: 'failed', matches: 5, findings: 5, heldBack: 0, alerts: 4, alertsPerDay: 1 }],
      days: [
        { day: '2026-03-01', findings: 3, alerts: 2 },
        { day: '2026-03-02', findings: 1, alerts: 1 },
        { day: '2026-03-04', findings: 1, alerts: 1 },
      ],
      topEntities: [
        { kind: 'hosts', value: 'a', findings: 4 },
        { kind: 'hosts', value: 'b', findings: 1 },
      ],
      approximate: false,
    })
    expect(result.samples[0]).toMatchObject({ recordId: 'default/default/logs/0/0', ruleId: 'failed' })
    expect(result.samples).toHaveLength(5)
    expect(result.sources).toEqual([{ logsource: { product: 'test' }, events: 5 }])
  })

  test('moves correlations by event time, with the live rules they build on', () => {
    const gathered = gatherDocuments(rulesOf(guessing), rulesOf(failed, ruleText('other', '{s: {x: 1}, condition: s}')))
    expect(gathered.documents.map(({ head }) => head.id)).toEqual(['guessing', 'failed'])
    const result = run(gathered, [
      [0, 'a'],
      [30_000, 'a'],
      [200_000, 'a'],
      [400_000, 'b'],
    ])
    expect(result.rules).toMatchObject([{ id: 'guessing', matches: 1, findings: 1, alerts: 1 }])
  })

  test('tells what would be too many', () => {
    const flood = Array.from({ length: 1_500 }, (_, i): [number, string] => [i, `h${i}`])
    expect(run(gatherDocuments(rulesOf(failed), []), flood).rules).toMatchObject([{ findings: 1_000, heldBack: 500 }])
  })

  test('applies filters that are live, and tells what an exclusion would leave out', () => {
    const [rule] = rulesOf(failed) as readonly SigmaRule[]
    const [filter] = rulesOf(
      'title: F\nlogsource: {product: test}\nfilter: {rules: [failed], s: {host: a}, condition: s}',
    ) as readonly SigmaFilter[]
    if (!rule || !filter) throw new Error('both are there')
    const events: [number, string][] = [
      [0, 'a'],
      [1000, 'b'],
      [2000, 'a'],
    ]
    expect(run(gatherDocuments([rule], [filter]), events).rules).toMatchObject([{ matches: 1 }])
    const leftOut = run(gatherDocuments([whatIsLeftOut(rule, { name: 'f', filter })], []), events)
    expect(leftOut.rules).toMatchObject([{ matches: 2, alerts: 1 }])
    const tunings = [{ ruleId: 'failed', exclusions: [{ name: 'f', filter }] }]
    expect(run({ ...gatherDocuments([rule], []), tunings }, events).rules).toMatchObject([{ matches: 1, excluded: 2 }])
  })

  test('refuses a correlation whose rules are nowhere, and filters alone', () => {
    expect(() => gatherDocuments(rulesOf(guessing), [])).toThrow('`failed`, which is not here')
    const filter = 'title: F\nid: f\nlogsource: {product: test}\nfilter: {rules: any, s: {host: a}, condition: s}'
    expect(() => gatherDocuments(rulesOf(filter), [])).toThrow('1 to 100 rules')
  })
})
