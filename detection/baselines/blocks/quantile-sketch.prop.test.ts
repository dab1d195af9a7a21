import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SKETCH_BUCKETS_MAX } from '../limits.ts'
import { QuantileSketch } from './quantile-sketch.ts'

const numbers = fc.array(
  fc.oneof(
    fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    fc.double({ min: -1e6, max: -1e-6, noNaN: true }),
    fc.constant(0),
  ),
  { minLength: 1, maxLength: 150 },
)
const filled = (xs: readonly number[]) => {
  const sketch = new QuantileSketch()
  for (const x of xs) sketch.add(x)
  return sketch
}

describe('QuantileSketch', () => {
  it('knows every quantile to a relative error of 1 %', () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (xs, q) => {
        const exact = [...xs].sort((a, b) => a - b)[Math.min(xs.length - 1, Math.floor(q * xs.length))]!
        expect(Math.abs(filled(xs).quantile(q)! - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.0100001)
      }),
    )
  })

  it('is the same after saving and loading', () => {
    fc.assert(
      fc.property(numbers, numbers, (before, after) => {
        const sketch = filled(before)
        const loaded = new QuantileSketch(JSON.parse(JSON.stringify(sketch.save())))
        for (const x of after) for (const one of [sketch, loaded]) one.add(x)
        expect(loaded.save()).toEqual(sketch.save())
      }),
    )
  })

  it('stays within its buckets for numbers of any size, with the high quantiles still right', () => {
    const sketch = new QuantileSketch()
    for (let i = 0; i < 5_000; i++) sketch.add(1.013 ** i * 1e-8)
    expect(sketch.save().positive.length).toBeLessThanOrEqual(SKETCH_BUCKETS_MAX)
    expect(Math.abs(sketch.quantile(0.99)! / (1.013 ** 4_950 * 1e-8) - 1)).toBeLessThan(0.011)
  })

  it('aging lets what came later decide', () => {
    const sketch = filled(Array.from({ length: 100 }, () => 10))
    sketch.age(0.1)
    for (let i = 0; i < 20; i++) sketch.add(50)
    expect(sketch.weight).toBeCloseTo(30)
    expect(sketch.quantile(0.5)).toBeCloseTo(50, 0)
    for (let i = 0; i < 100; i++) sketch.age(0.5)
    expect(sketch.quantile(0.5)).toBeUndefined()
  })
})
