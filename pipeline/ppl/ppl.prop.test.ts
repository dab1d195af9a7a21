import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RampartError } from '../../platform/index.ts'
import type { Expression } from './expression.ts'
import { compileFilter } from './filter.ts'
import { canonicalIp, formatIp, parseIp } from './ip.ts'
import { matchesLike, readLike } from './like.ts'
import { queryLimits } from './limits.ts'
import { parseCondition, parseQuery, printQuery } from './parse.ts'
import { printExpression } from './print-expression.ts'
import { formatTimestamp, parseTimestamp } from './time.ts'

const span = { start: 0, end: 0 }
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'user.name',
    '@timestamp',
    'and',
    'span',
    'case',
    'p95',
    'x-y',
    '`',
    'source',
    'a*b',
    '0x',
    'count',
  ),
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
)
const literal = fc.oneof(
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.constantFrom("'", '\\', "\\'", '\\\\', '"', '%_', true, false, null),
)

const { expression } = fc.letrec<{ expression: Expression; leaf: Expression }>((tie) => {
  const inner = tie('expression')
  const some = (minLength: number, maxLength: number) => fc.array(inner, { minLength, maxLength })
  return {
    leaf: fc.oneof(
      name.map((each): Expression => ({ kind: 'field', name: each, span })),
      literal.map((value): Expression => ({ kind: 'literal', value, span })),
    ),
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      inner.map((operand): Expression => ({ kind: 'not', operand, span })),
      fc
        .tuple(fc.constantFrom('+', '-', '*', '/', '%', '=', '!=', '<', '>=', 'like', 'contains'), inner, inner)
        .map(
          ([operator, left, right]): Expression => ({ kind: 'binary', operator: operator as '+', left, right, span }),
        ),
      fc
        .tuple(fc.constantFrom('and', 'or', 'xor'), some(2, 4))
        .map(([operator, operands]): Expression => ({ kind: 'logical', operator: operator as 'and', operands, span })),
      fc
        .tuple(inner, some(1, 3), fc.boolean())
        .map(([operand, values, negated]): Expression => ({ kind: 'in', operand, values, negated, span })),
      fc
        .tuple(inner, inner, inner, fc.boolean())
        .map(([operand, low, high, negated]): Expression => ({ kind: 'between', operand, low, high, negated, span })),
      fc
        .tuple(inner, fc.boolean())
        .map(([operand, negated]): Expression => ({ kind: 'isNull', operand, negated, span })),
      fc
        .tuple(fc.constantFrom('abs', 'concat', 'position', 'if'), some(2, 3))
        .filter(([each, args]) => each !== 'position' || args.length === 2)
        .map(([each, args]): Expression => ({ kind: 'call', name: each, args, options: [], span })),
      fc
        .tuple(inner, inner, fc.option(inner, { nil: undefined }))
        .map(
          ([when, value, otherwise]): Expression => ({ kind: 'case', branches: [{ when, value }], otherwise, span }),
        ),
      inner.map((operand): Expression => ({ kind: 'cast', operand, type: 'double', span })),
      inner.map((amount): Expression => ({ kind: 'interval', amount, unit: 'minute', span })),
    ),
  }
})

/** Without spans, which a print cannot keep. */
function bare(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, each) => (key === 'span' ? undefined : typeof each === 'bigint' ? `${each}n` : each)),
  )
}

describe('PPL, by properties', () => {
  it('an expression that is printed reads back as the same expression', () => {
    fc.assert(
      fc.property(expression, (each) => {
        expect(bare(parseCondition(printExpression(each), queryLimits))).toEqual(bare(each))
      }),
      { numRuns: 2000 },
    )
  })

  it('a query that is printed reads back as the same query', () => {
    const names = fc.array(name, { minLength: 1, maxLength: 3 })
    const condition = expression.map(printExpression)
    const field = name.map((each) => `\`${each.replaceAll('`', '``')}\``)
    const command = fc.oneof(
      condition.map((each) => `where ${each}`),
      fc.tuple(field, condition).map(([to, each]) => `eval ${to} = ${each}`),
      names.map((each) => `fields ${each.map((one) => `\`${one.replaceAll('`', '``')}\``).join(' ')}`),
      fc.tuple(fc.constantFrom('', '-', '+'), field).map(([sign, each]) => `sort ${sign} ${each}`),
      fc.tuple(field, field).map(([each, by]) => `stats count(), avg(${each}) as ${by} by ${by}, span(${each}, 5m)`),
      fc.tuple(fc.nat(50), fc.nat(5)).map(([count, skip]) => `head ${count} from ${skip}`),
      fc
        .tuple(field, field)
        .filter(([from, to]) => from.split('*').length === to.split('*').length)
        .map(([from, to]) => `rename ${from} as ${to}`),
      fc.tuple(field, fc.boolean()).map(([each, keep]) => `dedup ${each} keepempty=${keep}`),
      fc.tuple(fc.constantFrom('top', 'rare'), field, field).map(([word, each, by]) => `${word} 3 ${each} by ${by}`),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 5 }), (commands) => {
        const query = parseQuery(['source=logs', ...commands].join(' | '), queryLimits)
        expect(bare(parseQuery(printQuery(query), queryLimits))).toEqual(bare(query))
      }),
      { numRuns: 500 },
    )
  })

  it('whatever is sent as a filter, only a problem of the query is thrown', () => {
    const words = fc.array(
      fc.oneof(
        fc.constantFrom(
          '(',
          ')',
          '[',
          ']',
          ',',
          '|',
          '=',
          'not',
          'in',
          'like',
          'case(',
          'cast(',
          'as',
          'interval',
          '1',
          '5m',
          "'x'",
          '->',
          'a',
          '`',
          "'",
          '-',
          '*',
        ),
        fc.string({ maxLength: 4 }),
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(words, (each) => {
        try {
          compileFilter(each.join(' '))({ a: 1 })
        } catch (error) {
          expect(error).toBeInstanceOf(RampartError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('an instant that is printed reads back, to the microsecond', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }), (micros) => {
        expect(parseTimestamp(formatTimestamp(micros))).toBe(micros)
      }),
    )
  })

  it('an address has one spelling, which reads back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const ip = parseIp(text)
        if (!ip) throw new Error(`${text} is an address`)
        expect(parseIp(formatIp(ip))).toEqual(ip)
        expect(canonicalIp(formatIp(ip).toUpperCase())).toBe(formatIp(ip))
      }),
    )
  })

  it('a pattern of like matches what a naive matcher matches', () => {
    const naive = (text: string, pattern: string): boolean => {
      if (pattern === '') return text === ''
      if (pattern.startsWith('%'))
        return [...Array(text.length + 1).keys()].some((i) => naive(text.slice(i), pattern.slice(1)))
      return text !== '' && (pattern[0] === '_' || pattern[0] === text[0]) && naive(text.slice(1), pattern.slice(1))
    }
    const of = (alphabet: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength })
    fc.assert(
      fc.property(of('ab', 8), of('ab%_', 6), (text, pattern) => {
        expect(matchesLike(text, readLike(pattern))).toBe(naive(text, pattern))
      }),
      { numRuns: 1000 },
    )
  })
})
