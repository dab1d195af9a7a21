import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CorrelationBudget } from './budget.ts'
import { Correlator, type MatchedEvent } from './correlator.ts'
import type { Checkpoint } from './group-disk.ts'
import type { GroupsOptions } from './groups.ts'
import { usualPace } from './pace.ts'
import { eventsOf, LATENESS_MS, misfits, ruleSet, steps, tinyPace, toldOf } from './testing.ts'

describe('groups', () => {
  it.each([
    ['with room for none', 0, tinyPace],
    ['with room for a few', 4_000, { ...tinyPace, segmentBytes: 10_000 }],
    ['with room for all', 1e9, tinyPace],
    ['with room for none and checkpoints at once', 0, usualPace],
  ])(
    '%s say the same as in unlimited memory, whenever the process dies',
    { timeout: 240_000 },
    async (_, memoryBytes, pace) => {
      const dir = mkdtempSync(join(tmpdir(), 'rampart-groups-'))
      onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
      expect(misfits).toEqual([])
      await fc.assert(
        fc.asyncProperty(steps, async (stream) => {
          const events = eventsOf(stream)
          const unlimited = new Correlator(ruleSet.correlations, {
            latenessMs: LATENESS_MS,
            budget: new CorrelationBudget({ memoryBytes: Number.POSITIVE_INFINITY }),
          })
          const expected = events.map((event) => toldOf(unlimited, event))

          const begin = (from: Checkpoint | number) =>
            new Correlator(ruleSet.correlations, {
              ...{ latenessMs: LATENESS_MS, dir, from, pace },
              budget: new CorrelationBudget({ memoryBytes }),
            } satisfies GroupsOptions)
          const told: string[][] = events.map(() => [])
          let kept: Checkpoint | number = 0
          let correlator = begin(kept)
          // Each death once.
          const deaths = new Set<number>()
          for (let at = 0; at < events.length; ) {
            // Told again after a death, and the same again.
            told[at] = toldOf(correlator, events[at]!)
            const { next } = stream[at]!
            if (next === 'tend') correlator.tend()
            if (next === 'wait') await new Promise((resolve) => setTimeout(resolve, 1))
            if (next === 'keep') kept = correlator.keep(at + 1) ?? kept
            at++
            if (next !== 'die' || deaths.has(at)) continue
            deaths.add(at)
            correlator.close()
            correlator = begin(kept)
            at = typeof kept === 'number' ? kept : kept.offset
          }
          expect(told).toEqual(expected)
          const { evictedGroups, lostGroups } = correlator.counts()
          expect({ evictedGroups, lostGroups }).toEqual({ evictedGroups: 0, lostGroups: 0 })
          correlator.close()
        }),
        // Each run waits for the disk hundreds of times: on a slow one there are fewer.
        { numRuns: 25, interruptAfterTimeLimit: 120_000 },
      )
    },
  )

  it('whose time ends while a checkpoint is under way are in it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rampart-groups-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const fields: Readonly<Record<string, string>> = { who: 'ann', host: 'h' }
    const refused = (ref: number, arrivedAt: number): MatchedEvent => {
      return { time: arrivedAt, arrivedAt, ref, ruleIds: ['a'], value: (name) => fields[name] }
    }
    const events = [0, 1_000, 2_000, 3_600_000].map((at, ref) => refused(ref, Date.UTC(2026, 0, 1) + at))
    const pace = { ...tinyPace, sliceGroups: 0 }
    const begin = (from: Checkpoint | number) =>
      new Correlator(ruleSet.correlations, { latenessMs: LATENESS_MS, dir, from, pace })
    const correlator = begin(0)
    toldOf(correlator, events[0]!)
    correlator.keep(1)
    const told = events.slice(1).map((event) => toldOf(correlator, event))
    expect(told.flat()).toContain('2 count 3:ann1:h 1767225602000 0,1,2')
    let kept: Checkpoint | undefined
    pace.sliceGroups = 9
    while (kept?.offset !== 1) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      kept = correlator.keep(events.length)
      correlator.tend()
    }
    correlator.close()
    const again = begin(kept)
    expect(events.slice(1).map((event) => toldOf(again, event))).toEqual(told)
    again.close()
  })
})
