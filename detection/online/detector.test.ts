import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../../pipeline/index.ts'
import { CorrelationBudget } from '../correlate/budget.ts'
import { account, anEvent, aRuleDetector, rulesOf, ruleText, START, shard } from '../testing/builders.ts'

const scope = { account, workspace: 'default', removed: [] }

function detectorWith(...texts: readonly string[]) {
  const detector = aRuleDetector()
  expect(detector.rules.changeRules({ ...scope, put: rulesOf(...texts) })).toEqual([])
  return detector
}

const failed = ruleText('failed', '{selection: {outcome: failed}, condition: selection}')
const accepted = ruleText('accepted', '{selection: {outcome: accepted}, condition: selection}')
const guessing = `
title: Guessing
id: guessing
level: medium
tags: [attack.credential-access, attack.t1110.001]
correlation:
  type: event_count
  rules: [failed]
  group-by: [host]
  timespan: 1m
  condition: {gte: 3}
`
const broken = `
title: Broken in
id: broken
level: critical
correlation:
  type: temporal_ordered
  rules: [failed, accepted]
  group-by: [host, src_endpoint.ip]
  timespan: 5m
`

describe('a rule', () => {
  test('states its finding with the record, entities and ATT&CK names', () => {
    const detector = detectorWith(
      ruleText(
        'enc',
        "{selection: {CommandLine|contains: ' -enc '}, condition: selection}",
        'tags: [attack.execution, attack.t1059.001]\nfalsepositives: [Deployment]\nresponse: Decode it.',
      ),
    )
    const [finding, ...more] = detector.detect(shard, [
      anEvent(7, { CommandLine: 'powershell -ENC SQBFAFgA', User: 'CORP\\ann', SourceIp: '::ffff:10.0.0.9' }),
      anEvent(8, { CommandLine: 'powershell' }),
    ])
    expect(more).toEqual([])
    expect(finding).toMatchObject({
      account,
      workspace: 'default',
      kind: 'rule',
      rule: {
        id: 'enc',
        severity: 'high',
        techniques: ['T1059.001'],
        tactics: ['execution'],
        falsePositives: ['Deployment'],
        response: 'Decode it.',
      },
      time: START + 7000,
      recordIds: ['default/default/logs/0/7'],
      entities: { users: ['CORP\\ann'], ips: ['10.0.0.9'] },
    })
  })

  test('fires on the nested, the flat and the winlogbeat form of one Windows event', () => {
    const detector = detectorWith(
      `title: LSASS\nid: lsass\nlogsource: {product: windows, category: process_access}\ndetection: {selection: {TargetImage|endswith: '\\lsass.exe'}, condition: selection}`,
    )
    const channel = 'Microsoft-Windows-Sysmon/Operational'
    const TargetImage = 'C:\\Windows\\system32\\LSASS.exe'
    const events = [
      { Channel: channel, EventID: 10, TargetImage },
      { Event: { System: { Channel: channel, EventID: { '#text': 10 } }, EventData: { TargetImage } } },
      { winlog: { channel, event_id: '10', event_data: { TargetImage } } },
      { Channel: channel, EventID: 11, TargetImage },
      { Channel: 'Security', EventID: 10, TargetImage },
    ].map((original, offset) => anEvent(offset, original, { logsource: {} }))
    expect(detector.detect(shard, events).map(({ recordIds }) => recordIds[0]?.split('/').at(-1))).toEqual([
      '0',
      '1',
      '2',
    ])
  })

  test('finds OCSF members beside those of the record, which keep a name that both have', () => {
    const detector = detectorWith(
      ruleText('one', '{selection: {src_endpoint.ip|cidr: 10.0.0.0/8}, condition: selection}'),
      ruleText('two', '{selection: {status: own}, condition: selection}'),
      ruleText('three', '{selection: {ocsf.status: mapped}, condition: selection}'),
    )
    const event = anEvent(0, { status: 'own' }, { ocsf: { status: 'mapped', src_endpoint: { ip: '10.1.1.1' } } })
    expect(detector.detect(shard, [event]).map(({ rule }) => rule.id)).toEqual(['one', 'two', 'three'])
  })

  test('of one workspace does not look at the events of another', () => {
    const detector = detectorWith(ruleText('any', '{selection: {a|exists: true}, condition: selection}'))
    expect(detector.detect({ ...shard, workspace: 'other' }, [anEvent(0, { a: 1 })])).toEqual([])
    expect(detector.detect(shard, [anEvent(0, { a: 1 })])).toHaveLength(1)
  })

  test('is replaced live', () => {
    const detector = detectorWith(ruleText('old', '{selection: {a: 1}, condition: selection}'))
    expect(detector.detect(shard, [anEvent(0, { a: 1 })]).map(({ rule }) => rule.id)).toEqual(['old'])
    detector.rules.changeRules({
      ...scope,
      removed: ['old'],
      put: rulesOf(ruleText('new', '{selection: {a: 1}, condition: selection}')),
    })
    expect(detector.detect(shard, [anEvent(1, { a: 1 })]).map(({ rule }) => rule.id)).toEqual(['new'])
  })

  test('that matches everything is held back, with a notice', () => {
    const warnings: unknown[] = []
    const detector = aRuleDetector({
      stormFindingsMax: 5,
      log: { warn: (...words: unknown[]) => void warnings.push(words) },
    })
    detector.rules.changeRules({
      ...scope,
      put: rulesOf(ruleText('all', '{selection: {n|exists: true}, condition: selection}')),
    })
    const minute = Array.from({ length: 100 }, (_, n) => anEvent(n, { n }, { time: START + n }))
    const findings = detector.detect(shard, minute)
    expect(findings).toHaveLength(5)
    expect(findings.map(({ throttled }) => throttled)).toEqual([undefined, undefined, undefined, undefined, true])
    expect(detector.counts()).toMatchObject({ findings: 5, heldBack: 95 })
    expect(warnings).toHaveLength(1)
    expect(detector.detect(shard, [anEvent(100, { n: 1 }, { time: START + 60_000 })])).toHaveLength(1)
  })
})

describe('a correlation', () => {
  const at = (offset: number, seconds: number, original: object, receivedSeconds = seconds): Event =>
    anEvent(offset, original as never, { time: START + seconds * 1000, receivedAt: START + receivedSeconds * 1000 })

  test('is told once a timespan, names its records, and mutes the rules it builds on', () => {
    const detector = detectorWith(failed, guessing)
    const events = [0, 10, 20, 30, 70].map((seconds, offset) => at(offset, seconds, { host: 'h', outcome: 'failed' }))
    const findings = detector.detect(shard, events)
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({
      kind: 'correlation',
      rule: { id: 'guessing', groupBy: ['host'], techniques: ['T1110.001'] },
      group: { host: 'h' },
      recordIds: ['default/default/logs/0/0', 'default/default/logs/0/1', 'default/default/logs/0/2'],
      time: START + 20_000,
    })
    expect(detector.detect(shard, [at(5, 80, { host: 'h', outcome: 'failed' })])).toHaveLength(1)
  })

  test('with `generate` lets its rules alert, too', () => {
    const detector = detectorWith(failed, guessing.replace('  type:', '  generate: true\n  type:'))
    const findings = detector.detect(
      shard,
      [0, 1, 2].map((offset) => at(offset, offset, { host: 'h', outcome: 'failed' })),
    )
    expect(findings.map(({ rule }) => rule.id)).toEqual(['failed', 'failed', 'failed', 'guessing'])
  })

  test('groups by OCSF members and keeps groups apart', () => {
    const detector = detectorWith(failed, accepted, broken)
    const sign = (offset: number, outcome: string, ip: string) =>
      anEvent(offset, { host: 'h', outcome }, { ocsf: { src_endpoint: { ip } } })
    expect(detector.detect(shard, [sign(0, 'failed', '10.0.0.1'), sign(1, 'accepted', '10.0.0.2')])).toEqual([])
    expect(detector.detect(shard, [sign(2, 'accepted', '10.0.0.1')])).toMatchObject([
      { group: { host: 'h', 'src_endpoint.ip': '10.0.0.1' }, entities: { ips: ['10.0.0.1'] } },
    ])
  })

  test('counts an event that comes late where it belongs, and tells what that changes', () => {
    const detector = detectorWith(failed, guessing)
    const fail = (offset: number, seconds: number, received: number) =>
      at(offset, seconds, { host: 'h', outcome: 'failed' }, received)
    expect(detector.detect(shard, [fail(0, 0, 0), fail(1, 50, 50), fail(2, 200, 200)])).toEqual([])
    expect(detector.detect(shard, [fail(3, 20, 210)])).toMatchObject([{ time: START + 50_000 }])
    expect(detector.detect(shard, [fail(4, -1000, 220)])).toEqual([])
    expect(detector.rules.counts().lateEntries).toBe(1)
  })

  test('is not blinded by one event from the future', () => {
    const detector = detectorWith(failed, guessing)
    const events = [
      at(0, 86_400 * 365, { host: 'h', outcome: 'failed' }, 0),
      ...[1, 2, 3].map((offset) => at(offset, offset, { host: 'h', outcome: 'failed' })),
    ]
    expect(detector.detect(shard, events)).toHaveLength(1)
  })

  test('whose rules changed starts anew, the others keep their windows', () => {
    const detector = detectorWith(failed, accepted, guessing, broken)
    detector.detect(
      shard,
      [0, 1].map((offset) => at(offset, offset, { host: 'h', outcome: 'failed' })),
    )
    detector.rules.changeRules({ ...scope, put: rulesOf(failed, accepted, guessing, broken.replace('5m', '6m')) })
    expect(detector.detect(shard, [at(2, 2, { host: 'h', outcome: 'failed' })])).toHaveLength(1)
  })
})

describe('the state', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-detector-'))
  })
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })

  const stream = fc
    .array(
      fc.record({
        host: fc.constantFrom('a', 'b', 'c'),
        outcome: fc.constantFrom('failed', 'accepted', 'other'),
        late: fc.integer({ min: 0, max: 900 }),
        step: fc.integer({ min: 0, max: 40 }),
      }),
      { maxLength: 120 },
    )
    .map((steps) => {
      let seconds = 0
      return steps.map(({ host, outcome, late, step }, offset): Event => {
        seconds += step
        const receivedAt = START + seconds * 1000
        return anEvent(
          offset,
          { host, outcome, n: offset },
          {
            receivedAt,
            time: late > 700 ? receivedAt - late * 1000 : receivedAt,
            ocsf: { src_endpoint: { ip: '10.0.0.1' } },
          },
        )
      })
    })
  const rules = [
    failed,
    accepted,
    guessing,
    broken,
    ruleText('storm', '{selection: {n|exists: true}, condition: selection}'),
    'title: V\nid: v\ncorrelation: {type: value_count, rules: [failed, accepted], group-by: [host], timespan: 2m, condition: {gte: 4, field: n}}',
    'title: S\nid: s\ncorrelation: {type: value_sum, rules: [failed], timespan: 90s, condition: {gt: 60, field: n}}',
    'title: P\nid: p\ncorrelation: {type: value_percentile, rules: [failed], timespan: 90s, condition: {gt: 30, field: n, percentile: 75}}',
    'title: C\nid: c\ncorrelation: {type: temporal, rules: [guessing, accepted], group-by: [host], timespan: 5m}',
  ]

  test('taken at any time and restored, with what followed replayed, gives the findings of an undisturbed run', {
    timeout: 120_000,
  }, () => {
    const put = rulesOf(...rules)
    fc.assert(
      fc.property(stream, fc.array(fc.nat(120), { maxLength: 6 }), (events, cuts) => {
        const undisturbed = aRuleDetector({ stormFindingsMax: 3 })
        undisturbed.rules.changeRules({ ...scope, put })
        const expected = undisturbed.detect(shard, events)

        const told = new Map<string, unknown>()
        let saved: { offset: number; state: Uint8Array | undefined } = { offset: 0, state: undefined }
        const begin = () => {
          const detector = aRuleDetector({ stormFindingsMax: 3, dir })
          detector.rules.changeRules({ ...scope, put })
          const again = detector.restore(shard, saved.state)
          return { detector, from: Math.min(saved.offset, again ?? saved.offset) }
        }
        for (const cut of [...cuts].sort((a, b) => a - b)) {
          // A process that dies somewhere after its last snapshot, and the next one that begins there.
          const { detector, from } = begin()
          for (const finding of detector.detect(shard, events.slice(from, cut))) told.set(finding.id, finding)
          if (cut % 2 === 0 && cut >= saved.offset && cut <= events.length) {
            saved = { offset: cut, state: detector.snapshot(shard) }
          }
        }
        const { detector: last, from } = begin()
        for (const finding of last.detect(shard, events.slice(from))) told.set(finding.id, finding)
        const byId = (findings: Iterable<{ id: string }>) => [...findings].sort((a, b) => (a.id < b.id ? -1 : 1))
        expect(byId([...told.values()] as { id: string }[])).toEqual(byId(expected))
      }),
      { numRuns: 60 },
    )
  })

  test('of an earlier version is let go, with a notice', () => {
    const warnings: unknown[] = []
    const detector = aRuleDetector({ log: { warn: (...words: unknown[]) => void warnings.push(words) } })
    detector.restore(shard, zstdCompressSync('{"version":1,"correlator":[],"storm":{}}'))
    expect(warnings).toHaveLength(1)
    expect(detector.detect(shard, [anEvent(0, { outcome: 'failed' })])).toEqual([])
  })

  test('of the version before is taken over, and kept as this one does', () => {
    // Two failures at host `h`, as it kept them: of a correlation that counts them, one that counts their values, and one
    // that waits for what follows.
    const kept = Buffer.from(
      'TQAAAHsidmVyc2lvbiI6Mywic3Rvcm0iOnt9LCJuZXh0T2Zmc2V0IjoyLCJwYXJ0cyI6W1sicnVsZXMiLDM0OF0sWyJ0YWxseSIsMTA1XV19KLUv/WCWAZUKAMaWSC6QJ2kDv/f3u7+7u9PFpRGlhu2GhEVCtsi3zZVNwl2vRUhkd++U0obV64dCRCQDPAA2ADgAiZ0h1NrHljqq6M3jajLCRiyxI+a/elf2Q6iGJpRkWVgeoSRSjyKUZM5XINTQmCiDw9CpAN2SUAbGAIAQyimITkn1kl2pxOuJpaZatit3cUnfqBzk9vJ/mXPueiW2OH3D5r8vMZyFqn2pGnoQsvWHz9+vq8dB1tHZ8AqH1eMwdCYWt6AHWWh7W8hBhbbZcqPYWLVqfqhecgvdex7Ze9ua9H0J5ZJomUn0CG7GGIMoK3p0lQICIhgzQYIx0PDAwQACDYwxJgCiBwzWY4EgXOLQ3a3HQZiPzlcgcAzMrMdBGDo6l38JFAo6On9BMg8BEQBIgnTySrqhZpgJC1xawlwKEAYO4SuuAk/AcT3F14w5GDAFANh8MUU23WAGKLUv/SB3BQMAokYVGIAnbuTJLB3BeopgqxcXRWAiUCvMFE3CCI8fM8G/92WN2De/zLSjVuHr8jtQ6evMaqqPzKw4kOAPSkQRXDXfKLV1BAyBQfJFOXea76Kc48gjQyD6LgIANUcJIVNm',
      'base64',
    )
    const begin = (state: Uint8Array | undefined) => {
      const detector = aRuleDetector({ dir })
      const correlations = [
        guessing.replace('level: medium\n', '').replace(/tags:.*\n/, ''),
        'title: V\nid: v\ncorrelation: {type: value_count, rules: [failed], group-by: [host], timespan: 1m, condition: {gte: 3, field: n}}',
        'title: O\nid: o\ncorrelation: {type: temporal_ordered, rules: [failed, accepted], group-by: [host], timespan: 1m}',
      ]
      detector.rules.changeRules({ ...scope, put: rulesOf(failed, accepted, ...correlations) })
      expect(detector.restore(shard, state)).toBeUndefined()
      return detector
    }
    const told = (detector: ReturnType<typeof begin>) =>
      detector
        .detect(shard, [
          anEvent(2, { host: 'h', outcome: 'failed', n: 'n2' }),
          anEvent(3, { host: 'h', outcome: 'accepted', n: 'n3' }),
        ])
        .map(({ rule, recordIds }) => `${rule.id} ${recordIds.map((id) => id.split('/').at(-1))}`)
    const wanted = ['guessing 0,1,2', 'v 0,1,2', 'o 0,1,2,3']
    expect(told(begin(kept))).toEqual(wanted)
    // Nothing came since: it is handed on as it was.
    expect(told(begin(begin(kept).snapshot(shard)))).toEqual(wanted)
    const other = anEvent(2, { host: 'h', outcome: 'other' })
    const first = begin(kept)
    expect(first.detect(shard, [other])).toEqual([])
    const state = first.snapshot(shard)
    const second = aRuleDetector({ dir })
    second.restore(shard, state)
    second.rules.changeRules({ ...scope, put: rulesOf(failed, accepted, guessing) })
    expect(second.detect(shard, [anEvent(3, { host: 'h', outcome: 'failed' })])).toMatchObject([
      {
        rule: { id: 'guessing' },
        recordIds: ['default/default/logs/0/0', 'default/default/logs/0/1', 'default/default/logs/0/3'],
      },
    ])
  })

  test('whose files are damaged begins anew where they are, which is told once', () => {
    const begin = (state: Uint8Array | undefined) => {
      const detector = aRuleDetector({ dir })
      detector.rules.changeRules({ ...scope, put: rulesOf(failed, guessing) })
      return { detector, from: detector.restore(shard, state) }
    }
    const fail = (offset: number, host: string) => anEvent(offset, { host, outcome: 'failed' })
    const { detector } = begin(undefined)
    detector.detect(shard, [fail(0, 'a'), fail(1, 'a'), fail(2, 'b'), fail(3, 'b')])
    const state = detector.snapshot(shard)
    const file = join(dir, account, 'default/default/logs/0/0000000001.groups')
    const length = (detector.rules.counts().diskBytes / 2) | 0
    truncateSync(file, length + 10)
    const { detector: again, from } = begin(state)
    expect(from).toBe(4)
    const findings = again.detect(shard, [fail(4, 'a'), fail(5, 'b')])
    expect(findings).toMatchObject([
      { rule: { id: 'guessing' }, group: { host: 'a' } },
      { rule: { id: 'rampart.lost-windows', severity: 'high', dedup: { key: 'default/logs/0' } } },
    ])
    expect(findings[1]?.rule.description).toContain('1 groups or files of them could not be read back')
    expect(again.detect(shard, [fail(6, 'c')])).toEqual([])
    expect(again.rules.counts()).toMatchObject({ lostGroups: 1 })
  })

  test('without room is dropped, which is told once an hour', () => {
    const detector = aRuleDetector({ budget: new CorrelationBudget({ memoryBytes: 20_000 }) })
    detector.rules.changeRules({ ...scope, put: rulesOf(failed, guessing) })
    const fail = (n: number, at = START) => anEvent(n, { host: `made-up-${n}`, outcome: 'failed' }, { time: at })
    const stream = Array.from({ length: 500 }, (_, n) => fail(n))
    const [notice, ...more] = detector.detect(shard, stream)
    expect(more).toEqual([])
    expect(notice).toMatchObject({
      kind: 'rule',
      rule: { id: 'rampart.lost-windows', title: expect.stringContaining('alerts may be missing') },
      recordIds: ['default/default/logs/0/499'],
    })
    expect(notice?.rule.description).toContain('groups were dropped for want of room')
    const { evictedGroups, groups } = detector.rules.counts()
    expect(evictedGroups + groups).toBe(500)
    expect(
      detector.detect(
        shard,
        Array.from({ length: 500 }, (_, n) => fail(500 + n)),
      ),
    ).toEqual([])
    const later = Array.from({ length: 500 }, (_, n) => fail(1_000 + n, START + 3_600_000))
    expect(detector.detect(shard, later)).toMatchObject([{ rule: { id: 'rampart.lost-windows' } }])
  })

  test('beyond the room on the disk is dropped, the oldest first, which is told', () => {
    const begin = (state: Uint8Array | undefined, coldGroups?: number) => {
      const budget = new CorrelationBudget(coldGroups === undefined ? {} : { coldGroups })
      const detector = aRuleDetector({ dir, budget })
      detector.rules.changeRules({ ...scope, put: rulesOf(failed, guessing) })
      detector.restore(shard, state)
      return detector
    }
    const fail = (n: number, host: string) => anEvent(n, { host, outcome: 'failed' }, { time: START })
    const first = begin(undefined)
    first.detect(
      shard,
      Array.from({ length: 300 }, (_, n) => fail(n, `made-up-${n}`)),
    )
    const detector = begin(first.snapshot(shard), 100)
    const [notice, ...more] = detector.detect(shard, [fail(300, 'made-up-299')])
    expect(more).toEqual([])
    expect(notice).toMatchObject({ rule: { id: 'rampart.lost-windows' } })
    const { evictedGroups, groups } = detector.rules.counts()
    expect(notice?.rule.description).toContain(`${evictedGroups} groups were dropped for want of room`)
    expect({ evictedGroups, groups }).toEqual({ evictedGroups: 299, groups: 1 })
    // The one that goes on was in memory, and has both its failures.
    expect(detector.detect(shard, [fail(301, 'made-up-299')])).toMatchObject([
      {
        rule: { id: 'guessing' },
        recordIds: ['default/default/logs/0/299', 'default/default/logs/0/300', 'default/default/logs/0/301'],
      },
    ])
  })

  test('that is not ours is refused', () => {
    expect(() => aRuleDetector().restore(shard, Buffer.from('nonsense'))).toThrow(
      expect.objectContaining({ code: 'detection.state.unreadable' }),
    )
  })
})
