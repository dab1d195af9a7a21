import { describe, expect, it } from 'vitest'
import { aLiveOpinion, aMatchSet } from '../../intel/testing/builders.ts'
import type { LiveIndicator } from '../../intel/types.ts'
import type { JsonObject } from '../../pipeline/index.ts'
import { account, anEvent, START, shard } from '../testing/builders.ts'
import { createDetector } from './detector.ts'
import { createIntelWatcher } from './intel-watcher.ts'
import { observablesOf } from './observables.ts'

const HOUR_MS = 3_600_000

const evil: LiveIndicator = {
  type: 'domain',
  value: 'evil.example',
  opinions: [
    { source: 'weak', confidence: 40, tlp: 'clear', validFrom: START, expiresAt: START + 9 * HOUR_MS, lastSeen: START },
    { source: 'sure', confidence: 90, tlp: 'red', validFrom: START, expiresAt: START + HOUR_MS, lastSeen: START },
  ],
}

function aWatched(...indicators: LiveIndicator[]) {
  const intel = createIntelWatcher()
  const change = (sequence: number, changes: readonly LiveIndicator[]) =>
    intel.changeIndicators(structuredClone({ kind: 'changes', account, workspace: 'default', sequence, changes }))
  change(1, indicators)
  return { intel, change, detector: createDetector({ watchers: [intel] }) }
}

const dns = (offset: number, hostname: string, device = 'pc-1', receivedAt = START + offset) =>
  anEvent(
    offset,
    {},
    { receivedAt, time: receivedAt, ocsf: { class_uid: 4003, query: { hostname }, device: { hostname: device } } },
  )

describe('an event that holds what an indicator is about', () => {
  it('is told with the indicator, who holds it to be bad, and where it was met', () => {
    const { detector } = aWatched(evil)
    expect(detector.detect(shard, [dns(7, 'C2.evil.example.'), dns(8, 'good.example')])).toMatchObject([
      {
        kind: 'indicator',
        account,
        workspace: 'default',
        time: START + 7,
        recordIds: ['default/default/logs/0/7'],
        rule: {
          id: 'indicator.domain',
          title: 'Indicator met: domain evil.example',
          severity: 'high',
          tags: [
            expect.stringMatching(/^indicator:[0-9a-f-]{36}$/),
            'indicator',
            'source:sure',
            'source:weak',
            'tlp:red',
          ],
        },
        entities: { hosts: ['pc-1'], domains: ['c2.evil.example.'] },
        indicator: {
          type: 'domain',
          value: 'evil.example',
          source: 'sure',
          confidence: 90,
          score: 90,
          observable: 'C2.evil.example.',
          field: 'query.hostname',
          entity: 'pc-1',
        },
      },
    ])
  })

  it('is told of opinions that hold when it was received, and no more of those that ended', () => {
    const { detector, change } = aWatched(evil)
    const [late] = detector.detect(shard, [dns(1, 'evil.example', 'pc-1', START + HOUR_MS)])
    expect(late).toMatchObject({ rule: { severity: 'low' }, indicator: { source: 'weak' } })
    expect(detector.detect(shard, [dns(2, 'evil.example', 'pc-2', START + 9 * HOUR_MS)])).toEqual([])
    change(2, [{ ...evil, opinions: [] }])
    expect(detector.detect(shard, [dns(3, 'evil.example', 'pc-3')])).toEqual([])
  })

  it('is told once an hour of an entity, also when the detector starts again', () => {
    const { detector } = aWatched(evil)
    expect(
      detector.detect(shard, [dns(1, 'evil.example'), dns(2, 'evil.example'), dns(3, 'evil.example', 'pc-2')]).length,
    ).toBe(2)
    const { detector: again } = aWatched(evil)
    again.restore(shard, detector.snapshot(shard))
    expect(
      again.detect(shard, [dns(4, 'evil.example'), dns(5, 'evil.example', 'pc-1', START + HOUR_MS + 1)]).length,
    ).toBe(1)
  })

  it('is counted, told or told before', () => {
    const { intel, detector } = aWatched(evil)
    detector.detect(shard, [dns(1, 'evil.example'), dns(2, 'evil.example'), dns(3, 'good.example')])
    // The name and the device of each.
    expect(intel.takeCounts()).toEqual({
      lookups: 6,
      matches: { domain: 2 },
      patterns: { indexed: 0, scanned: 0, passedOver: 0 },
    })
    expect(intel.takeCounts()).toMatchObject({ lookups: 0, matches: {} })
  })

  it('has an id that a replay gives again', () => {
    const ids = () =>
      aWatched(evil)
        .detector.detect(shard, [dns(1, 'evil.example')])
        .map(({ id }) => id)
    expect(ids()).toEqual(ids())
  })

  it('is told in its own workspace only', () => {
    const { detector } = aWatched(evil)
    expect(detector.detect({ ...shard, workspace: 'other' }, [dns(1, 'evil.example')])).toEqual([])
  })
})

describe('an event that meets a pattern', () => {
  const text = "[domain-name:value = 'drop.example' AND network-traffic:dst_port = 8443]"
  const pattern: LiveIndicator = { type: 'pattern', value: text, opinions: evil.opinions }
  const tls = (offset: number, port: number, device: string) =>
    anEvent(
      offset,
      {},
      { ocsf: { class_uid: 4001, tls: { sni: 'Drop.example' }, dst_endpoint: { port }, device: { hostname: device } } },
    )

  it('is told with the value that it was met by', () => {
    const { detector } = aWatched(pattern)
    expect(detector.detect(shard, [tls(1, 443, 'pc-1'), tls(2, 8443, 'pc-2')])).toMatchObject([
      {
        rule: { id: 'indicator.pattern', title: `Indicator met: pattern ${text}`, severity: 'high' },
        recordIds: ['default/default/logs/0/2'],
        indicator: {
          type: 'pattern',
          source: 'sure',
          observable: 'drop.example',
          field: 'domain-name:value',
          entity: 'pc-2',
        },
      },
    ])
  })

  it('is not told of what an allow-list holds', () => {
    const { intel, detector } = aWatched(pattern)
    const set = aMatchSet([{ type: 'domain', value: 'drop.example', opinions: [aLiveOpinion({ validFrom: 0 })] }])
    intel.changeIndicators({ kind: 'allow', account, workspace: 'default', set })
    expect(detector.detect(shard, [tls(2, 8443, 'pc-2')])).toEqual([])
  })
})

describe('observables', () => {
  it.each<[string, JsonObject, JsonObject, string[]]>([
    [
      'of OCSF stand in typed members',
      {
        class_uid: 4001,
        src_endpoint: { ip: '8.8.8.8', hostname: 'a.example' },
        dst_endpoint: { ip: '9.9.9.9', intermediate_ips: ['1.1.1.1'] },
        answers: [{ rdata: '7.7.7.7' }, { rdata: 'b.example' }],
        file: { hashes: [{ value: 'd41d8cd98f00b204e9800998ecf8427e' }, { value: 'short' }] },
        tls: { ja3_hash: { value: 'd41d8cd98f00b204e9800998ecf8427e' }, sni: 'c.example' },
        email: { from: 'a@d.example', to: ['b@d.example'] },
        message: 'evil.example',
      },
      { query: 'not-looked-at.example' },
      [
        'domain a.example',
        'domain b.example',
        'domain c.example',
        'email a@d.example',
        'email b@d.example',
        'ip 1.1.1.1',
        'ip 7.7.7.7',
        'ip 8.8.8.8',
        'ip 9.9.9.9',
        'ja3 d41d8cd98f00b204e9800998ecf8427e',
        'md5 d41d8cd98f00b204e9800998ecf8427e',
      ],
    ],
    [
      'may be declared by the event',
      {
        class_uid: 2004,
        observables: [
          { type_id: 2, value: '8.8.8.8', name: 'x' },
          { type_id: 1, value: 'a.example' },
          { type_id: 4, value: 'ann' },
          'x',
        ],
      },
      {},
      ['domain a.example', 'ip 8.8.8.8'],
    ],
    [
      'of a server are the whole URL',
      { class_uid: 4002, http_request: { url: { url_string: '/a?b', hostname: 'a.example' } } },
      {},
      ['domain a.example', 'url http://a.example/a?b', 'url https://a.example/a?b'],
    ],
    [
      'of a record that OCSF says little of stand in its own members',
      { class_uid: 0 },
      {
        'id.orig_h': '8.8.8.8',
        query: 'a.example',
        source: { ip: '9.9.9.9' },
        answers: ['1.1.1.1', 'b.example'],
        msg: 'c.example',
      },
      ['domain a.example', 'domain b.example', 'ip 1.1.1.1', 'ip 8.8.8.8', 'ip 9.9.9.9'],
    ],
  ])('%s', (_, ocsf, original, expected) => {
    expect(
      observablesOf({ ocsf, original })
        .map(({ type, value }) => `${type} ${value}`)
        .sort(),
    ).toEqual(expected)
  })

  it('of one event are few', () => {
    const answers = Array.from({ length: 500 }, (_, index) => ({ rdata: `a${index}.example` }))
    expect(observablesOf({ ocsf: { class_uid: 4003, answers }, original: {} }).length).toBe(64)
  })
})
