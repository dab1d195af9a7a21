import { afterAll, describe, expect, it } from 'vitest'
import type { Json, JsonMap } from '../types.ts'
import { Evaluator } from './evaluator.ts'
import type { Scope } from './value-type.ts'

const evaluator = new Evaluator()
afterAll(() => evaluator.close())

const scope: Scope = {
  inputs: { fields: { n: 'int', x: 'double', at: 'timestamp', span: 'duration', ips: { list: 'string' } } },
  body: 'dyn',
  steps: { fields: { call: { fields: { output: { fields: { status: 'int', body: 'dyn' } }, status: 'string' } } } },
}
const bindings: JsonMap = {
  inputs: { n: 5, x: 0.5, at: '2026-01-01T00:00:00Z', span: '90s', ips: ['10.1.2.3', '192.0.2.7'] },
  body: { n: 3, f: 1.5, text: 'abc', list: [3, 1, 3], nested: { a: { b: 1 } }, nothing: null },
  steps: { call: { status: 'succeeded', output: { status: 200, body: { ok: true } } } },
}
const NOW = Date.parse('2026-02-03T04:05:06Z')

const ask = (expressions: readonly string[], account = '1') =>
  evaluator.evaluate({ account, scopeKey: 'test', scope, bindings, now: NOW, expressions })
const outcomeOf = async (expression: string) => (await ask([expression]))[0]

describe('an expression', () => {
  it.each([
    ['inputs.n + 1', 6],
    ['body.n + 1', 4],
    ['1 + body.n', 4],
    ['inputs.n * body.f', 7.5],
    ['inputs.n / 2', 2],
    ['body.n / 2', 1.5],
    ['body.n == 3 && inputs.n > 4.5', true],
    ['body.list[0]', 3],
    ['body.?missing.orValue("none")', 'none'],
    ['body.nested.?a.?b.orValue(0)', 1],
    ['has(body.nested)', true],
    ['body.nothing', null],
    ['body', bindings.body],
    ['steps.call.output', { status: 200, body: { ok: true } }],
    ['inputs.at + inputs.span', '2026-01-01T00:01:30.000Z'],
    ['now() - duration("1h")', '2026-02-03T03:05:06.000Z'],
    ['inputs.span', '90s'],
    ['string(inputs.at)', '2026-01-01T00:00:00.000Z'],
    ['inputs.ips.filter(i, is_private(i))', ['10.1.2.3']],
    ['ip_in("10.1.2.3", "10.0.0.0/8") && !ip_in("10.1.2.3", ["11.0.0.0/8", "::/0"])', true],
    ['ip_in("nonsense", "10.0.0.0/8")', false],
    ['re(body.text, "^A") || re(body.text, "(?i)^A")', true],
    ['re_find(body.text, "b.")', 'bc'],
    ['re_find(body.text, "z")', ''],
    ['json(body.nested)', '{"a":{"b":1}}'],
    ['parse_json("{\\"a\\":[1,{\\"b\\":null}]}")', { a: [1, { b: null }] }],
    [
      'domain_of("https://User@Example.COM:8443/x") + "|" + domain_of("ann@Corp.example") + "|" + domain_of("?")',
      'example.com|corp.example|',
    ],
    ['defang("http://a.example") + refang("hxxp://a[.]example")', 'hxxp://a[.]examplehttp://a.example'],
    ['sha256("")', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['unb64(b64("ä"))', 'ä'],
    ['uniq(body.list)', [3, 1]],
    ['flatten([[1], [2, 3]])', [1, 2, 3]],
    ['body.list.map(n, {"n": n})', [{ n: 3 }, { n: 1 }, { n: 3 }]],
    ['cel.bind(n, inputs.n, n + n)', 10],
  ] as [string, Json][])('%s', async (expression, value) => {
    expect(await outcomeOf(expression)).toEqual({ ok: true, value })
  })

  it.each([
    ['body.missing', /there is no `missing`/],
    ['body.list[9]', /out of bounds/],
    ['body.?missing', /\.orValue/],
    ['body.constructor', /there is no `constructor`/],
    ['body.__proto__', /there is no `__proto__`/],
    ['inputs.n / 0', /division by zero|divide/i],
    ['9007199254740993', /beyond 2\^53/],
    ['b"abc"', /bytes/],
    ['parse_json("{")', /./],
    ['re("a", "(?=b)")', /./],
    ['ip_in("10.0.0.1", "10.0.0.0/99")', /is not a network/],
    ['1 / 0.0', /no number of JSON/],
    ['this is no expression', /./],
  ])('%s fails and says why', async (expression, message) => {
    const outcome = await outcomeOf(expression)
    expect(outcome).toMatchObject({ ok: false, code: 'invalid' })
    expect(outcome?.ok === false && outcome.message).toMatch(message)
  })

  it('fails alone: the others of its step have their values', async () => {
    expect(await ask(['body.missing', '1'])).toMatchObject([
      { ok: false, absent: true },
      { ok: true, value: 1 },
    ])
  })

  it.each([
    [
      'loops in loops',
      `cel.bind(a, ${listOf(100)}, cel.bind(b, a.map(x, a).map(y, size(y)), b.map(x, a.map(y, b.map(z, a.map(w, x + y + z + w))))))`,
    ],
    [
      'a text that is hashed again and again',
      `cel.bind(t, "${'x'.repeat(2000)}", ${listOf(400)}.all(a, ${listOf(400)}.all(b, size(sha256(t + string(a + b))) == 64)))`,
    ],
  ])('that takes too long is ended: %s', async (_, expression) => {
    expect(await outcomeOf(expression)).toMatchObject({ ok: false, code: 'timeout' })
    expect(await outcomeOf('1')).toEqual({ ok: true, value: 1 })
  })

  it('that takes too much memory ends nothing but itself', async () => {
    const grown = Array.from(
      { length: 8 },
      (_, index) => `cel.bind(v${index + 1}, ${Array(8).fill(`v${index}`).join(' + ')}, `,
    )
    const expression = `cel.bind(v0, ${listOf(50)}, ${grown.join('')}size(v8)${')'.repeat(9)}`
    const outcome = await outcomeOf(expression)
    expect(outcome?.ok).toBe(false)
    expect(outcome?.ok === false && ['too_large', 'timeout']).toContain(outcome?.ok === false && outcome.code)
    expect(await outcomeOf('1')).toEqual({ ok: true, value: 1 })
  })

  it('whose value is too large is refused', async () => {
    const outcome = await outcomeOf(`${listOf(60)}.map(a, ${listOf(60)}.map(b, "${'x'.repeat(400)}"))`)
    expect(outcome).toMatchObject({ ok: false, code: 'invalid', message: expect.stringContaining('larger') })
  })

  it('of one account does not hold up those of others for longer than its own turn', async () => {
    const slow = `cel.bind(a, ${listOf(100)}, cel.bind(b, a.map(x, a).map(y, size(y)), b.map(x, a.map(y, b.map(z, x + y + z)))))`
    const order: string[] = []
    const tell = (name: string) => () => void order.push(name)
    await Promise.all([
      ...Array.from({ length: 4 }, () => ask([slow], 'slow').then(tell('slow'))),
      ask(['1'], 'other').then(tell('other')),
    ])
    expect(order.indexOf('other')).toBeLessThanOrEqual(1)
  })
})

function listOf(length: number): string {
  return `[${Array.from({ length }, (_, index) => index).join(',')}]`
}
