import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRegex } from './regex.ts'

test('counting a stretch finds what an automaton finds', () => {
  const flags = fc.record({ ignoreCase: fc.boolean(), multiline: fc.boolean(), dotAll: fc.boolean() })
  const text = fc.array(fc.constantFrom('a', '\n', '\r', '😀', '\ud800', '\u2028'), { maxLength: 12 })
  const most = fc.option(fc.oneof(fc.constant(''), fc.nat({ max: 8 })), { nil: undefined })
  fc.assert(
    fc.property(text, fc.nat({ max: 8 }), most, fc.boolean(), flags, (chars, least, upTo, grouped, how) => {
      const repeat = upTo === undefined ? `{${least}}` : `{${least},${upTo}}`
      const counted = compileRegex(`${grouped ? '(.)' : '.'}${repeat}`, how)
      // The same in a group of another kind, which is not counted.
      const judge = compileRegex(`(?:.)${repeat}`, how)
      expect(counted.ok).toBe(judge.ok)
      if (counted.ok && judge.ok) expect(counted.value.test(chars.join(''))).toBe(judge.value.test(chars.join('')))
    }),
    { numRuns: 2_000 },
  )
})

test('more than RE2 repeats is refused', () => {
  const flags = { ignoreCase: false, multiline: false, dotAll: false }
  expect(compileRegex('.{1000,}', flags).ok).toBe(true)
  for (const source of ['.{1001}', '.{1,1001}', '.{9999,}', '.{3,2}'])
    expect(compileRegex(source, flags).ok).toBe(false)
})
