import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildRuleSet } from '../rule-set.ts'
import { rulesOf, ruleText } from '../testing/builders.ts'
import { CorrelationBudget } from './budget.ts'
import { Correlator, type MatchedEvent } from './correlator.ts'
import type { Checkpoint } from './group-disk.ts'
import type { Pace } from './pace.ts'

const START = Date.UTC(2026, 0, 1)
const DISK_BYTES = 60_000
const pace: Pace = {
  segmentBytes: 4_000,
  sliceGroups: 2_000,
  sliceBytes: 200_000,
  atOnceBytes: 200_000,
  compactionBytes: 2_000,
}
const { ruleSet } = buildRuleSet(
  rulesOf(
    ruleText('failed', '{s: {failed: 1}, condition: s}'),
    'title: C\nid: c\ncorrelation: {type: event_count, rules: [failed], group-by: [who], timespan: 2h, condition: {gte: 5}}',
  ),
)

function aDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-last-resort-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function aCorrelator(dir: string, budget: CorrelationBudget, from: Checkpoint | number = 0): Correlator {
  const correlator = new Correlator(ruleSet.correlations, { latenessMs: 60_000, dir, budget, pace, from })
  onTestFinished(() => correlator.close())
  return correlator
}

function failureOf(who: string, ref: number): MatchedEvent {
  const time = START + ref * 100
  return { time, arrivedAt: time, ref, ruleIds: ['failed'], value: () => who }
}

const bytesOf = (dir: string): number => readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)

describe('more groups than the disk may hold', () => {
  it.each([
    ['bytes', { memoryBytes: 0, diskBytes: DISK_BYTES }, 300],
    ['groups', { memoryBytes: 0, coldGroups: 400 }, 300],
    ['bytes, with some in memory', { memoryBytes: 8_000, diskBytes: DISK_BYTES }, 300],
  ])('by %s: the quietest are dropped and counted, those that go on are not', (_, limits, keptMin) => {
    const dir = aDir()
    const correlator = aCorrelator(dir, new CorrelationBudget(limits))
    const holds: string[] = []
    let madeUp = 0
    let most = 0
    for (let ref = 0; ref < 6_000; ref++) {
      // One goes on all the time, among those that nobody hears of again.
      const who = ref % 50 === 0 ? 'goes on' : `made up ${madeUp++}`
      for (const { groupKey, window } of correlator.see(failureOf(who, ref))) holds.push(`${groupKey} ${window.length}`)
      correlator.tend()
      if (ref % 60 === 59) correlator.keep(ref + 1)
      most = Math.max(most, bytesOf(dir))
    }
    // Five and more, of 120.
    expect(holds).toHaveLength(116)
    expect(new Set(holds.map((hold) => hold.split(' ')[0]))).toEqual(new Set(['7:goes']))
    const { groups, evictedGroups, lostGroups } = correlator.counts()
    expect({ sum: groups + evictedGroups, lostGroups }).toEqual({ sum: madeUp + 1, lostGroups: 0 })
    expect(evictedGroups).toBeGreaterThan(0)
    // No more than must be, and files go a while after what is in them.
    expect(groups).toBeGreaterThan(keptMin)
    expect(most).toBeLessThan(2 * DISK_BYTES)

    // The last that were made up are still there.
    const last = `made up ${madeUp - 1}`
    const again = [1, 2, 3, 4].flatMap((n) => correlator.see(failureOf(last, 6_000 + n)))
    expect(again.map(({ window }) => window.length)).toEqual([5])
  })

  it('is dropped of whoever has most, also when nothing comes to it any more', () => {
    const budget = new CorrelationBudget({ memoryBytes: 0, diskBytes: DISK_BYTES })
    const quiet = aCorrelator(aDir(), budget)
    for (let ref = 0; ref < 450; ref++) {
      quiet.see(failureOf(`quiet ${ref}`, ref))
      quiet.tend()
    }
    const before = quiet.counts()
    expect(before).toMatchObject({ groups: 450, evictedGroups: 0 })
    const busy = aCorrelator(aDir(), budget)
    for (let ref = 0; ref < 420; ref++) {
      busy.see(failureOf(`busy ${ref}`, ref))
      busy.tend()
    }
    expect(busy.counts()).toMatchObject({ groups: 420, evictedGroups: 0 })
    const { groups, evictedGroups, diskBytes } = quiet.counts()
    expect(evictedGroups).toBeGreaterThan(0)
    expect(groups + evictedGroups).toBe(450)
    expect(diskBytes + busy.counts().diskBytes).toBeLessThan(DISK_BYTES + pace.segmentBytes)
  })

  it('leaves those in memory, and goes no further for their sake', () => {
    const dir = aDir()
    const first = aCorrelator(dir, new CorrelationBudget({ memoryBytes: 0 }))
    for (let ref = 0; ref < 1_000; ref++) first.see(failureOf(`group ${ref}`, ref))
    const kept = first.keep(1_000) as Checkpoint
    expect(kept.offset).toBe(1_000)
    first.close()

    const correlator = aCorrelator(dir, new CorrelationBudget({ diskBytes: DISK_BYTES }), kept)
    const { diskBytes } = correlator.counts()
    expect(diskBytes).toBeGreaterThan(DISK_BYTES)
    // Of every file some come back to memory, and change.
    for (let ref = 0; ref < 1_000; ref += 10) correlator.see(failureOf(`group ${ref}`, 1_000 + ref))
    for (let n = 0; n < 400; n++) correlator.tend()
    const { groups, coldGroups, evictedGroups } = correlator.counts()
    expect({ sum: groups + evictedGroups, hot: groups - coldGroups }).toEqual({ sum: 1_000, hot: 100 })
    const evictedMin = (1_000 * (diskBytes - DISK_BYTES)) / diskBytes
    expect(evictedGroups).toBeGreaterThan(evictedMin / 2)
    expect(evictedGroups).toBeLessThan(evictedMin + 200)
  })

  it('after a restart what was dropped since the last checkpoint is there again, and nothing else is gone', () => {
    const dir = aDir()
    const budget = () => new CorrelationBudget({ memoryBytes: 0, diskBytes: DISK_BYTES })
    const correlator = aCorrelator(dir, budget())
    let kept: Checkpoint | undefined
    for (let ref = 0; ref < 3_000; ref++) {
      correlator.see(failureOf(`made up ${ref}`, ref))
      correlator.tend()
      if (ref % 60 === 59) kept = correlator.keep(ref + 1)
    }
    correlator.close()
    const again = aCorrelator(dir, budget(), kept as Checkpoint)
    const { groups, evictedGroups, lostGroups } = again.counts()
    expect({ evictedGroups, lostGroups }).toEqual({ evictedGroups: 0, lostGroups: 0 })
    expect(groups).toBeGreaterThan(300)
    // The latest of the checkpoint is one of them.
    const last = `made up ${(kept as Checkpoint).offset - 1}`
    const holds = [1, 2, 3, 4].flatMap((n) => again.see(failureOf(last, 3_000 + n)))
    expect(holds.map(({ window }) => window.length)).toEqual([5])
  })
})
