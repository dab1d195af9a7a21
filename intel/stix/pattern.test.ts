import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { badPatterns, goodPatterns } from '../testing/patterns.ts'
import { parsePattern } from './parse-pattern.ts'
import { PatternProblem } from './pattern-tokens.ts'

describe('a pattern', () => {
  it.each(goodPatterns)('%s is one', (text) => {
    expect(parsePattern(text)).toBeDefined()
  })

  it.each(badPatterns)('`%s` is none', (text) => {
    expect(() => parsePattern(text)).toThrow(PatternProblem)
  })

  it.each([
    [
      "[ipv4-addr:value = '1']]",
      'a pattern ends here, or goes on with AND, OR, FOLLOWEDBY, not `]` (line 1, column 24)',
    ],
    ["[ipv4-addr:value\n  ~ '1']", '`~` means nothing here (line 2, column 3)'],
    ["[file:name = 'a' AND]", 'the kind of an object, such as `ipv4-addr` comes here, not `]` (line 1, column 21)'],
    ["[file:name = 'a", 'text without an end, or with a lone backslash (line 1, column 14)'],
  ])('%s is refused where it is wrong', (text, message) => {
    expect(() => parsePattern(text)).toThrow(new PatternProblem('', '', 0).constructor as never)
    expect(() => parsePattern(text)).toThrow(message)
  })

  it('of any text throws nothing else, and takes little time', () => {
    const part = fc.constantFrom(
      '[',
      ']',
      '(',
      ')',
      'AND',
      'OR',
      'NOT',
      'file',
      ':',
      'name',
      '=',
      "'a'",
      '/*',
      '*/',
      '7',
      '.',
      ' ',
      'WITHIN',
      'SECONDS',
      'IN',
      ',',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        try {
          parsePattern(parts.join(' '))
        } catch (error) {
          expect(error).toBeInstanceOf(PatternProblem)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    `${'('.repeat(10_000)}`,
    `[${'('.repeat(10_000)}`,
    `[file:name = 'a'] ${'/*'.repeat(5_000)}`,
    `${' '.repeat(16_000)}[`,
    `[file:name = '${'\\'.repeat(10_000)}`,
    'x'.repeat(20_000),
  ])('made to hurt is refused', (text) => {
    expect(() => parsePattern(text)).toThrow(PatternProblem)
  })
})
