import fc from 'fast-check'

// Random rules and events whose parts meet often: shared by the property test and the benchmark that runs millions.

/** What `expand` finds in place of `%name%`. */
export const placeholders: ReadonlyMap<string, readonly string[]> = new Map([
  ['tools', ['cmd', 'powershell*', 'a\\*b']],
  ['one', ['K']],
])

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
/** Base64 of words that rules look for, in each encoding and at each offset. */
const encoded = fc
  .tuple(
    fc.constantFrom('', 'x', 'xy', '[]]'),
    fc.constantFrom('cmd', 'whoami', 'IEX', 'owner', 'none'),
    fc.constantFrom('utf8', 'utf16le', 'utf16be', 'utf16'),
  )
  .map(([before, word, encoding]) => {
    const wide = Buffer.from(word, 'utf16le')
    const bytes = {
      utf8: Buffer.from(word),
      utf16le: wide,
      utf16be: Buffer.from(wide).swap16(),
      utf16: Buffer.concat([Buffer.from([0xff, 0xfe]), wide]),
    }[encoding as 'utf8']
    return Buffer.concat([Buffer.from(before), bytes, Buffer.from('!')]).toString('base64')
  })

/** Events of every shape that values can have. */
export const event = fc
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
      Text: fc.constantFrom('one\ntwo', 'ONE', 'one\ntwo\nthree', 'two', 'one two', ''),
      Encoded: encoded,
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
  fc.tuple(
    fc.constantFrom(
      'When|hour',
      'When|month',
      'When|year',
      'When|day',
      'When|minute|gte',
      'When|week|lt',
      'When|week',
      'When|hour|lte',
      'When|month|neq',
    ),
    fc.integer({ min: 1, max: 12 }),
  ),
  fc.tuple(
    fc.constantFrom('Text|re|m', 'Text|re|s', 'Text|re|i|m|s', 'Text|re|multiline', 'Text|re|dotall|ignorecase'),
    listOf(fc.constantFrom('^two$', 'one.two', '^ONE', 'two.*three', 'e$')),
  ),
  fc.tuple(
    fc.constantFrom(
      'Image|expand',
      'CommandLine|expand|contains',
      'List|contains|expand',
      'Image|endswith|expand|cased',
    ),
    listOf(fc.constantFrom('%tools%', '%one%', 'x%tools%*', '%tools%%one%', '\\%tools%', '100%')),
  ),
  fc.tuple(fc.constantFrom('Port|lt|neq', 'Port|gte|neq', 'Port|gt', 'Port|lte'), fc.integer({ min: 0, max: 12 })),
  fc.tuple(
    fc.constantFrom(
      'CommandLine|base64offset|contains',
      'CommandLine|base64|contains',
      'Image|wide|base64offset|contains',
      'Image|utf16le|base64|contains',
      'CommandLine|utf16be|base64offset|contains',
      'CommandLine|utf16|base64|contains',
      'Encoded|utf16|base64offset|contains',
      'Encoded|utf16be|base64offset|contains',
      'Encoded|base64offset|contains',
      'Encoded|wide|base64|contains',
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
const condition = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(
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
      'any of sel_* and not all of sel_*',
    ),
  },
  fc.constant(['sel_a and _c', 'not sel_b and sel_a']),
)
/** Rules of every modifier and condition. */
export const rule = fc
  .record({ sel_a: detection, sel_b: detection, _c: detection, condition })
  .map((parts) => ({ title: 'T', id: 'r', logsource: { product: 'test' }, detection: parts }))

const bounds = fc.oneof(
  fc.constantFrom({ gte: 2 }, { gt: 2 }, { lt: 3 }, { lte: 2 }, { eq: 2 }, { neq: 2 }, { gte: 2, lt: 4 }),
  fc.record({ gte: fc.integer({ min: 1, max: 4 }) }),
)
const valueBounds = fc.oneof(
  bounds,
  fc.constantFrom({ gt: 10 }, { lte: 5.5 }, { eq: 6 }, { gte: 3, lte: 9 }, { lt: -1 }),
)
const correlated = fc.uniqueArray(fc.constantFrom('r0', 'r1', 'r2'), { minLength: 1, maxLength: 3 })
const grouped = fc.constantFrom<string[]>([], ['user'], ['user', 'host'], ['who'])
const aliases = { who: { r0: 'user', r1: 'host', r2: 'n' } }
const timespan = fc.constantFrom('10s', '1m', '3m', '1h')

const correlationBody = fc.oneof(
  fc.record({ type: fc.constant('event_count'), condition: bounds }),
  fc
    .tuple(bounds, fc.constantFrom('host', 'n', ['host', 'n'], ['user']))
    .map(([bound, field]) => ({ type: 'value_count', condition: { ...bound, field } })),
  fc
    .tuple(fc.constantFrom('value_sum', 'value_avg', 'value_median'), valueBounds)
    .map(([type, bound]) => ({ type, condition: { ...bound, field: 'n' } })),
  fc
    .tuple(valueBounds, fc.constantFrom(0, 25, 50, 90, 100))
    .map(([bound, percentile]) => ({ type: 'value_percentile', condition: { ...bound, percentile, field: 'n' } })),
  fc.record({ type: fc.constantFrom('temporal', 'temporal_ordered') }),
  fc.record({ type: fc.constantFrom('temporal', 'temporal_ordered'), condition: bounds }),
)
const expressions = ['r0 and r1', 'r0 and not r2', 'r0 or r1 and r2', '(r0 or r1) and r2', 'not r0', 'not (r1 or r2)']

/** Correlations over rules `r0`, `r1`, `r2` of every type, the later ones now and then over earlier ones. */
export const correlationSet = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.tuple(correlationBody, correlated, grouped, timespan) },
      {
        weight: 1,
        arbitrary: fc.tuple(
          fc.record({
            type: fc.constantFrom('temporal', 'temporal_ordered'),
            condition: fc.constantFrom(...expressions),
          }),
          fc.constant(['r0', 'r1', 'r2']),
          grouped,
          timespan,
        ),
      },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) =>
    parts.map(([body, rules, group, span], index) => ({
      title: 'C',
      id: `c${index}`,
      correlation: {
        ...body,
        // Some build on the one before.
        rules:
          index > 1 && typeof (body as { condition?: unknown }).condition !== 'string'
            ? [...rules, `c${index - 1}`]
            : rules,
        'group-by': group,
        timespan: span,
        ...(group.includes('who') ? { aliases } : {}),
      },
    })),
  )

/** Matched events in order of time, several at one instant now and then. */
export const matchedEvents = fc
  .array(
    fc.record({
      step: fc.constantFrom(0, 0, 1_000, 4_000, 9_000, 10_000, 30_000, 60_000, 200_000),
      rules: fc.uniqueArray(fc.constantFrom('r0', 'r1', 'r2'), { minLength: 1, maxLength: 3 }),
      fields: fc.record(
        {
          user: fc.constantFrom('ann', 'bob', 7),
          host: fc.constantFrom('x', 'y', 'ann', true),
          n: fc.constantFrom(0, 1, 2.5, 6, 12, -3, '4', ' 5', 'none', '1e1'),
        },
        { requiredKeys: [] },
      ),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((steps) => {
    let time = Date.UTC(2026, 0, 1)
    return steps.map(({ step, rules, fields }) => {
      time += step
      return { time, rules, fields }
    })
  })
