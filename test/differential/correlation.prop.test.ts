import fc from 'fast-check'
import { expect, test } from 'vitest'
import { correlationHolds } from './correlation-holds.ts'
import { naiveHolds } from './naive-correlation.ts'
import { correlationSet, matchedEvents } from './random-sigma.ts'

const runs = Number(process.env.SIGMA_PAIRS ?? 8_000) / 10

test('random correlations hold where a literal reading of the specification says', { timeout: 600_000 }, () => {
  const seen = { events: 0, holds: 0 }
  fc.assert(
    fc.property(correlationSet, matchedEvents, (correlations, events) => {
      const expected = naiveHolds(correlations, events)
      expect(correlationHolds(correlations, events)).toEqual(expected)
      seen.events += correlations.length * events.length
      seen.holds += expected.length
    }),
    { numRuns: runs },
  )
  expect(seen.holds / seen.events).toBeGreaterThan(0.1)
  expect(seen.holds / seen.events).toBeLessThan(0.9)
})
