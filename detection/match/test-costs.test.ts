import { expect, test } from 'vitest'
import { TestCosts } from './test-costs.ts'

test('one pause of the machine makes no rule look costly', () => {
  const costs = new TestCosts()
  for (let i = 0; i < 100; i++) {
    costs.note(1, 400 + i)
    costs.note(2, 4_000)
  }
  costs.note(1, 30_000_000)
  // A rule that was never seen before is held against what tests cost in general.
  costs.note(3, 30_000_000)
  const taken = costs.take()
  expect(taken.get(1)?.tests).toBe(101)
  expect(taken.get(1)?.ns).toBeLessThan(60_000)
  expect(taken.get(2)).toEqual({ ns: 400_000, tests: 100 })
  expect(taken.get(3)?.ns).toBeLessThan(100_000)
  expect(costs.take().size).toBe(0)
})

test('a rule that is slow every time is told to be slow', () => {
  const costs = new TestCosts()
  for (let i = 0; i < 50; i++) costs.note(1, 500)
  for (let i = 0; i < 50; i++) costs.note(2, 2_000_000)
  expect(costs.take().get(2)?.ns).toBeGreaterThan(80_000_000)
})

test('a number that became another rule begins anew', () => {
  const costs = new TestCosts()
  for (let i = 0; i < 20; i++) costs.note(1, 500)
  costs.forget(new Set([1]))
  expect(costs.take().size).toBe(0)
})
