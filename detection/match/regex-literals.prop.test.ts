import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fold } from './fold.ts'
import { compileRegex } from './regex.ts'
import { neededLiterals } from './regex-literals.ts'

test.each([
  ['net\\s+user', [['net'], ['user']]],
  ['(?i)echo.*clip.*&&.*(Clipboard|invoke)', [['echo'], ['clip'], ['&&'], ['clipboard', 'invoke']]],
  ['[Rr][Uu][Nn]32(?:\\.exe)?', [['run32', 'run32.exe']]],
  ['\\\\rpc_[0-9a-f]{2}', [['\\rpc_']]],
  ['a|b.*', [['a', 'b']]],
  ['x*y{2,}z?', [['y']]],
  ['.{1000,}', []],
  ['(a|)b', [['ab', 'b']]],
  ['\\p{L}foo', []],
  ['\\bfoo$', [['foo']]],
])('%s needs %j', (source, literals) => {
  expect(neededLiterals(source)).toEqual(literals)
})

const piece: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'B', 'cd', '\\.', '\\\\', '.', '[ab]', '[^a]', '[A-C]', '\\w', '^', '$', '\\b', 'é', '(?i)'),
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => left + right),
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => `(?:${left}|${right})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{0,1}', '{1,3}', '+?'))
      .map(([inner, sign]) => `(${inner})${sign}`),
  ),
})).node

test('whatever a pattern finds holds one literal of each set', () => {
  fc.assert(
    fc.property(piece, fc.array(fc.constantFrom(...'aAbBcCdD.\\é xX'), { maxLength: 12 }), (source, chars) => {
      const text = chars.join('')
      const regex = compileRegex(source, { ignoreCase: false, multiline: false, dotAll: false })
      fc.pre(regex.ok)
      if (!regex.value.test(text)) return
      const folded = fold(text)
      for (const set of neededLiterals(source)) expect(set.some((literal) => folded.includes(literal))).toBe(true)
    }),
    { numRuns: 20_000 },
  )
})
