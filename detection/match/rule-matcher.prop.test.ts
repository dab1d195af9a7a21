import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../pipeline/index.ts'
import type { SigmaRule } from '../sigma/rule.ts'
import { rulesOf } from '../testing/builders.ts'
import { RuleMatcher } from './rule-matcher.ts'

const SYSMON = 'Microsoft-Windows-Sysmon/Operational'

const text = fc
  .record({
    logsource: fc.constantFrom(
      '{product: windows, category: process_creation}',
      '{product: windows, category: registry_event}',
      '{product: windows, service: security}',
      '{product: windows}',
      '{product: linux}',
      '{category: webserver}',
    ),
    detection: fc.constantFrom(
      '{s: {Image|endswith: a.exe}, condition: s}',
      '{s: {Image|contains: [b, c]}, f: {User: x}, condition: s and not f}',
      '{s: {EventID: 1}, condition: s}',
      '{s: {EventID: 4688, User: x}, condition: s}',
      '{s: {User: x}, condition: not s}',
      '{s: [needle], condition: s}',
    ),
  })
  .map(({ logsource, detection }) => `title: T\nid: t\nlogsource: ${logsource}\ndetection: ${detection}\n`)
const rule = text.map((yaml) => rulesOf(yaml)[0] as SigmaRule)
const event: fc.Arbitrary<JsonObject> = fc.record(
  {
    Channel: fc.constantFrom(SYSMON, 'Security', 'Other'),
    EventID: fc.constantFrom(1, 12, 4688, '4688', 7),
    Image: fc.constantFrom('C:\\a.exe', 'C:\\B.EXE', 'needle', 'c'),
    User: fc.constantFrom('x', 'y'),
  },
  { requiredKeys: [] },
)
const change = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), at: fc.nat(12), rule }),
  fc.record({ kind: fc.constant('events' as const), events: fc.array(event, { maxLength: 6 }) }),
)

test('a matcher whose rules are replaced matches as one made of the new rules', () => {
  let kept = 0
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 8 }), fc.array(change, { maxLength: 12 }), (first, changes) => {
      let rules: readonly SigmaRule[] = first
      let matcher = new RuleMatcher(rules)
      for (const step of changes) {
        if (step.kind === 'put') {
          rules =
            step.at < rules.length ? rules.map((old, at) => (at === step.at ? step.rule : old)) : [...rules, step.rule]
          if (matcher.replaceRules(rules)) kept++
          else matcher = new RuleMatcher(rules)
          continue
        }
        const fresh = new RuleMatcher(rules)
        for (const logsource of [{}, { product: 'linux' }, { category: 'webserver' }]) {
          for (const one of step.events) expect(matcher.match(one, logsource)).toEqual(fresh.match(one, logsource))
        }
      }
    }),
    { numRuns: 150 },
  )
  expect(kept).toBeGreaterThan(50)
})

test('rules that are gone, and keys never heard of, ask for a new matcher', () => {
  const [one, two] = rulesOf(
    'title: A\nid: a\nlogsource: {product: windows}\ndetection: {s: {EventID: 5}, condition: s}',
    'title: B\nid: b\nlogsource: {product: windows}\ndetection: {s: {EventID: 6}, condition: s}',
  ) as readonly SigmaRule[]
  expect(new RuleMatcher([one!, two!]).replaceRules([one!])).toBe(false)
  expect(new RuleMatcher([one!]).replaceRules([two!])).toBe(false)
  expect(new RuleMatcher([one!]).replaceRules([{ ...one! }])).toBe(true)
})
