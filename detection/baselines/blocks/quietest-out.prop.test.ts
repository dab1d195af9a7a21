import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuietestOut, REGULAR_AFTER_MS } from './quietest-out.ts'
import { mapOf, type Saved, tableOf, wholeOf } from './savable.ts'

const HOUR_MS = 3_600_000
const MAX = 8
const NEWCOMERS_MIN = 2

/** What it does, as a plain list of entries in order of their last use. */
class Naive {
  entries: { readonly key: string; readonly met: number; isRegular: boolean }[] = []

  use(key: string, now: number): void {
    const old = this.entries.find((one) => one.key === key)
    this.entries = this.entries.filter((one) => one !== old)
    if (!old && this.entries.length === MAX) {
      const newcomers = this.entries.filter(({ isRegular }) => !isRegular)
      const quietest =
        newcomers.length >= NEWCOMERS_MIN ? newcomers[0] : this.entries.find(({ isRegular }) => isRegular)
      this.entries = this.entries.filter((one) => one !== quietest)
    }
    const met = old?.met ?? now
    this.entries.push({ key, met, isRegular: old?.isRegular || now - met >= REGULAR_AFTER_MS })
  }
}

const reloaded = (map: QuietestOut<string>): QuietestOut<string> => {
  const saved = wholeOf({ rest: {}, tables: { map: tableOf(map, (value) => value) } })
  return mapOf(MAX, JSON.parse(JSON.stringify(saved.map)) as Saved<string>, (value) => value)
}

describe('QuietestOut', () => {
  it('holds the keys used last, as a plain list of uses says, where uses have no time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 60 }),
        (max, uses) => {
          const map = new QuietestOut<string>(max)
          for (const key of uses) expect(map.use(key, () => key)).toBe(key)
          const latest = [...new Set(uses.toReversed())].slice(0, max).toReversed()
          expect([...map.keys()]).toEqual(latest)
          expect(map.size).toBe(latest.length)
          for (const key of 'abcdefgh') expect(map.has(key)).toBe(latest.includes(key))
        },
      ),
    )
  })

  it('drops newcomers before regulars, as a plain list does, saved and loaded at any point', () => {
    const uses = fc.array(
      fc.record({
        key: fc.constantFrom(...'abcdefghijklmn'),
        hours: fc.constantFrom(0, 1, 5, 13, 24),
        isSaved: fc.boolean(),
      }),
      { maxLength: 120 },
    )
    fc.assert(
      fc.property(uses, (list) => {
        const naive = new Naive()
        let map = new QuietestOut<string>(MAX)
        let now = 0
        for (const { key, hours, isSaved } of list) {
          now += hours * HOUR_MS
          if (map.touch(key, now) === undefined) map.use(key, () => key, now)
          naive.use(key, now)
          if (isSaved) map = reloaded(map)
          const keys = naive.entries.map((one) => one.key)
          expect([...map.keys()]).toEqual(keys)
          expect([...map.newest()]).toEqual(keys.toReversed().map((one) => [one, one]))
        }
      }),
    )
  })

  it('keeps its regulars through ten times as many made-up names as it has room for', () => {
    const map = new QuietestOut<number>(1_000)
    const known = Array.from({ length: 700 }, (_, i) => `known-${i}`)
    for (const day of [0, 1]) for (const [i, key] of known.entries()) map.use(key, () => i, day * REGULAR_AFTER_MS)
    for (let i = 0; i < 10_000; i++) map.use(`made-up-${i}`, () => i, 2 * REGULAR_AFTER_MS + i)
    expect(known.filter((key) => !map.has(key))).toEqual([])
    expect(map.size).toBe(1_000)
    expect(map.dropped).toBe(9_700)
    // Regulars give way to each other, the quietest first.
    for (const day of [4, 5]) for (let i = 0; i < 100; i++) map.use(`new-${i}`, () => i, day * REGULAR_AFTER_MS)
    for (let i = 0; i < 1_000; i++) map.use(`more-${i}`, () => i, 5 * REGULAR_AFTER_MS)
    expect(known.filter((key) => !map.has(key))).toEqual(known.slice(0, 50))
  })

  it('counts what it drops, and holds no long name', () => {
    const map = new QuietestOut<number>(2)
    const long = 'x'.repeat(100_000)
    for (const [i, key] of ['a', long, 'b'].entries()) map.use(key, () => i)
    expect(map.dropped).toBe(1)
    expect(map.peek(long)).toBe(1)
    expect(Math.max(...[...map.keys()].map((key) => key.length))).toBe(64)
  })
})
