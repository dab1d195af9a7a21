import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HalfSpaceForest } from './half-space-forest.ts'
import { seededRandom } from './random.ts'

const options = { dimensions: 2, seed: 7, trees: 25, depth: 8, window: 100 }
const points = fc.array(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  { maxLength: 250 },
)

describe('HalfSpaceForest', () => {
  it('finds a place nobody was at thinner than where all were', () => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed)
      const forest = new HalfSpaceForest({ ...options, seed })
      const near = () => [0.3 + 0.05 * random(), 0.6 + 0.05 * random()]
      for (let i = 0; i < 400; i++) forest.next(near())
      const dense = forest.next(near()) ?? 0
      const thin = forest.next([0.9, 0.1]) ?? Number.POSITIVE_INFINITY
      expect(dense).toBeGreaterThan(1)
      expect(thin).toBeLessThan(0.1)
    }
  })

  it('goes on after saving and loading as if nothing had been', () => {
    fc.assert(
      fc.property(points, points, (before, after) => {
        const forest = new HalfSpaceForest(options)
        for (const point of before) forest.next(point)
        const loaded = new HalfSpaceForest(options, JSON.parse(JSON.stringify(forest.save())))
        expect(after.map((point) => loaded.next(point))).toEqual(after.map((point) => forest.next(point)))
      }),
      { numRuns: 30 },
    )
  })

  it('says nothing within its first window', () => {
    const forest = new HalfSpaceForest(options)
    for (let i = 0; i < 100; i++) expect(forest.next([0.5, 0.5])).toBeUndefined()
    expect(forest.next([0.5, 0.5])).toBeGreaterThan(1)
  })
})
