import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readSigma } from '../../detection/sigma/read.ts'
import { aRuleDetector } from '../../detection/testing/builders.ts'
import { parseAccountId } from '../../platform/index.ts'
import { naiveMatches } from './naive-sigma.ts'

const words = [
  'cmd',
  'CMD.exe',
  'powershell',
  '-enc',
  ' -x ',
  '/c',
  'ünïcode',
  'İstanbul',
  'Straße',
  'ſ',
  'K',
  'a*b',
  'q?',
  '\\',
  'C:\\Windows\\',
  'é',
  '😀',
  '10',
  '7',
  '',
]
const regexes = ['power.*-enc', '^cmd', '[0-9]{2,}', 'exe$', '(?:a|b)\\.b', '\\\\Win', 'C+D', '^$', 'a|b']
const fields = ['Image', 'CommandLine', 'Port', 'Ip', 'When', 'List', 'deep.inner', 'constructor', 'Missing']

const text = fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((parts) => parts.join(''))
const eventValue = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.integer({ min: -5, max: 20 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(text, fc.integer({ min: 0, max: 20 }), fc.constant(null)), { maxLength: 3 }),
)
const event = fc
  .record(
    {
      Image: eventValue,
      CommandLine: eventValue,
      Port: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom('7', ' 8', '9.0', '010', '1e1', 'x')),
      Ip: fc.constantFrom(
        '10.1.2.3',
        '192.168.0.9',
        '::1',
        '2001:db8::5',
        '::ffff:10.0.0.1',
        '10.1.2',
        '010.1.2.3',
        '',
      ),
      When: fc.constantFrom('2026-03-01T09:15:00Z', '2025-12-31 23:59:59', '2026-02-28', 'soon'),
      List: fc.array(text, { maxLength: 3 }),
      deep: fc.oneof(fc.record({ inner: eventValue }), fc.array(fc.record({ inner: text }), { maxLength: 2 })),
      constructor: text,
    },
    { requiredKeys: [] },
  )
  .map((members) => ({ ...members }) as Record<string, unknown>)

const field = fc.constantFrom(...fields)
const ruleText = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.constantFrom('*', '?', '\\*', '\\\\*', '\\?')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''))
const listOf = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }))
const ascii = fc.constantFrom('cmd', 'whoami', 'IEX', 'owner', 'powershell -enc')

const item: fc.Arbitrary<[string, unknown]> = fc.oneof(
  fc.tuple(
    fc
      .tuple(
        field,
        fc.constantFrom(
          '',
          '|contains',
          '|startswith',
          '|endswith',
          '|cased',
          '|contains|cased',
          '|endswith|cased',
          '|neq',
          '|contains|all',
        ),
      )
      .map((parts) => parts.join('')),
    listOf(ruleText),
  ),
  fc.tuple(
    field.map((name) => `${name}|contains|windash`),
    listOf(fc.constantFrom(' -x', '/c', ' -enc -x', 'cmd /c', '-enc')),
  ),
  fc.tuple(
    field.map((name) => `${name}|re`),
    listOf(fc.constantFrom(...regexes)),
  ),
  fc.tuple(
    field.map((name) => `${name}|re|i`),
    listOf(fc.constantFrom(...regexes)),
  ),
  fc.tuple(fc.constantFrom('Port', 'Image', 'List', 'Port|neq'), listOf(fc.integer({ min: -2, max: 12 }))),
  fc.tuple(fc.constantFrom('Port|lt', 'Port|gte', 'CommandLine|gt', 'List|lte'), fc.integer({ min: 0, max: 12 })),
  fc.tuple(
    fc.constantFrom('Ip|cidr', 'Image|cidr'),
    listOf(fc.constantFrom('10.0.0.0/8', '10.1.2.0/23', '::/0', '2001:db8::/32', '::1/128', '0.0.0.0/0')),
  ),
  fc.tuple(
    field.map((name) => `${name}|exists`),
    fc.boolean(),
  ),
  fc.tuple(field, fc.constant(null)),
  fc.tuple(field, fc.boolean()),
  fc.tuple(
    fc.constantFrom(
      'Image|fieldref',
      'Image|fieldref|contains',
      'CommandLine|fieldref|endswith',
      'List|fieldref',
      'Image|fieldref|neq',
    ),
    field,
  ),
  fc.tuple(fc.constantFrom('When|hour', 'When|month', 'When|year', 'When|day'), fc.integer({ min: 1, max: 12 })),
  fc.tuple(
    fc.constantFrom(
      'CommandLine|base64offset|contains',
      'CommandLine|base64|contains',
      'Image|wide|base64offset|contains',
    ),
    listOf(ascii),
  ),
  fc.tuple(
    fc.constantFrom('|all', '|contains'),
    fc.array(
      ruleText.filter((value) => value !== ''),
      { minLength: 2, maxLength: 3 },
    ),
  ),
)
const detection: fc.Arbitrary<unknown> = fc.oneof(
  fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => Object.fromEntries(items)),
  fc.array(
    fc.array(item, { minLength: 1, maxLength: 2 }).map((items) => Object.fromEntries(items)),
    { minLength: 1, maxLength: 3 },
  ),
  fc.array(ruleText, { minLength: 1, maxLength: 3 }),
)
const condition = fc.constantFrom(
  'sel_a',
  'sel_a and not sel_b',
  'sel_a or sel_b and not _c',
  '1 of sel_*',
  'all of sel_*',
  '1 of them',
  'all of them',
  'not (sel_a or sel_b)',
  'not 1 of sel_*',
  '1 of _*',
  'sel_a and (sel_b or not _c)',
  'all of them and not 1 of _c*',
)
const rule = fc
  .record({ sel_a: detection, sel_b: detection, _c: detection, condition })
  .map((parts) => ({ title: 'T', id: 'r', logsource: { product: 'test' }, detection: parts }))

const account = parseAccountId('000000000001')
const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }

/** Pairs of a rule and an event; more by SIGMA_PAIRS. */
const runs = Number(process.env.SIGMA_PAIRS ?? 8_000) / 20

test('random rules match random events as a literal reading of the specification says', { timeout: 600_000 }, () => {
  const seen = { pairs: 0, matches: 0 }
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 4, maxLength: 4 }),
      fc.array(event, { minLength: 5, maxLength: 5 }),
      (rules, events) => {
        const named = rules.map((one, index) => ({ ...one, id: `r${index}` }))
        const files = named.map((one) => ({ one, file: readSigma(stringify(one), { fallbackId: 'x' }) }))
        const accepted = files.filter(({ file }) => file.documents.length === 1).map(({ one }) => one)
        const detector = aRuleDetector()
        detector.rules.changeRules({
          account,
          workspace: 'default',
          put: files.flatMap(({ file }) => file.documents),
          removed: [],
        })
        const found = detector.detect(
          shard,
          events.map((original, offset) => ({
            offset,
            receivedAt: 0,
            time: 0,
            original: original as never,
            ocsf: {},
            logsource: { product: 'test' },
            raw: '',
          })),
        )
        const told = found.map(({ rule: { id }, recordIds }) => `${recordIds[0]?.split('/').at(-1)} ${id}`)
        const expected = events.flatMap((one, offset) =>
          accepted.filter((candidate) => naiveMatches(candidate, one)).map(({ id }) => `${offset} ${id}`),
        )
        expect(told).toEqual(expected)
        seen.pairs += accepted.length * events.length
        seen.matches += expected.length
      },
    ),
    { numRuns: runs },
  )
  // Neither all nor none: the generators reach both.
  expect(seen.pairs).toBeGreaterThan(runs * 15)
  expect(seen.matches / seen.pairs).toBeGreaterThan(0.1)
  expect(seen.matches / seen.pairs).toBeLessThan(0.9)
})
