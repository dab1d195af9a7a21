import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tail } from './tail.ts'

const numbers = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 0, maxLength: 300 })

describe('Tail', () => {
  it('goes on after saving and loading as if nothing had been', () => {
    fc.assert(
      fc.property(numbers, numbers, (before, after) => {
        const tail = new Tail()
        for (const x of before) tail.next(x)
        const loaded = new Tail(JSON.parse(JSON.stringify(tail.save())))
        expect(after.map((x) => loaded.next(x))).toEqual(after.map((x) => tail.next(x)))
      }),
    )
  })

  it('is as surprised by the mirror image', () => {
    fc.assert(
      fc.property(numbers, (xs) => {
        const [one, other] = [new Tail(), new Tail()]
        for (const x of xs) expect(one.next(x)).toBe(other.next(-x))
      }),
    )
  })

  it('is the more surprised the farther out a number lies, and not at all inside', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 80, maxLength: 200 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (xs, a, b) => {
          const learned = new Tail()
          for (const x of xs) learned.next(x)
          const state = learned.save()
          const [near, far] = [Math.min(a, b), Math.max(a, b)]
          expect(new Tail(state).next(1 + far)).toBeGreaterThanOrEqual(new Tail(state).next(1 + near))
          const [low, high] = learned.usual
          if (low < high) expect(new Tail(state).next((low + high) / 2)).toBe(0)
        },
      ),
    )
  })

  it('holds at most four times five numbers a generation, however many came', () => {
    const tail = new Tail()
    for (let i = 0; i < 60_000; i++) tail.next(Math.sin(i * 12.9898) * 43_758)
    const { current, previous } = tail.save()
    expect([current.high, current.low, previous.high, previous.low].map((side) => side.length)).toEqual([5, 5, 5, 5])
  })

  it('is surprised again by what was extreme two generations ago', () => {
    const tail = new Tail()
    const wave = (from: number, to: number) => {
      for (let i = from; i < to; i++) tail.next(Math.sin(i))
    }
    wave(0, 1_000)
    for (let i = 0; i < 5; i++) tail.next(100)
    wave(1_000, 2_000)
    expect(tail.next(100)).toBe(0)
    wave(2_000, 60_000)
    expect(tail.next(100)).toBeGreaterThan(6)
  })
})
