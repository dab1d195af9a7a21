import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextIndex } from './text-index.ts'

describe('an index of texts', () => {
  it('finds every text that stands in another', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', 'é'), maxLength: 20 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), text, (parts, whole) => {
        const index = new TextIndex<string>()
        for (const part of parts) {
          const window = index.windowOf(part)
          if (window !== undefined) index.add(window, part)
        }
        const found = new Set<string>()
        index.find(whole, (part) => found.add(part))
        for (const part of parts) if (part.length >= 4 && whole.includes(part)) expect(found).toContain(part)
      }),
      { numRuns: 2_000 },
    )
  })

  it('forgets what is removed', () => {
    const index = new TextIndex<string>()
    const window = index.windowOf('evil') ?? 0
    expect(index.windowOf('evi')).toBeUndefined()
    index.add(window, 'one')
    index.add(window, 'two')
    const found = () => {
      const all: string[] = []
      index.find('an evil text', (each) => all.push(each))
      return all
    }
    expect(found()).toEqual(['one', 'two'])
    index.remove(window, 'one')
    expect(found()).toEqual(['two'])
    index.remove(window, 'two')
    index.remove(window, 'two')
    expect([found(), index.isEmpty]).toEqual([[], true])
  })
})
