import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RampartError } from '../../platform/base/index.ts'
import { CorrelationBudget } from './budget.ts'
import { Correlator } from './correlator.ts'
import { type Fault, FaultyStateDisk } from './faulty-state-disk.ts'
import type { Checkpoint } from './group-disk.ts'
import { usualPace } from './pace.ts'
import { eventsOf, LATENESS_MS, ruleSet, steps, tinyPace, toldOf } from './testing.ts'

const faults = fc.array(
  fc.record({
    /** Calls that go well before it. */
    after: fc.nat(60),
    fault: fc.constantFrom<Fault>('EIO', 'ENOSPC', 'short'),
  }),
  { maxLength: 12 },
)

/** Numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('groups on a disk that fails', () => {
  it.each([
    ['with room for none', 0, tinyPace],
    ['with room for a few', 4_000, { ...tinyPace, segmentBytes: 10_000 }],
    ['with room for none and checkpoints at once', 0, { ...usualPace, segmentBytes: 2_000 }],
  ])(
    '%s say the same once it is sound again, also when power is cut',
    { timeout: 240_000 },
    async (_, memoryBytes, pace) => {
      let refusals = 0
      await fc.assert(
        fc.asyncProperty(steps, faults, fc.nat(), async (stream, schedule, seed) => {
          const dir = mkdtempSync(join(tmpdir(), 'rampart-faults-'))
          onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
          const events = eventsOf(stream)
          const unlimited = new Correlator(ruleSet.correlations, {
            latenessMs: LATENESS_MS,
            budget: new CorrelationBudget({ memoryBytes: Number.POSITIVE_INFINITY }),
          })
          const expected = events.map((event) => toldOf(unlimited, event))

          const random = randomFrom(seed)
          const left = [...schedule]
          let calls = 0
          const files = new FaultyStateDisk(() => {
            const [next] = left
            if (!next || calls++ < next.after) return undefined
            calls = 0
            left.shift()
            return next.fault
          }, random)

          // Of the last two checkpoints that were given the event store has one or the other.
          let given: readonly (Checkpoint | number)[] = [0]
          /** As a shard does: it begins again until it can. */
          const begin = () => {
            if (given.length > 1 && random() < 0.5) given = given.slice(0, 1)
            const from = given.at(-1) as Checkpoint | number
            given = [from]
            for (;;) {
              const options = { latenessMs: LATENESS_MS, dir, from, pace, files }
              try {
                const budget = new CorrelationBudget({ memoryBytes })
                const correlator = new Correlator(ruleSet.correlations, { ...options, budget })
                return { correlator, at: typeof from === 'number' ? from : from.offset }
              } catch (error) {
                requireNotWritten(error)
                refusals++
              }
            }
          }
          const told: string[][] = events.map(() => [])
          const deaths = new Set<number>()
          let { correlator, at } = begin()
          while (at < events.length) {
            const { next } = stream[at] ?? {}
            try {
              told[at] = toldOf(correlator, events[at]!)
              if (next === 'tend') correlator.tend()
              if (next === 'wait') await new Promise((resolve) => setTimeout(resolve, 1))
              if (next === 'keep') given = [given.at(-1)!, correlator.keep(at + 1)!]
              at++
              if (next !== 'die' || deaths.has(at)) continue
              deaths.add(at)
              correlator.close()
              // A sync under way still has its files.
              await new Promise((resolve) => setTimeout(resolve, 1))
              if (random() < 0.5) files.cutPower()
            } catch (error) {
              requireNotWritten(error)
              refusals++
              correlator.close()
            }
            ;({ correlator, at } = begin())
          }
          correlator.close()
          expect(told).toEqual(expected)
          const { evictedGroups, lostGroups } = correlator.counts()
          expect({ evictedGroups, lostGroups }).toEqual({ evictedGroups: 0, lostGroups: 0 })
        }),
        { numRuns: 60, interruptAfterTimeLimit: 60_000 },
      )
      expect(refusals).toBeGreaterThan(0)
    },
  )
})

function requireNotWritten(error: unknown): void {
  if (!(error instanceof RampartError) || error.code !== 'detection.state.notWritten') throw error
}
