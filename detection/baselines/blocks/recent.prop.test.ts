import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Recent } from './recent.ts'

it('holds the last numbers, also after saving and loading', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer(), { maxLength: 40 }), (size, numbers) => {
      const recent = new Recent(size)
      for (const number of numbers) recent.push(number)
      for (const one of [recent, new Recent(size, JSON.parse(JSON.stringify(recent.save())))]) {
        expect(one.count).toBe(numbers.length)
        const held = Math.min(size, numbers.length)
        expect(Array.from({ length: held }, (_, age) => one.at(age))).toEqual(
          numbers.slice(-held).reverse().slice(0, held),
        )
      }
    }),
  )
})
