import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../platform/index.ts'
import type { EventStore, FieldType, JsonObject } from '../../index.ts'
import { compileFilter } from '../../ppl/index.ts'
import { anEvent, aShard, column } from '../contract-support.ts'
import { openDuckDbStore } from './index.ts'

// Conditions run twice: compiled to SQL over stored events, and in memory over the same records. The two share the
// parser and the checker, and nothing of how a value is computed.

const fields: Readonly<Record<string, FieldType>> = {
  n: 'long',
  m: 'long',
  x: 'double',
  s: 'string',
  t: 'string',
  flag: 'boolean',
  at: 'timestamp',
}

const numbers = fc.constantFrom('n', 'm', 'x')
const texts = fc.constantFrom('s', 't')
const numberLiteral = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(String),
  fc.constantFrom('0.5', '-2.25', '1.0', '0'),
)
const textLiteral = fc.constantFrom("''", "'a'", "'B'", "'ab'", "'aB c'", "'12'", "'-1.5'", "'%'", "'é'", "'💥'")
const momentLiteral = fc.constantFrom("'2024-02-01'", "'2024-02-01 00:00:05'", "'2024-02-29T12:00:00+02:00'")
const comparison = fc.constantFrom('=', '!=', '<', '<=', '>', '>=')

const { number, text, condition } = fc.letrec<{ number: string; text: string; condition: string }>((tie) => ({
  number: fc.oneof(
    { depthSize: 'small' },
    numbers,
    numberLiteral,
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*', '/', '%'), tie('number'))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc.tuple(fc.constantFrom('abs', 'sign', 'ceil', 'floor'), tie('number')).map(([f, a]) => `${f}(${a})`),
    tie('text').map((a) => `length(${a})`),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `locate(${a}, ${b})`),
    fc.tuple(tie('condition'), tie('number'), tie('number')).map((args) => `if(${args.join(', ')})`),
    fc.tuple(tie('number'), tie('number')).map((args) => `coalesce(${args.join(', ')})`),
  ),
  text: fc.oneof(
    { depthSize: 'small' },
    texts,
    textLiteral,
    fc.tuple(fc.constantFrom('lower', 'upper', 'trim', 'ltrim', 'rtrim'), tie('text')).map(([f, a]) => `${f}(${a})`),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `concat(${a}, ${b})`),
    fc.tuple(tie('text'), fc.integer({ min: -3, max: 3 })).map(([a, i]) => `substring(${a}, ${i || 1})`),
    fc.constantFrom('n', 'm', 'flag').map((a) => `cast(${a} as string)`),
    fc.tuple(tie('condition'), tie('text'), tie('text')).map((args) => `if(${args.join(', ')})`),
    fc.tuple(tie('text'), tie('text')).map((args) => `nullif(${args.join(', ')})`),
  ),
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('flag', 'true', 'false', 'null'),
    fc.tuple(tie('number'), comparison, tie('number')).map((parts) => parts.join(' ')),
    fc.tuple(tie('text'), comparison, tie('text')).map((parts) => parts.join(' ')),
    fc.tuple(tie('text'), comparison, tie('number')).map((parts) => parts.join(' ')),
    fc.tuple(fc.constant('at'), comparison, momentLiteral).map((parts) => parts.join(' ')),
    fc.tuple(comparison, fc.nat(9)).map(([o, s]) => `at + interval ${s} second ${o} '2024-02-01 00:00:08'`),
    fc.tuple(tie('text'), textLiteral).map(([a, b]) => `${a} like ${b}`),
    fc.tuple(tie('text'), fc.constantFrom("'a%'", "'%b'", "'_b%'", "'%a_c%'", "'a'")).map(([a, b]) => `${a} like ${b}`),
    fc.tuple(tie('text'), textLiteral).map(([a, b]) => `${a} contains ${b}`),
    fc.tuple(tie('text'), fc.constantFrom("'^a'", "'b$'", "'[0-9]+'", "'(?i)B c'")).map(([a, b]) => `${a} regexp ${b}`),
    fc.tuple(tie('number'), numberLiteral, numberLiteral).map(([a, b, c]) => `${a} in (${b}, ${c}, null)`),
    fc.tuple(tie('number'), numberLiteral, numberLiteral).map(([a, b, c]) => `${a} not between ${b} and ${c}`),
    fc.tuple(tie('number'), fc.constantFrom('is null', 'is not null')).map((parts) => parts.join(' ')),
    fc
      .tuple(tie('condition'), fc.constantFrom('and', 'or', 'xor'), tie('condition'))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    tie('condition').map((a) => `not (${a})`),
  ),
}))

const records: readonly JsonObject[] = Array.from({ length: 40 }, (_, i): JsonObject => {
  const pick = (values: readonly JsonObject[string][], step: number) =>
    values[(i * step + (i >> 2)) % values.length] ?? null
  return {
    i,
    n: pick([0, 1, -3, 12, null, 7], 1),
    m: pick([2, null, -1, 5], 3),
    x: pick([0.5, -2.25, null, 12, 1e6], 2),
    s: pick(['', 'a', 'ab', 'aB c', null, '12', '-1.5', ' x ', 'É💥'], 5),
    t: pick(['B', null, 'ab', 'abc', '%'], 7),
    flag: pick([true, false, null], 1),
    at: pick(['2024-02-01T00:00:05Z', '2024-02-29T10:00:00Z', null, '2023-12-31T23:59:59.5Z'], 1),
  }
})

describe('a condition means the same in DuckDB and in memory', () => {
  let dir: string
  let store: EventStore

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-differential-'))
    store = await openDuckDbStore({ dir, clock: systemClock })
    await store.declare(aShard(), fields)
    const events = records.map((record, offset) => anEvent(offset, record))
    await store.append({ shard: aShard(), events, nextOffset: events.length })
  })
  afterAll(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it.each([
    ['conditions', condition],
    ['comparisons of numbers', fc.tuple(number, comparison, number).map((parts) => parts.join(' '))],
    ['comparisons of texts', fc.tuple(text, comparison, text).map((parts) => parts.join(' '))],
  ])('%s', async (_, arbitrary) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (each) => {
        const inMemory = records.filter(compileFilter(each, { fields })).map(({ i }) => i)
        expect(await column(store, `source=logs | where ${each} | fields i`)).toEqual(inMemory)
      }),
      { numRuns: 250 },
    )
  })
})
