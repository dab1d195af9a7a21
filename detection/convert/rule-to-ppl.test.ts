import { describe, expect, test } from 'vitest'
import { assert } from '../../platform/index.ts'
import { readSigma } from '../sigma/read.ts'
import { ruleToPpl } from './rule-to-ppl.ts'

function convert(detection: string, logsource = '{product: test}') {
  const text = `title: T\nid: t\nlogsource: ${logsource}\ndetection:\n${detection}`
  const [document] = readSigma(text, { fallbackId: 'f' }).documents
  assert(document?.kind === 'rule', text)
  return ruleToPpl(document, 'logs')
}

describe('a rule as a search:', () => {
  test.each([
    ['a value, without case', '{a: Cmd}', "a like 'Cmd'"],
    ['with case', '{a|contains|cased: Cmd}', "like(a, '%Cmd%', true)"],
    ['what `like` takes for more', '{a|startswith: 50%_\\x}', "a like '50\\\\%\\\\_\\\\\\\\x%'"],
    ['wildcards', "{a: 'x*y?z'}", "a like 'x%y_z'"],
    ['a quote', '{"a-b": "it\'s"}', "`a-b` like 'it''s'"],
    ['values', '{a: [X, y]}', "lower(a) in ('x', 'y')"],
    ['other letters', '{a|endswith: Ü}', "regexp_match(a, '(?is)^.*Ü$')"],
    ['numbers', '{a: 7, b|gte: 2}', 'a = 7 and b >= 2'],
    ['expressions', "{a|re|i: '^x.y'}", "regexp_match(a, '(?i)^x.y')"],
    ['networks', '{a|cidr: 10.0.0.0/8}', "cidrmatch(a, '10.0.0.0/8')"],
    ['a missing field', '{a: null, b|exists: true}', 'isnull(a) and isnotnull(b)'],
    ['another field', '{a|fieldref: b}', 'lower(a) = lower(b)'],
  ])('%s', (_, selection, condition) => {
    const query = convert(`  s: ${selection}\n  condition: s\n`)
    expect(query).toEqual({ ok: true, value: `source=logs | where ${condition}` })
  })

  test('what is missing is false below a `not`', () => {
    expect(convert('  s: {a: x}\n  f: {b: y, c: z}\n  condition: s and not f\n')).toEqual({
      ok: true,
      value: "source=logs | where a like 'x' and not ((coalesce(b like 'y', false) and coalesce(c like 'z', false)))",
    })
  })

  test('Windows rules ask for channel and event id, wherever Windows writes such events', () => {
    expect(convert('  s: {Image: x}\n  condition: s\n', '{product: windows, category: process_creation}')).toEqual({
      ok: true,
      value:
        "source=logs | where (Channel like 'microsoft-windows-sysmon/operational' and EventID = 1 and Image like 'x') " +
        "or (Channel like 'security' and EventID = 4688 and NewProcessName like 'x')",
    })
  })

  test.each([
    ['keywords', '  s: [x]\n', 'keywords look into every value'],
    ['parts of a time', '  s: {t|hour: 3}\n', '`hour` asks for the time as it is written'],
    [
      'more than a query may hold',
      `  s: {a|contains: [${Array.from({ length: 9_000 }, (_, n) => `x${n}`)}]}\n`,
      'PPL does not take it',
    ],
  ])('%s are refused', (_, detection, reason) => {
    expect(convert(`${detection}  condition: s\n`)).toEqual({ ok: false, error: expect.stringContaining(reason) })
  })
})
