import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getSeriesModel, seriesModels } from './models.ts'

const STEP_MS = 300_000
const rows = (from: number, values: readonly number[]) =>
  values.map((value, i) => [(from + i) * STEP_MS, value] as const)
const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: -1e100, max: 1e100, noNaN: true })), {
  maxLength: 400,
})

describe.each(seriesModels.map((kind) => [kind.name, kind] as const))('model %s', (_, kind) => {
  it('gives a score from 0 to 1 for any numbers', () => {
    fc.assert(
      fc.property(values, (numbers) => {
        const model = kind.create()
        for (const [at, value] of rows(0, numbers)) {
          const { score } = model.next(at, value)
          expect(score).toBeGreaterThanOrEqual(0)
          expect(score).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('goes on after saving and loading as if nothing had been', () => {
    fc.assert(
      fc.property(values, values, (before, after) => {
        const model = kind.create()
        for (const [at, value] of rows(0, before)) model.next(at, value)
        const loaded = kind.restore(JSON.parse(JSON.stringify(model.save())))
        expect(loaded.learning).toBe(model.learning)
        for (const [at, value] of rows(before.length, after))
          expect(loaded.next(at, value)).toEqual(model.next(at, value))
      }),
      { numRuns: 30 },
    )
  })

  it('learns first, and says so', () => {
    const model = kind.create()
    expect(model.learning).toBe(true)
    expect(model.next(0, 1e9).score).toBe(0)
    for (const [at, value] of rows(
      1,
      Array.from({ length: 3_000 }, (_unused, i) => i % 7),
    ))
      model.next(at, value)
    expect(model.learning).toBe(false)
  })

  it('finds a spike and a fall of the level in ordinary noise', () => {
    const model = kind.create()
    const noise = (i: number) => 100 + 10 * Math.sin(i * 78.233) * Math.sin(i * 12.9898)
    const normal = rows(
      0,
      Array.from({ length: 4_000 }, (_unused, i) => noise(i)),
    )
    const before = normal.map(([at, value]) => model.next(at, value).score)
    const state = model.save()
    const most = (numbers: readonly number[]) => {
      const copy = kind.restore(state)
      return Math.max(...rows(4_000, numbers).map(([at, value]) => copy.next(at, value).score))
    }
    const usual = Math.max(...before.slice(1_000))
    expect(most([300])).toBeGreaterThan(usual)
    expect(most(Array.from({ length: 30 }, () => 60))).toBeGreaterThan(usual)
  })

  it('says why: the feature, what was seen, and where it used to lie', () => {
    const model = kind.create()
    for (const [at, value] of rows(
      0,
      Array.from({ length: 4_000 }, (_unused, i) => 100 + (i % 7)),
    ))
      model.next(at, value)
    const { score, reason } = model.next(4_000 * STEP_MS, 300)
    expect(score).toBeGreaterThan(0.2)
    expect(reason?.feature).not.toBe('')
    const [low, high] = reason!.usual
    expect(low).toBeLessThanOrEqual(high)
    expect(reason!.seen < low || reason!.seen > high).toBe(true)
  })

  it('refuses a state of another version', () => {
    for (const state of [null, {}, { version: 99 }, 'x']) {
      expect(() => kind.restore(state)).toThrow(expect.objectContaining({ code: 'detection.baseline.stateUnreadable' }))
    }
  })
})

it('an unknown model is refused with the nearest name', () => {
  expect(() => getSeriesModel('suprise')).toThrow('did you mean `surprise`?')
})
