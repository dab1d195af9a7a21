import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CountMin } from './count-min.ts'
import { Distinct } from './distinct.ts'
import { KeyedHash } from './keyed-hash.ts'
import { groupOf, PeerGrouping } from './peer-groups.ts'
import { poissonDecades } from './poisson.ts'
import { seededRandom } from './random.ts'
import { wholeOf } from './savable.ts'
import { Transitions } from './transitions.ts'
import { UsualCount } from './usual-count.ts'

const hash = new KeyedHash(Buffer.alloc(16, 3))

describe('KeyedHash', () => {
  it('spreads texts that differ little evenly, and depends on every letter and on the key', () => {
    const buckets = new Float64Array(64)
    for (let i = 0; i < 64_000; i++) {
      const place = hash.of(`user-${i}`) % 64
      buckets[place] = (buckets[place] ?? 0) + 1
    }
    // Chi-square with 63 degrees of freedom: above 120 once in 10^5.
    const chi = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(120)
    const other = new KeyedHash(Buffer.alloc(16, 4))
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (a, b) => {
        expect(hash.wide(a) === hash.wide(b)).toBe(a === b)
        expect(hash.wide(a)).not.toBe(other.wide(a))
        expect(Number.isSafeInteger(hash.wide(a))).toBe(true)
      }),
    )
  })
})

describe('Distinct', () => {
  it('counts few exactly and many to some per cent, alone and joined, and is the same after saving and loading', () => {
    for (const count of [0, 1, 48, 49, 300, 5_000, 100_000]) {
      const one = new Distinct()
      const other = new Distinct()
      for (let i = 0; i < count; i++) {
        one.add(hash.wide(`a${i}`))
        one.add(hash.wide(`a${i}`))
        other.add(hash.wide(`a${i + Math.floor(count / 2)}`))
      }
      const within = (seen: number, true_: number) => Math.abs(seen - true_) <= (count <= 48 ? 0 : 0.2 * true_)
      expect(within(one.count, count)).toBe(true)
      expect(within(one.countWith(other), count + Math.floor(count / 2))).toBe(true)
      const loaded = new Distinct(JSON.parse(JSON.stringify(one.save())))
      for (const each of [one, loaded]) each.add(hash.wide('more'))
      expect(loaded.save()).toEqual(one.save())
      expect(loaded.count).toBe(one.count)
    }
  })
})

describe('CountMin', () => {
  it('never counts too few until it forgets, seldom too many, and is the same after saving and loading', () => {
    const sketch = new CountMin()
    const random = seededRandom(1)
    const exact = new Map<number, number>()
    for (let i = 0; i < 40_000; i++) {
      const one = hash.wide(`pair ${Math.floor(8_000 * random() ** 2)}`)
      exact.set(one, (exact.get(one) ?? 0) + 1)
      sketch.add(one)
    }
    let wrong = 0
    for (const [one, count] of exact) {
      const seen = sketch.count(one)
      expect(seen).toBeGreaterThanOrEqual(Math.min(255, count))
      if (seen > count) wrong += 1
    }
    expect(wrong / exact.size).toBeLessThan(0.1)
    expect(new CountMin(JSON.parse(JSON.stringify(sketch.save()))).save()).toEqual(sketch.save())
    for (let i = 0; i < 70_000; i++) sketch.add(hash.wide(`other ${i}`))
    expect(sketch.count(hash.wide('pair 0'))).toBeLessThan(255)
  })
})

describe('poissonDecades', () => {
  it('is the tail summed naively', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.1, max: 40, noNaN: true }), (count, mean) => {
        if (count <= mean) return
        let below = 0
        let term = Math.exp(-mean)
        for (let i = 0; i < count; i++) {
          below += term
          term *= mean / (i + 1)
        }
        const tail = 1 - below
        // Below that subtraction has no digits left.
        if (tail < 1e-10) return
        expect(poissonDecades(count, mean)).toBeCloseTo(-Math.log10(tail), 3)
      }),
    )
  })

  it('is 0 for what is usual, and grows with the count', () => {
    expect(poissonDecades(3, 5)).toBe(0)
    for (let count = 11; count < 200; count += 10)
      expect(poissonDecades(count + 10, 10)).toBeGreaterThan(poissonDecades(count, 10))
  })
})

describe('UsualCount', () => {
  it('does not learn an outbreak as usual', () => {
    const usual = new UsualCount()
    for (let i = 0; i < 100; i++) usual.learn(3 + (i % 3))
    const before = usual.bound(0)
    usual.learn(10_000)
    expect(usual.bound(0)).toBeLessThan(before * 2)
    expect(new UsualCount(JSON.parse(JSON.stringify(usual.save()))).save()).toEqual(usual.save())
  })
})

describe('PeerGrouping', () => {
  const random = seededRandom(5)
  const entities: ReadonlyMap<string, readonly string[]> = new Map(
    Array.from({ length: 120 }, (_, i) => {
      const uses = Array.from({ length: 12 }, () => `team-${i % 4}-thing-${Math.floor(random() * 15)}`)
      return [`user-${i}`, uses] as const
    }),
  )
  const usesOf = (name: string) => entities.get(name)
  const begun = () => new PeerGrouping(hash, { names: entities.keys(), count: entities.size })
  const atOnce = (grouping = begun()) => grouping.step(Number.POSITIVE_INFINITY, usesOf) ?? []

  it('finds who uses the same things, with no chance in it', () => {
    const groups = atOnce()
    expect(atOnce()).toEqual(groups)
    const teamOf = (name: string) => Number(name.slice(5)) % 4
    const mixed = groups.filter(({ members }) => new Set(members.map(teamOf)).size > 1)
    expect(mixed).toEqual([])
    expect(groups.flatMap(({ members }) => members).length).toBeGreaterThan(100)
    for (const [name, uses] of [...entities].slice(0, 20)) {
      const group = groupOf(uses, groups, hash)
      if (group) expect(group.members.map(teamOf)).toContain(teamOf(name))
    }
    expect(atOnce(new PeerGrouping(hash, { names: [], count: 0 }))).toEqual([])
    expect(groupOf(['nobody has it'], groups, hash)).toBeUndefined()
  })

  it('finds the same little by little, saved and loaded on the way', () => {
    const expected = atOnce()
    fc.assert(
      fc.property(
        fc.array(fc.record({ comparisons: fc.integer({ min: 1, max: 2_000 }), isSaved: fc.boolean() })),
        (turns) => {
          let grouping = begun()
          let groups: ReturnType<typeof atOnce> | undefined
          for (const { comparisons, isSaved } of turns) {
            groups ??= grouping.step(comparisons, usesOf)
            if (isSaved && !groups) grouping = new PeerGrouping(hash, JSON.parse(JSON.stringify(grouping.save())))
          }
          expect(groups ?? atOnce(grouping)).toEqual(expected)
        },
      ),
      { interruptAfterTimeLimit: 5_000 },
    )
  })

  it('makes a few comparisons at once, and leaves out who is not known any more', () => {
    const grouping = begun()
    let groups: ReturnType<typeof atOnce> | undefined
    let steps = 0
    for (; !groups; steps++) groups = grouping.step(100, (name) => (name === 'user-7' ? undefined : usesOf(name)))
    expect(steps).toBeGreaterThan(30)
    const members = groups.flatMap((group) => group.members)
    expect(members).not.toContain('user-7')
    expect(members.length).toBeGreaterThan(100)
  })
})

describe('Transitions', () => {
  it('is surprised by novelty where there never was any, and less where there always is', () => {
    const transitions = new Transitions(100)
    for (let i = 0; i < 500; i++) {
      transitions.learn('steady', i % 2 === 0 ? 'a' : 'b', { knownMin: 100 })
      transitions.learn('restless', `child-${i}`, { knownMin: 100 })
    }
    const saved = (one: Transitions) => wholeOf({ rest: { total: one.total }, tables: { froms: one.froms } })
    const again = new Transitions(100, JSON.parse(JSON.stringify(saved(transitions))))
    expect(saved(again)).toEqual(saved(transitions))
    expect(transitions.usual('steady', 1)).toEqual(['a'])
    expect(transitions.learn('steady', 'a', { knownMin: 100 })).toBe(0)
    expect(transitions.learn('steady', 'c', { knownMin: 100 })).toBeGreaterThan(2.5)
    expect(again.learn('restless', 'another', { knownMin: 100 })).toBeLessThan(0.1)
    expect(again.learn('unknown', 'c', { knownMin: 100 })).toBe(0)
  })
})
