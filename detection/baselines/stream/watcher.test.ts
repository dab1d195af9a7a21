import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../../pipeline/index.ts'
import { createDetector } from '../../online/detector.ts'
import { account, START, shard } from '../../testing/builders.ts'
import { aConnection, anOcsfEvent, callsHome } from '../testing/events.ts'
import { baselines } from './catalogue.ts'
import { type BaselineSettings, defaultSettings } from './settings.ts'
import { createBaselineWatcher } from './watcher.ts'

const key = Buffer.alloc(16, 7)
const place = { account, workspace: 'default' }

function watching(settings: Readonly<Record<string, Partial<BaselineSettings>>> = {}) {
  const watcher = createBaselineWatcher()
  const change = (changed: Readonly<Record<string, Partial<BaselineSettings>>>) =>
    watcher.changeSettings({
      account,
      key,
      settings: Object.entries(changed).map(([name, one]) => ({
        ...{ workspace: 'default', name },
        ...defaultSettings,
        ...one,
      })),
    })
  change(settings)
  const detector = createDetector({ watchers: [watcher] })
  return { watcher, change, detector, detect: (events: readonly Event[]) => detector.detect(shard, events) }
}

describe('the watcher of baselines', () => {
  it('states what is not as ever: who, what was expected, what was seen, since when', () => {
    const { detect } = watching()
    const [finding, ...more] = detect(callsHome(1, 40))
    expect(more).toEqual([])
    expect(finding).toMatchObject({
      kind: 'baseline',
      rule: { id: 'baseline/beacon', severity: 'high', techniques: ['T1071', 'T1571'], groupBy: ['entity'] },
      group: { entity: '10.0.0.0 192.0.2.0:443' },
      recordIds: ['default/default/logs/0/24'],
      entities: { ips: ['10.0.0.0', '192.0.2.0'] },
      explanation: {
        entity: '10.0.0.0 192.0.2.0:443',
        expected: expect.stringContaining('irregular'),
        seen: expect.stringContaining('one each 60.0 s'),
        since: START,
        version: expect.any(Number),
      },
    })
    expect(finding?.explanation?.score).toBeGreaterThan(0.9)
  })

  it('says how far it is and states nothing while it learns', () => {
    const { watcher, detect } = watching()
    expect(detect(callsHome(1, 12))).toEqual([])
    const report = () => watcher.report(place).find(({ name }) => name === 'beacon')
    expect(report()).toMatchObject({ state: 'learning', progress: 0.5, samples: 13 })
    detect(callsHome(1, 40).slice(13))
    expect(report()).toMatchObject({ state: 'active', progress: 1, entities: { known: 2, active: 1 } })
    expect(watcher.reportEntity(place, 'beacon', '10.0.0.0 192.0.2.0:443')).toMatchObject({
      state: 'active',
      deviations: [{ score: expect.any(Number) }],
    })
    expect(watcher.reportEntity(place, 'beacon', 'nobody')).toBeUndefined()
  })

  it.each([
    ['an exclusion', { exclusions: [{ entity: '10.0.0.? 192.0.2.0:*' }] }, 'exclusion'],
    ['a threshold', { threshold: 1 }, 'threshold'],
  ] as const)('does not tell what %s holds back, but remembers it and learns', (_, settings, held) => {
    const { watcher, detect } = watching({ beacon: settings })
    expect(detect(callsHome(1, 40))).toEqual([])
    expect(watcher.history(place, 'beacon')).toMatchObject([{ held, entity: '10.0.0.0 192.0.2.0:443' }])
  })

  it('remembers, and does not tell, what stands since before it could know', () => {
    const { watcher, detect } = watching()
    expect(detect(callsHome(1, 40).slice(1))).toEqual([])
    expect(watcher.history(place, 'beacon')).toMatchObject([{ held: 'standing' }])
  })

  it('tells again when an exclusion has run out', () => {
    const { detect } = watching({ beacon: { exclusions: [{ entity: '*', until: START + 60_000 }] } })
    expect(detect(callsHome(1, 40))).toHaveLength(1)
  })

  it('does not look while it is off, nor at an account of which nothing is known', () => {
    const { watcher, detect } = watching({ beacon: { enabled: false } })
    expect(detect(callsHome(1, 40))).toEqual([])
    expect(watcher.report(place).find(({ name }) => name === 'beacon')).toMatchObject({ samples: 0 })
    const unknown = createDetector({ watchers: [createBaselineWatcher()] })
    expect(unknown.detect(shard, callsHome(1, 40))).toEqual([])
  })

  it('keeps workspaces apart', () => {
    const { watcher, detector } = watching()
    detector.detect({ ...shard, workspace: 'other' }, callsHome(1, 40))
    expect(watcher.history(place, 'beacon')).toEqual([])
    expect(watcher.history({ account, workspace: 'other' }, 'beacon')).toHaveLength(1)
  })

  it('learns nothing of an entity while an alert of it is open', () => {
    const HOUR_MS = 3_600_000
    const calls = (hour: number, count: number, from: number) =>
      Array.from({ length: count }, (_, i) =>
        anOcsfEvent(from + i, START + hour * HOUR_MS + i, {
          class_uid: 6003,
          actor: { user: { name: 'robot' } },
          api: { operation: 'x' },
        }),
      )
    const run = (frozen: boolean) => {
      const { watcher, detect } = watching()
      let offset = 0
      const hour = (at: number, count: number) => {
        const events = calls(at, count, offset)
        offset += count
        return detect(events)
      }
      for (let at = 0; at < 200; at++) expect(hour(at, 10)).toEqual([])
      const told = hour(200, 200)
      expect(told.map(({ rule }) => rule.id)).toEqual(['baseline/api-volume'])
      if (frozen) watcher.freeze({ account, entities: [{ workspace: 'default', name: 'api-volume', entity: 'robot' }] })
      if (frozen)
        expect(watcher.report(place).find(({ name }) => name === 'api-volume')).toMatchObject({ state: 'frozen' })
      // Three weeks of the attack: whoever learns of them takes them for ordinary.
      for (let at = 201; at < 201 + 21 * 24; at++) hour(at, 200)
      watcher.freeze({ account, entities: [] })
      return hour(201 + 21 * 24, 200).length + hour(202 + 21 * 24, 200).length
    }
    expect(run(false)).toBe(0)
    expect(run(true)).toBe(2)
  })

  it('looks at every class that a baseline names, and describes each one once', () => {
    expect(new Set(baselines.map(({ name }) => name)).size).toBe(baselines.length)
    for (const { name, title, watches, needs, learns, classes, techniques } of baselines) {
      expect(name).toMatch(/^[a-z-]+$/)
      for (const text of [title, watches, needs, learns]) expect(text.length).toBeGreaterThan(5)
      expect(classes.length).toBeGreaterThan(0)
      for (const technique of techniques) expect(technique).toMatch(/^T\d{4}(\.\d{3})?$/)
    }
  })

  it('has every baseline in the page that tells of them', () => {
    const page = readFileSync(new URL('../../../docs/baselines.md', import.meta.url), 'utf8')
    const named = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
    expect(named.sort()).toEqual(baselines.map(({ name }) => name).sort())
  })

  it('takes whatever events say', () => {
    const anything = fc.anything({ maxDepth: 3, withNullPrototype: false })
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            class_uid: fc.constantFrom(3002, 4001, 4002, 4003, 6003, 1007),
            activity_id: fc.constantFrom(1, 2, 6),
            ...Object.fromEntries(
              ['status_id', 'user', 'actor', 'src_endpoint', 'dst_endpoint', 'traffic', 'query', 'device'].map(
                (member) => [member, anything] as const,
              ),
            ),
          }),
        ),
        (events) => {
          const { detect } = watching()
          detect(events.map((ocsf, i) => anOcsfEvent(i, START + i, JSON.parse(JSON.stringify(ocsf)))))
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('what is kept', () => {
  const events = callsHome(4, 70)

  it('taken at any time and restored, with what followed looked at again, gives the findings of an undisturbed run', () => {
    const expected = watching().detect(events)
    expect(expected.length).toBe(4)
    fc.assert(
      fc.property(fc.array(fc.nat(events.length), { maxLength: 6 }), (cuts) => {
        const told = new Map<string, unknown>()
        let state: Uint8Array | undefined
        let offset = 0
        for (const cut of [...cuts.sort((a, b) => a - b), events.length]) {
          const { detector } = watching()
          // A process that dies somewhere after its last snapshot, and the next one that begins there.
          const from = Math.min(offset, detector.restore(shard, state) ?? offset)
          for (const finding of detector.detect(shard, events.slice(from, cut))) told.set(finding.id, finding)
          if (cut % 2 === 1) continue
          state = detector.snapshot(shard)
          offset = cut
        }
        expect([...told.values()]).toEqual(expect.arrayContaining([...expected]))
        expect(told.size).toBe(expected.length)
      }),
      { numRuns: 100 },
    )
  })

  it('is not written anew for every few events where it is large, and says from where on it wants them again', () => {
    const { detector, detect } = watching()
    const many = Array.from({ length: 3_000 }, (_, i) =>
      aConnection(i, START + i * 1000, `10.${i % 7}.${i % 251}.${i % 13}`, `198.51.${i % 100}.${i % 250}`),
    )
    detect(many.slice(0, 2_900))
    detector.snapshot(shard)
    // Turns of the stream, in which it is written on.
    for (let turn = 0; turn < 20; turn++) detect([])
    const first = detector.snapshot(shard)
    detect(many.slice(2_900, 2_910))
    const second = detector.snapshot(shard)
    const restored = watching()
    expect(restored.detector.restore(shard, second)).toBe(2_900)
    expect(first?.length).toBeGreaterThan(2_000)
    // It steps over nothing: what the older part lacks is taken in, once.
    restored.detect(many.slice(2_900))
    detect(many.slice(2_910))
    const samples = (one: ReturnType<typeof watching>) =>
      one.watcher.report(place).find(({ name }) => name === 'beacon')?.samples
    expect(samples(restored)).toBe(3_000)
  })

  it('of another version is not used: the baseline learns anew', () => {
    const { detector, detect } = watching()
    detect(callsHome(1, 20))
    const state = detector.snapshot(shard)
    const next = createBaselineWatcher({ catalogue: baselines.map((one) => ({ ...one, version: one.version + 1 })) })
    next.changeSettings({ account, key, settings: [] })
    const later = createDetector({ watchers: [next] })
    later.restore(shard, state)
    expect(next.report(place).find(({ name }) => name === 'beacon')).toMatchObject({ samples: 0, state: 'learning' })
  })
})
