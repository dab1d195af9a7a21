import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { literalOfLike, literalOfRegex } from './literal.ts'

describe('the text that a match must hold', () => {
  it.each([
    ['evil', 'evil'],
    ['^evil[0-9]+stage$', 'stage'],
    ['evils?', 'evil'],
    ['evi(l|x)', ''],
    ['(evil)?x', 'x'],
    ['a\\.b\\d', 'a.b'],
    ['(?i)evil', ''],
    ['[]a]b', ''],
    ['[^]a]b', ''],
    ['les[.]evil', 'evil'],
    ['ab{0}', 'a'],
    ['\\Qa.b\\E', ''],
  ])('of %s is `%s`', (source, literal) => {
    expect(literalOfRegex(source)).toBe(literal)
  })

  it('of a LIKE is its longest part', () => {
    expect(literalOfLike('%evil_stage%')).toBe('stage')
  })

  it('is in every text that is found', () => {
    const part = fc.constantFrom(
      'a',
      'b',
      '.',
      '\\.',
      '\\w',
      '[ab]',
      '[^]a]',
      '(',
      ')',
      '?',
      '*',
      '+',
      '{0}',
      '{2}',
      '^',
      '$',
      '|',
      '\\',
      '\\Q',
      '\\E',
      ']',
    )
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', ']', '\\'), maxLength: 12 })
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 8 }),
        fc.array(text, { minLength: 20, maxLength: 20 }),
        (parts, texts) => {
          const source = parts.join('')
          const literal = literalOfRegex(source)
          let regex: RE2JS
          try {
            regex = RE2JS.compile(source)
          } catch {
            return
          }
          for (const each of texts) if (regex.test(each)) expect(each).toContain(literal)
        },
      ),
      { numRuns: 5_000 },
    )
  })
})
