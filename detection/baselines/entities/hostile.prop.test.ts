import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wholeOf } from '../blocks/savable.ts'
import { twins } from '../testing/twins.ts'

const anyNumber = fc.oneof(
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, -1, 1e308, 5e-324, 2 ** 53),
  fc.integer({ min: 0, max: 4_000_000_000 }),
  fc.double(),
)
const anyText = fc.oneof(
  fc.constantFrom('', 'a', '__proto__', 'constructor', 'a.example', 'x'.repeat(5_000), '\u0000', '\ud800'),
  fc.string({ unit: 'binary', maxLength: 80 }),
)
/** An observation of every kind at once; each detector takes its own members. */
const anyObservation = fc.record({
  at: anyNumber,
  entity: anyText,
  peerGroup: anyText,
  value: anyText,
  amount: anyNumber,
  source: anyText,
  destination: anyText,
  bytesOut: anyNumber,
  client: anyText,
  name: anyText,
  registeredDomain: anyText,
  label: anyText,
  resolved: fc.boolean(),
  user: anyText,
  network: anyText,
  latitude: anyNumber,
  longitude: anyNumber,
  accuracyKm: anyNumber,
  succeeded: fc.boolean(),
  key: anyText,
  agent: anyText,
  service: anyText,
  operation: anyText,
  region: anyText,
  denied: fc.boolean(),
  host: anyText,
  bytes: anyNumber,
  parent: anyText,
  child: anyText,
  peer: anyText,
  port: anyText,
  bytesIn: anyNumber,
  failed: fc.boolean(),
  signature: anyText,
  serverName: anyText,
  selfSigned: fc.boolean(),
})

describe.each(twins.map((twin) => [twin.detector, twin] as const))('%s', (_, twin) => {
  it('takes whatever events say: no error, no number that is none, and goes on from its saved state', () => {
    fc.assert(
      fc.property(fc.array(anyObservation, { maxLength: 120 }), (observations) => {
        const whole = twin.create()
        let part = twin.create()
        for (const observation of observations) {
          const stated = whole.observe(observation)
          expect(part.observe(observation)).toEqual(stated)
          part = twin.create(JSON.parse(JSON.stringify(wholeOf(part.save()))))
          if (!stated) continue
          expect(stated.score).toBeGreaterThan(0)
          expect(stated.score).toBeLessThanOrEqual(1)
          expect(`${stated.expected} ${stated.seen}`).not.toMatch(/NaN|undefined|Infinity/)
        }
      }),
      { numRuns: 25 },
    )
  })
})
