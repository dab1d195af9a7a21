import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesWildcard, matchesWildcardIn, matchTokens, parseWildcard } from './wildcard.ts'

/** The same by definition, exponential and obvious. */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text.length === 0
  if (first === '*') return naive(rest, text) || (text.length > 0 && naive(pattern, text.slice(1)))
  return text.length > 0 && (first === '?' || first === text[0]) && naive(rest, text.slice(1))
}

describe('a wildcard', () => {
  it('matches what its definition says, over whole characters', () => {
    const character = fc.constantFrom('a', 'b', '😀', '*', '?')
    fc.assert(
      fc.property(fc.array(character, { maxLength: 6 }), fc.array(character, { maxLength: 6 }), (pattern, text) => {
        const expected = naive(pattern, text)
        const wildcard = parseWildcard(pattern.join(''))
        const joined = text.join('')
        expect(matchesWildcard(wildcard, joined)).toBe(expected)
        expect(matchesWildcardIn(wildcard, `a${joined}b`, 1, 1 + joined.length)).toBe(expected)
      }),
      { numRuns: 5000 },
    )
  })

  it('takes no more steps than pattern times text', () => {
    for (const [pattern, text] of [
      ['a*a*a*a*a*a*b', 'a'.repeat(120)],
      ['*a?*a?*a?*a?*b', 'a'.repeat(2000)],
      [`${'*a'.repeat(16)}b`, 'a'.repeat(2048)],
    ] as const) {
      const wildcard = parseWildcard(pattern)
      if (wildcard.kind !== 'general') throw new Error('a pattern of the general kind')
      const count = { steps: 0 }
      expect(matchTokens(wildcard.tokens, text, count)).toBe(false)
      expect(count.steps).toBeLessThanOrEqual(pattern.length * text.length)
    }
  })
})
