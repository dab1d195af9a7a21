import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearestYear } from './time.ts'

describe('a day and time without year', () => {
  it('is within half a year of the time it is read', () => {
    const near = fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2090, 0, 1) })
    fc.assert(
      fc.property(near, fc.integer({ min: -170, max: 170 }), (now, days) => {
        const then = new Date(now + days * 86_400_000)
        const day = { month: then.getUTCMonth(), day: then.getUTCDate() }
        const time = { hour: then.getUTCHours(), minute: then.getUTCMinutes(), second: then.getUTCSeconds() }
        expect(nearestYear(now, day, time)).toBe(Math.floor(then.getTime() / 1000) * 1000)
      }),
    )
  })
})
