import { describe, expect, test } from 'vitest'
import { idOfFile } from './head.ts'
import { readSigma } from './read.ts'

const rule = (detection: string, head = 'title: T\nid: t\nlogsource: {product: test}\n') =>
  `${head}detection:\n${detection}`
const problemsOf = (text: string) =>
  readSigma(text, { fallbackId: 'file' }).refused.flatMap(({ problems }) =>
    problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
  )

describe('a rule is refused by line and reason:', () => {
  test.each([
    [
      'an unknown modifier',
      '  s: {CommandLine|contians: x}\n  condition: s\n',
      '5:7 unknown modifier `contians`; did you mean `contains`?',
    ],
    [
      'a name the condition has and detection not',
      '  selection: {a: 1}\n  condition: slection\n',
      '6:14 the condition names `slection`, which is no search identifier here; did you mean `selection`?',
    ],
    [
      'a count',
      '  s: {a: 1}\n  condition: 2 of s*\n',
      '6:14 `2 of` is no Sigma; only `1 of`, `any of` and `all of` are',
    ],
    [
      'an aggregation',
      '  s: {a: 1}\n  condition: s | count() > 5\n',
      '6:16 `|` and aggregations are no longer Sigma; write a correlation',
    ],
    [
      'a timeframe',
      '  s: {a: 1}\n  timeframe: 5m\n  condition: s\n',
      '6:3 `timeframe` is no longer Sigma; write a correlation with a `timespan`',
    ],
    ['an open parenthesis', '  s: {a: 1}\n  condition: (s and s\n', '6:14 this `(` is never closed; add a `)`'],
    ['a missing operator', '  s: {a: 1}\n  condition: s s\n', '6:16 `s` was not expected; join it with `and` or `or`'],
    [
      'a look-ahead',
      "  s: {a|re: 'x(?=y)'}\n  condition: s\n",
      'look-around and back-references cannot be run in linear time',
    ],
    [
      'a placeholder nobody filled',
      "  s: {a|expand: '%servers%'}\n  condition: s\n",
      'names the placeholder %servers%, which has no values here',
    ],
    [
      'a network that is none',
      '  s: {a|cidr: 10.0.0.0/33}\n  condition: s\n',
      '5:15 `cidr` takes a network such as 10.0.0.0/8 or 2001:db8::/32; `10.0.0.0/33` is none',
    ],
    ['wildcards in Base64', "  s: {a|base64: 'x*'}\n  condition: s\n", 'cannot encode a text with wildcards'],
    ['a comparison with a text', '  s: {a|lt: abc}\n  condition: s\n', '5:13 `lt` compares numbers; this is a text'],
    ['too many dashes', "  s: {a|windash: ' -a -b -c -d -e'}\n  condition: s\n", 'would make more than 625 variants'],
    ['a nested map', '  s: {a: {b: 1}}\n  condition: s\n', '5:10 a field takes a value or a list of values'],
    ['an empty selection', '  s: {}\n  condition: s\n', 'this is empty; name a field and a value'],
    ['a doubled key', '  s: {a: 1, a: 2}\n  condition: s\n', 'this key stands here for the second time; join the two'],
    ['no condition', '  s: {a: 1}\n', '`detection` needs a `condition`'],
    ['nothing left of the condition', '  s: {a: 1}\n  condition: 1 of x*\n', 'nothing is left of the condition'],
  ])('%s', (_, detection, message) => {
    expect(problemsOf(rule(detection)).join('\n')).toContain(message)
  })

  test('all problems are told at once', () => {
    const text = rule('  s: {a|foo: 1, b|bar: 2}\n  condition: s and t\n', 'level: hig\nlogsource: {}\n')
    expect(problemsOf(text).map((problem) => problem.split(' ')[0])).toEqual([
      '1:1',
      '1:8',
      '2:12',
      '4:7',
      '4:17',
      '5:20',
    ])
  })
})

describe('hostile files cost little and are refused:', () => {
  const cheap = (text: string) => {
    const before = process.cpuUsage().user
    const problems = problemsOf(text)
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(5)
    return problems.join('\n')
  }

  test('an alias bomb', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) =>
        `a${n}: &a${n} [${Array(9)
          .fill(n === 0 ? 'x' : `*a${n - 1}`)
          .join(', ')}]`,
    )
    expect(cheap(`title: T\n${levels.join('\n')}\n`)).toContain('more than 200000 values once aliases are followed')
  })

  test('an alias of itself', () => {
    expect(cheap('title: T\na: &a [*a]\n')).toContain('names nothing, or itself')
  })

  test('10 MB', () => {
    expect(cheap(`title: ${'x'.repeat(10 * 1024 * 1024)}`)).toContain(
      '1:1 the file has 10485767 bytes; a rule file may have 1048576',
    )
  })

  test('bytes that no text has, in the text and in what comes of it', () => {
    const detection = '  s: {a: 1}\n  condition: s\n'
    expect(cheap(`${rule(detection)}# \0\n`)).toContain('a zero byte stands here; a rule file is text')
    const title = (written: string) => rule(detection, `title: ${written}\nid: t\nlogsource: {product: test}\n`)
    expect(cheap(title('"a\\0b"'))).toBe('1:8 the title holds characters that cannot be shown: `a\\u0000b`')
    expect(cheap(title('"\\e[2J\\u202e"'))).toContain('`\\u001b[2J\\u202e`')
    expect(cheap(title('>\n  over two\n  lines'))).toBe('')
  })

  test('an id that no path can hold, also of a name or of a file', () => {
    const detection = '  s: {a: 1}\n  condition: s\n'
    const head = 'title: T\nlogsource: {product: test}\n'
    expect(cheap(rule(detection, `${head}id: "a\\0"\n`))).toBe(
      '3:5 `a\\u0000` is no id: letters, digits, `.`, `_` and `-`, at most 128, are (a UUID is best)',
    )
    const idOf = (text: string, path: string) => readSigma(text, { fallbackId: idOfFile(path) }).documents[0]?.head.id
    expect(idOf(rule(detection, `${head}name: "a\\0 b"\n`), 'x/file.yml')).toBe('file')
    expect(idOf(rule(detection, head), 'x/My rule (1)\0.YAML')).toBe('My-rule-1-')
    expect(idOf(rule(detection, head), '€.yml')).toBe('rule')
  })

  test('tags without end', () => {
    const text = rule('  s: {a: 1}\n  condition: s\n')
    expect(cheap(`${text}tags: [${Array(201).fill('attack.t1059').join(', ')}]\n`)).toBe(
      '1:1 the rule has 201 tags; 200 are allowed',
    )
  })

  test('depth', () => {
    expect(cheap(`title: T\na: ${'['.repeat(5000)}${']'.repeat(5000)}\n`)).toContain(
      'nested far more than 32 levels deep',
    )
    expect(cheap(Array.from({ length: 900 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'))).toMatch(
      // Which of the two depends on how much of the stack a level takes.
      /nested (far )?more than 32 levels/,
    )
    expect(cheap(rule(`  s: {a: 1}\n  condition: ${'not '.repeat(3000)}s\n`))).toContain(
      'nested more than 64 levels deep',
    )
    expect(cheap(rule(`  s: {a: 1}\n  condition: ${'('.repeat(3000)}s${')'.repeat(3000)}\n`))).toContain(
      'nested more than 64',
    )
  })

  test('a hundred thousand keys', () => {
    expect(cheap(Array.from({ length: 90_000 }, (_, n) => `k${n}: 1`).join('\n'))).toContain('a rule needs a `title`')
  })

  test('a condition that puts a large identifier in again and again', () => {
    const values = Array.from({ length: 5000 }, (_, n) => `x${n}`).join(', ')
    expect(cheap(rule(`  s: {a: [${values}]}\n  condition: ${'s or not '.repeat(1000)}s\n`))).toContain(
      'more than 200000 comparisons',
    )
  })

  test('a regular expression whose repetitions multiply', () => {
    expect(cheap(rule("  s: {a|re: '((((a{1,100}){1,100}){1,100}){1,100})'}\n  condition: s\n"))).toContain(
      'not a regular expression that can be run here',
    )
    expect(cheap(rule(`  s: {a|re: '${'a'.repeat(9000)}'}\n  condition: s\n`))).toContain(
      'takes at most 8192 characters',
    )
  })

  test('names that every object has', () => {
    const text = rule('  __proto__: {constructor: x, __proto__|contains: y}\n  condition: __proto__\n')
    expect(readSigma(text, { fallbackId: 'f' }).documents).toHaveLength(1)
  })
})

describe('a file', () => {
  test('of several documents gives each, and its text alone', () => {
    const text = `${rule('  s: {a: 1}\n  condition: s\n')}---\n${rule('  s: {a: 2}\n  condition: s\n', 'title: U\nlogsource: {product: x}\n')}`
    const { documents, accepted } = readSigma(text, { fallbackId: 'file' })
    expect(documents.map(({ head }) => head.id)).toEqual(['t', 'file-1'])
    const again = accepted.flatMap(
      ({ text: alone }, index) => readSigma(alone, { fallbackId: `file-${index}` }).documents,
    )
    expect(JSON.stringify(again, withoutPlaces)).toBe(JSON.stringify(documents, withoutPlaces))
  })

  test('with `action: global` shares what stands in that document', () => {
    const text = `action: global\ntitle: T\nlogsource: {product: test}\ndetection: {condition: s}\n---\nid: one\ndetection: {s: {a: 1}}\n---\nid: two\nlevel: high\ndetection: {s: {a: 2}}\n`
    const { documents, accepted, refused } = readSigma(text, { fallbackId: 'file' })
    expect(refused).toEqual([])
    expect(documents.map(({ head }) => `${head.id} ${head.title} ${head.severity}`)).toEqual([
      'one T informational',
      'two T high',
    ])
    expect(readSigma(accepted[1]?.text ?? '', { fallbackId: 'x' }).documents[0]?.head.id).toBe('two')
  })

  test('one document that is wrong does not take the others with it', () => {
    const text = `${rule('  s: {a: 1}\n  condition: s\n')}---\ntitle: bad\n`
    const { documents, refused } = readSigma(text, { fallbackId: 'file' })
    expect([documents.length, refused.length]).toEqual([1, 1])
    expect(refused[0]?.title).toBe('bad')
  })
})

const withoutPlaces = (key: string, value: unknown) => (key === 'at' ? undefined : value)

describe('a correlation', () => {
  const correlation = (body: string) => `title: C\nid: c\ncorrelation:\n${body}`

  test.each([
    [
      'a type',
      '  type: evnt_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 1}\n',
      '`type` is one of event_count',
    ],
    [
      'a timespan',
      '  type: event_count\n  rules: [a]\n  timespan: 1x\n  condition: {gte: 1}\n',
      '`timespan` takes a number and s, m, h, d',
    ],
    [
      'a key',
      '  type: event_count\n  rules: [a]\n  timespan: 1m\n  groupby: [x]\n  condition: {gte: 1}\n',
      '`correlation` has no `groupby`; did you mean `group-by`?',
    ],
    ['a condition', '  type: event_count\n  rules: [a]\n  timespan: 1m\n', '`event_count` needs a `condition`'],
    [
      'a field',
      '  type: value_count\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 1}\n',
      '`value_count` needs a `field`',
    ],
    ['rules', '  type: temporal\n  timespan: 1m\n', '`rules` names no rule to correlate'],
    [
      'a percentile',
      '  type: value_percentile\n  rules: [a]\n  timespan: 1m\n  condition: {gte: 1, field: x}\n',
      'needs a `percentile`',
    ],
  ])('without %s is refused', (_, body, message) => {
    expect(problemsOf(correlation(body)).join('\n')).toContain(message)
  })
})
