import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileArnPattern, matchesArn, splitResource } from '../policy/arn-pattern.ts'
import { parseTemplate } from '../policy/text-pattern.ts'
import { matchesWildcard, parseWildcard } from '../policy/wildcard.ts'
import { classesOf, doIntersect, exactPattern, isIncluded, namePattern, plainPattern } from './classes.ts'

const included: [inner: string, outer: string[], answer: boolean][] = [
  ['a', ['a'], true],
  ['a', ['*'], true],
  ['a*', ['*'], true],
  ['a*b', ['a*'], true],
  ['a*', ['a*b'], false],
  ['a*b*c', ['a*c'], true],
  ['a?', ['a*'], true],
  ['a*', ['a?*'], false],
  ['?*', ['*?'], true],
  ['*', ['a*', '?*'], false],
  ['a*', ['ab*', 'a'], false],
  ['ab', ['a', 'b'], false],
  ['${g:UserName}', ['*'], true],
  ['${g:UserName}', ['?'], false],
  ['x-${g:UserName}', ['x-*'], true],
  ['x-*', ['x-${g:UserName}'], false],
  ['x-${g:UserName}', ['x-${g:UserName}'], true],
]

describe('patterns', () => {
  it.each(included)('%s within %j: %s', (inner, outer, answer) => {
    expect(
      isIncluded(
        plainPattern(inner),
        outer.map((one) => plainPattern(one)),
      ),
    ).toBe(answer)
  })

  it('keep the fields of a name apart', () => {
    const inner = namePattern('arn:rampart:iam::000000000001:user/a')
    expect(isIncluded(inner, [namePattern('arn:*:*:*:*:*')])).toBe(true)
    expect(isIncluded(namePattern('arn:*:000000000001:*:x:*'), [namePattern('arn:*:*:*:000000000001:*')])).toBe(false)
    expect(doIntersect(namePattern('arn:*:a:*:1:*'), namePattern('arn:*:*:*:2:*'))).toBe(false)
    expect(doIntersect(namePattern('arn:*:a:*:1:x*'), namePattern('arn:*:*:*:1:*y'))).toBe(true)
  })

  const wild = fc.array(fc.constantFrom('a', 'b', '*', '?', ':'), { maxLength: 6 }).map((parts) => parts.join(''))
  const word = fc.array(fc.constantFrom('a', 'b', 'c', ':'), { maxLength: 8 }).map((parts) => parts.join(''))

  it('have a class for each text, and every class a member', () => {
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 5 }), word, (patterns, text) => {
        const matching = (one: string) =>
          patterns.flatMap((pattern, index) => (matchesWildcard(parseWildcard(pattern), one) ? [index] : []))
        const { classes, complete } = classesOf(patterns.map((pattern) => plainPattern(pattern)))
        expect(complete).toBe(true)
        for (const { members, witness } of classes) expect(matching(witness)).toEqual(members)
        expect(classes.map(({ members }) => members.join())).toContain(matching(text).join())
      }),
      { numRuns: 1000 },
    )
  })

  it('of names have a class for each name', () => {
    const field = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 2 }).map((parts) => parts.join(''))
    const pattern = fc.oneof(
      fc.constant('*'),
      fc.tuple(field, field, field, field, field, field).map((fields) => fields.join(':')),
    )
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), word, word, (patterns, a, b) => {
        const name = `${a}:a:b::${b}:a`
        const matching = (text: string) =>
          patterns.flatMap((one, index) => {
            const compiled = compileArnPattern(parseTemplate(one, { wildcards: true }) as never)
            if (typeof compiled === 'string') throw new Error(compiled)
            return matchesArn(compiled, splitResource(text), { get: () => undefined }) ? [index] : []
          })
        const { classes } = classesOf(patterns.map((one) => namePattern(one)))
        for (const { members, witness } of classes) expect(matching(witness)).toEqual(members)
        expect(classes.map(({ members }) => members.join())).toContain(matching(name).join())
      }),
      { numRuns: 1000 },
    )
  })

  it('that would make too many classes are said to', () => {
    const many = Array.from({ length: 40 }, (_, index) => plainPattern(`*${String.fromCodePoint(0x61 + index)}*`))
    expect(classesOf(many).complete).toBe(false)
    expect(classesOf([exactPattern('*')]).classes.map(({ witness }) => witness)).toContain('*')
  })
})
