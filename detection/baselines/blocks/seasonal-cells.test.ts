import { expect, it } from 'vitest'
import { SeasonalCells } from './seasonal-cells.ts'

const HOUR = 3_600_000
const options = { cycleMs: 24 * HOUR, cellMs: HOUR, weight: 0.5 }

it('compares with earlier visits of the same hour, never with this one', () => {
  const cells = new SeasonalCells(options)
  const day = (number: number, hour: number, minute = 0) => (number * 24 + hour) * HOUR + minute * 60_000
  expect(cells.residual(day(0, 9), 10)).toBeUndefined()
  expect(cells.residual(day(0, 9, 30), 20)).toBeUndefined()
  expect(cells.residual(day(0, 10), 99)).toBeUndefined()
  // The first visit's mean was 15.
  expect(cells.residual(day(1, 9), 115)).toBe(100)
  expect(cells.residual(day(1, 9, 30), 115)).toBe(100)
  // 15 and 115, half each.
  expect(cells.residual(day(2, 9), 65)).toBe(0)
  // The same hour of the next day, with nothing in between, is another visit.
  expect(cells.residual(day(3, 9), 65)).toBe(0)
})

it('goes on after saving and loading as if nothing had been, times before 1970 included', () => {
  const one = new SeasonalCells(options)
  for (let i = -50; i < 50; i++) one.residual(i * 0.7 * HOUR, i * i)
  const other = new SeasonalCells(options, JSON.parse(JSON.stringify(one.save())))
  for (let i = 50; i < 150; i++) {
    expect(other.residual(i * 0.7 * HOUR, i)).toBe(one.residual(i * 0.7 * HOUR, i))
  }
})
