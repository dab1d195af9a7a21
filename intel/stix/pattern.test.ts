import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { badPatterns, goodPatterns } from '../testing/patterns.ts'
import { parsePattern } from './parse-pattern.ts'
import { PatternProblem } from './pattern-tokens.ts'
import { exactValues } from './pattern-values.ts'

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

describe('the values of a pattern', () => {
  it.each<[string, string[]]>([
    ["[ipv4-addr:value = '8.8.8.8']", ['ip 8.8.8.8']],
    ["[ipv4-addr:value = '8.8.0.0/16']", ['network 8.8.0.0/16']],
    ["[ipv6-addr:value ISSUBSET '2001:DB8::/32']", ['network 2001:db8::/32']],
    ["[domain-name:value IN ('A.example', 'b.example')]", ['domain a.example', 'domain b.example']],
    [
      "[url:value = 'http://x.example'] OR [file:hashes.MD5 = 'D41D8CD98F00B204E9800998ECF8427E']",
      ['url http://x.example/', 'md5 d41d8cd98f00b204e9800998ecf8427e'],
    ],
    [
      "[file:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709' OR (email-addr:value = 'a@b.example')]",
      ['sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709', 'email a@b.example'],
    ],
    ["[network-traffic:dst_ref.value = '8.8.8.8']", ['ip 8.8.8.8']],
  ])('%s', (text, expected) => {
    const values = exactValues(parsePattern(text))
    expect(values.ok && values.value.map(({ type, value }) => `${type} ${value}`)).toEqual(expected)
  })

  it.each([
    ["[ipv4-addr:value = '8.8.8.8' AND network-traffic:dst_port = 1]", /several properties/],
    ["[ipv4-addr:value = '8.8.8.8'] AND [file:name = 'a']", /several observations/],
    ["[ipv4-addr:value = '8.8.8.8'] FOLLOWEDBY [file:name = 'a']", /one after another/],
    ["[ipv4-addr:value = '8.8.8.8'] REPEATS 5 TIMES", /repeated/],
    ["[ipv4-addr:value != '8.8.8.8']", /what ipv4-addr:value is not/],
    ["[ipv4-addr:value NOT = '8.8.8.8']", /is not/],
    ["[url:value LIKE 'http://%']", /LIKE on url:value/],
    ["[file:name = 'a']", /file:name is not compared/],
    ["[ipv4-addr:value = 'nonsense']", /is no ip/],
    ['[EXISTS url:value]', /only that a property exists/],
  ])('%s are more than values', (text, reason) => {
    const values = exactValues(parsePattern(text))
    expect(values.ok ? '' : values.error).toMatch(reason)
  })
})
