import { describe, expect, test } from 'vitest'
import type { SigmaFilter } from '../sigma/filter.ts'
import { account, anEvent, aRuleDetector, rulesOf, ruleText, START, shard } from '../testing/builders.ts'
import type { RuleTuning } from './tuning.ts'

const scope = { account, workspace: 'default', removed: [] }
const failed = ruleText('failed', '{selection: {outcome: failed}, condition: selection}')
const guessing = `title: Guessing
id: guessing
level: medium
correlation: {type: event_count, rules: [failed], generate: true, group-by: [host], timespan: 1m, condition: {gte: 2}}
`

function excluding(name: string, filter: string, untilAt?: number): RuleTuning['exclusions'][number] {
  const [document] = rulesOf(`title: ${name}\nlogsource: {product: test}\nfilter: {rules: [failed], ${filter}}`)
  return { name, filter: document as SigmaFilter, ...(untilAt === undefined ? {} : { untilAt }) }
}

function tunedDetector(...tunings: readonly RuleTuning[]) {
  const detector = aRuleDetector()
  expect(detector.rules.changeRules({ ...scope, put: rulesOf(failed, guessing), tunings })).toEqual([])
  return detector
}

const fail = (offset: number, host = 'h', user = 'ann') => anEvent(offset, { outcome: 'failed', host, user })
const told = (detector: ReturnType<typeof aRuleDetector>, events: readonly ReturnType<typeof anEvent>[]) =>
  detector.detect(shard, events).map(({ rule, canary }) => (canary ? `${rule.id} (canary)` : rule.id))

describe('an exclusion', () => {
  const backups = excluding('backups', "s: {user: svc_backup}, condition: 's'")

  test('leaves out the events it names, for correlations too, and counts each', () => {
    const detector = tunedDetector({ ruleId: 'failed', exclusions: [backups] })
    expect(told(detector, [fail(0, 'h', 'svc_backup'), fail(1), fail(2, 'h', 'SVC_BACKUP')])).toEqual(['failed'])
    expect(detector.takeTallies()).toEqual([
      {
        ...{ shard, since: 0, day: Math.floor(START / 86_400_000) },
        rules: { failed: { matches: 1, heldBack: 0, excluded: { backups: { count: 2, lastAt: START + 2000 } } } },
        sources: [{ logsource: { product: 'test' }, events: 3 }],
      },
    ])
    expect(detector.takeTallies()).toEqual([])
  })

  test('says what to keep where its condition begins with `not`', () => {
    const keep = excluding('keep', "s: {user: ann}, condition: 'not s'")
    expect(told(tunedDetector({ ruleId: 'failed', exclusions: [keep] }), [fail(0), fail(1, 'h', 'bob')])).toEqual([
      'failed',
    ])
  })

  test('ends with the time of events, not with the clock', () => {
    const until = excluding('until', "s: {user: ann}, condition: 's'", START + 2000)
    const detector = tunedDetector({ ruleId: 'failed', exclusions: [until] })
    const late = anEvent(
      9,
      { outcome: 'failed', host: 'x', user: 'ann' },
      { time: START + 1999, receivedAt: START + 60_000 },
    )
    expect(told(detector, [fail(1), fail(2), late])).toEqual(['failed'])
  })

  test('outlives a new form of its rule, and ends when it is taken away', () => {
    const detector = tunedDetector({ ruleId: 'failed', exclusions: [backups] })
    detector.rules.changeRules({ ...scope, put: rulesOf(failed.replace('high', 'low')) })
    expect(told(detector, [fail(0, 'h', 'svc_backup')])).toEqual([])
    detector.rules.changeRules({ ...scope, put: [], tunings: [{ ruleId: 'failed', exclusions: [] }] })
    expect(told(detector, [fail(1, 'h', 'svc_backup')])).toEqual(['failed'])
  })

  test('is asked with the names that the fields have in each form of an event', () => {
    const detector = aRuleDetector()
    const rule = `title: P\nid: p\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {Image|endswith: '\\a.exe'}, condition: s}`
    const [filter] = rulesOf(
      `title: F\nlogsource: {product: windows}\nfilter: {rules: [p], s: {Image|startswith: 'C:\\ok\\'}, condition: s}`,
    )
    const tunings = [{ ruleId: 'p', exclusions: [{ name: 'ok', filter: filter as SigmaFilter }] }]
    detector.rules.changeRules({ ...scope, put: rulesOf(rule), tunings })
    const security = (offset: number, path: string) =>
      anEvent(offset, { Channel: 'Security', EventID: 4688, NewProcessName: path })
    expect(told(detector, [security(0, 'C:\\ok\\a.exe'), security(1, 'C:\\tmp\\a.exe')])).toEqual(['p'])
  })
})

describe('a canary', () => {
  test('finds and marks what it finds; so do correlations that build on it', () => {
    const detector = tunedDetector({ ruleId: 'failed', canary: {}, exclusions: [] })
    expect(told(detector, [fail(0), fail(1)])).toEqual(['failed (canary)', 'failed (canary)', 'guessing (canary)'])
  })

  test('alerts from the time on that was stated', () => {
    const detector = tunedDetector({ ruleId: 'failed', canary: { untilAt: START + 1000 }, exclusions: [] })
    expect(told(detector, [fail(0, 'a'), fail(1, 'b')])).toEqual(['failed (canary)', 'failed'])
  })

  test('alerts for about the share that was stated, the same ones on a replay', () => {
    const events = Array.from({ length: 400 }, (_, i) => fail(i, `h${i}`))
    const run = () => told(tunedDetector({ ruleId: 'failed', canary: { alertPercent: 25 }, exclusions: [] }), events)
    const first = run()
    const alerting = first.filter((id) => id === 'failed').length
    expect(alerting).toBeGreaterThan(60)
    expect(alerting).toBeLessThan(140)
    expect(run()).toEqual(first)
  })
})
