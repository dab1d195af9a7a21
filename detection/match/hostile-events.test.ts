import { expect, test } from 'vitest'
import type { JsonObject } from '../../pipeline/index.ts'
import { createExplainer } from '../offline/explain.ts'
import { readSigma } from '../sigma/read.ts'
import { RuleMatcher } from './rule-matcher.ts'

const long = 'n'.repeat(1_000_000)

function matches(selection: string, event: JsonObject, logsource = '{product: test}'): boolean {
  const text = `title: T\nid: t\nlogsource: ${logsource}\ndetection: {s: ${selection}, condition: s}\n`
  const { documents, refused } = readSigma(text, { fallbackId: 'f', explain: true })
  expect(refused).toEqual([])
  const rules = documents.flatMap((one) => (one.kind === 'rule' ? [one] : []))
  const found = new RuleMatcher(rules).match(event, logsource === '{product: test}' ? { product: 'test' } : {})
  for (const rule of found) createExplainer(rules)(rule, event)
  return found.length > 0
}

const nested = (depth: number): JsonObject => JSON.parse(`${'{"a":'.repeat(depth)}"deep"${'}'.repeat(depth)}`)

test.each<[string, string, JsonObject, boolean]>([
  ['a name that every object has, which is not there', '{constructor|exists: true}', { a: 1 }, false],
  ['a name that every object has, which is there', '{__proto__: x}', JSON.parse('{"__proto__": "x"}'), true],
  ['its members', '{__proto__.a: x}', JSON.parse('{"__proto__": {"a": "x"}}'), true],
  ['what only all objects have of it', '{a.constructor.name: Object}', { a: {} }, false],
  ['a name with dots', '{a.b.c: x}', { 'a.b.c': 'x' }, true],
  ['a path with a name with dots', '{a.b.c: x}', { a: { 'b.c': 'x' } }, true],
  ['a name of dots', '{"...": x}', { '...': 'x' }, true],
  ['a name of a million letters', '{a: x}', { [long]: 'y', a: 'x' }, true],
  ['a value of a million letters', '{a|endswith: nx}', { a: `${long}x` }, true],
  ['a value that nearly fits a million times', `{a|re: '(n+)+x$'}`, { a: long }, false],
  ['wildcards that nearly fit', `{a: '*n*n*n*n*x'}`, { a: long }, false],
  ['an empty name', '{a: x}', { '': 'x' }, false],
  ['keywords a thousand levels down', '[deep]', nested(1_000), false],
  ['keywords within reach', '[deep]', nested(50), true],
  ['a list in a list', '{a: x}', { a: [['x']] } as unknown as JsonObject, true],
  ['lone halves of characters', '{a|contains: x}', { a: '\ud800x\udc00' }, true],
])('%s', (_, selection, event, expected) => {
  expect(matches(selection, event)).toBe(expected)
  // Nothing that events hold becomes a property of all objects.
  expect(({} as Record<string, unknown>).a).toBeUndefined()
})

test.each<[string, JsonObject]>([
  ['flat', JSON.parse('{"Channel": "Security", "EventID": 1, "__proto__": {"Image": "x"}}')],
  [
    'nested',
    JSON.parse(
      '{"Event": {"System": {"Channel": "Security", "EventID": 1}, "EventData": {"__proto__": {"Image": "x"}}}}',
    ),
  ],
  [
    'OCSF',
    JSON.parse(
      '{"class_uid": 1007, "metadata": {"log_name": "Security", "event_code": "1"}, "unmapped": {"__proto__": {"Image": "x"}}}',
    ),
  ],
])('a Windows event in %s form cannot lend its members a prototype', (_, event) => {
  expect(matches('{Image: x}', event, '{product: windows}')).toBe(false)
  expect(matches('{EventID: 1}', event, '{product: windows}')).toBe(true)
})
