import { describe, expect, it } from 'vitest'
import type { Json } from '../types.ts'
import type { InputType, ValueSpec } from './document.ts'
import { badValue, oversize, readInputs } from './input-value.ts'

describe('a value from outside', () => {
  it.each([
    ['string', ['', 'x'], [1, null, ['x']]],
    ['int', [0, -3, 2 ** 53 - 1], [1.5, '1', 2 ** 53]],
    ['number', [0.5, 1], ['1', true]],
    ['boolean', [true], ['true', 1]],
    ['duration', ['5m', '1h30m', '250ms'], ['5', '', '1y', 5]],
    ['timestamp', ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5+02:00'], ['2026-01-01', '2026-13-01T00:00:00Z', 0]],
    ['uuid', ['018f0000-0000-7000-8000-000000000001'], ['018f', 'x']],
    ['ip', ['192.0.2.1', '::1'], ['192.0.2', '192.0.2.1/24', '1']],
    ['cidr', ['10.0.0.0/8', '::/0'], ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '/8']],
    ['domain', ['a.example', 'xn--a.example'], ['a', '-.x', 'a b.example', `${'a.'.repeat(200)}example`]],
    ['url', ['https://a.example/x'], ['a', '/x']],
    ['email', ['ann@corp.example'], ['ann', 'a@b@c', 'a <a@b>']],
    ['hash', ['d41d8cd98f00b204e9800998ecf8427e'], ['xyz', 'abc']],
    ['arn', ['arn:rampart:iam::000000000001:user/ann'], ['user/ann', 'arn: x']],
    ['list', [[], [1]], [{}, 'x']],
    ['map', [{}, { a: 1 }], [[], null]],
  ] as [InputType, Json[], Json[]][])('is of type %s or not', (type, right, wrong) => {
    for (const value of right) expect(badValue(value, { type }), JSON.stringify(value)).toBeUndefined()
    for (const value of wrong) expect(badValue(value, { type }), JSON.stringify(value)).toBeDefined()
  })

  it.each([
    [{ type: 'string', enum: ['a', 'b'] }, 'a', 'c'],
    [{ type: 'string', pattern: '^AKIA[A-Z0-9]{4}$' }, 'AKIA1234', 'xAKIA1234'],
    [{ type: 'string', min: 2, max: 3 }, 'ab', 'abcd'],
    [{ type: 'int', min: 1, max: 3 }, 3, 4],
    [{ type: 'list', minItems: 1, maxItems: 2, items: { type: 'ip' } }, ['192.0.2.1'], []],
    [{ type: 'list', items: { type: 'ip' } }, [], ['x']],
    [{ type: 'map', fields: [{ name: 'a', required: true, type: 'int' }] }, { a: 1 }, { a: 'x' }],
  ] as [ValueSpec, Json, Json][])('fits %j or not', (spec, right, wrong) => {
    expect(badValue(right, spec)).toBeUndefined()
    expect(badValue(wrong, spec)).toBeDefined()
  })

  it('fills defaults in, and names every input that is wrong', () => {
    const specs = [
      { name: 'a', type: 'int', required: true },
      { name: 'b', type: 'string', required: false, default: 'x' },
    ] as const
    expect(readInputs(specs, { a: 1 })).toEqual({ ok: true, inputs: { a: 1, b: 'x' } })
    expect(readInputs(specs, { b: 2, c: 3 })).toEqual({
      ok: false,
      problems: [
        { name: 'c', message: expect.stringContaining('is no input') },
        { name: 'a', message: 'is required' },
        { name: 'b', message: 'must be text' },
      ],
    })
    expect(readInputs(specs, { a: 1, toString: 1 } as never)).toMatchObject({ ok: false })
  })

  it('is neither too large nor too deep', () => {
    let deep: Json = 'x'
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(oversize(deep)).toContain('deeper')
    expect(oversize('x'.repeat(2 ** 21))).toContain('larger')
    expect(oversize({ a: ['x'.repeat(1000)] })).toBeUndefined()
  })
})
