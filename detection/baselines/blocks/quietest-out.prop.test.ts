import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuietestOut } from './quietest-out.ts'

describe('QuietestOut', () => {
  it('holds the keys used last, as a plain list of uses says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 60 }),
        (max, uses) => {
          const map = new QuietestOut<string>(max)
          for (const key of uses) expect(map.use(key, () => key)).toBe(key)
          const latest = [...new Set(uses.toReversed())].slice(0, max).toReversed()
          expect([...map.entries()].map(([key]) => key)).toEqual(latest)
          expect(map.size).toBe(latest.length)
          for (const key of 'abcdefgh') expect(map.has(key)).toBe(latest.includes(key))
        },
      ),
    )
  })

  it('counts what it drops, and holds no long name', () => {
    const map = new QuietestOut<number>(2)
    const long = 'x'.repeat(100_000)
    for (const [i, key] of ['a', long, 'b'].entries()) map.use(key, () => i)
    expect(map.dropped).toBe(1)
    expect(map.peek(long)).toBe(1)
    expect(Math.max(...[...map.entries()].map(([key]) => key.length))).toBe(64)
    map.delete(long)
    expect(map.has(long)).toBe(false)
  })
})
