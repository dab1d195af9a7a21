import { describe, expect, it } from 'vitest'
import { wholeOf } from '../blocks/savable.ts'
import { evaluate } from '../testing/twin.ts'
import { twins } from '../testing/twins.ts'

describe.each(twins.map((twin) => [twin.detector, twin] as const))('%s', (_, twin) => {
  const strongest = twin.strengths.at(-1)!

  it.each([1, 2])('finds what is strong enough, and states little else (seed %d)', (seed) => {
    const { recall, precision } = evaluate(twin, strongest.make, seed)
    expect(recall).toBeGreaterThanOrEqual(0.9)
    // Hours that are odd together are less sure a sign than the others look for.
    expect(precision).toBeGreaterThanOrEqual(twin.detector === 'network-behaviour' ? 0.75 : 0.85)
  })

  it('states the same after saving and loading at any point, and says whom it knows', () => {
    const observations = strongest
      .make(3)
      .observations.sort((a, b) => a.at - b.at)
      .slice(0, 60_000)
    const whole = twin.create()
    const expected = observations.flatMap((observation) => whole.observe(observation) ?? [])
    let part = twin.create()
    const actual = observations.flatMap((observation, i) => {
      if (i % 9_973 === 5_000) part = twin.create(JSON.parse(JSON.stringify(wholeOf(part.save()))))
      return part.observe(observation) ?? []
    })
    expect(actual).toEqual(expected)
    expect(wholeOf(part.save())).toEqual(wholeOf(whole.save()))
    if (twin.detector !== 'generated-domain')
      expect(whole.learning('nobody')).toEqual({ state: 'unknown', progress: 0 })
    for (const { entity } of expected.slice(0, 3)) expect(whole.learning(entity)).toMatchObject({ state: 'active' })
  })

  it('explains itself', () => {
    const detector = twin.create()
    const stated = strongest
      .make(4)
      .observations.sort((a, b) => a.at - b.at)
      .flatMap((observation) => detector.observe(observation) ?? [])
    expect(stated.length).toBeGreaterThan(0)
    for (const deviation of stated) {
      expect(deviation.detector).toBe(twin.detector)
      expect(deviation.score).toBeGreaterThan(0)
      expect(deviation.score).toBeLessThanOrEqual(1)
      expect(deviation.since).toBeLessThanOrEqual(deviation.at)
      expect(`${deviation.expected} ${deviation.seen}`).not.toMatch(/NaN|undefined|Infinity/)
    }
  })
})
