import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LastUses } from './last-uses.ts'

describe('LastUses', () => {
  it('says when values were used last, and holds those used last, as a plain list does, saved and loaded at any point', () => {
    const uses = fc.array(
      fc.record({ value: fc.constantFrom(...'abcdefgh', 'x'.repeat(200)), at: fc.nat(9), isSaved: fc.boolean() }),
      { maxLength: 80 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), uses, (max, list) => {
        let last = new LastUses(max)
        let naive: (readonly [value: string, at: number])[] = []
        for (const { value, at, isSaved } of list) {
          const before = naive.find(([one]) => one === value)?.[1] ?? Number.NEGATIVE_INFINITY
          expect(last.use(value, at)).toBe(before)
          naive = [...naive.filter(([one]) => one !== value), [value, at] as const].slice(-max)
          if (isSaved) last = new LastUses(max, JSON.parse(JSON.stringify(last.entries())) as [string, number][])
          expect(last.entries().map(([, usedAt]) => usedAt)).toEqual(naive.map(([, usedAt]) => usedAt))
          expect(last.size).toBe(naive.length)
          expect(new Set(last.values()).size).toBe(naive.length)
          for (const [one] of naive) expect(last.has(one)).toBe(true)
        }
      }),
      { interruptAfterTimeLimit: 5_000 },
    )
  })
})
