import { describe, expect, test } from 'vitest'
import { readSigma } from '../read.ts'
import { joinPipelines, readPipeline } from './read-pipeline.ts'

const steps = (...lines: readonly string[]) => `transformations:\n${lines.map((line) => `  - ${line}\n`).join('')}`
const problemsOf = (text: string) =>
  readPipeline(text, 'p').problems.map(({ line, column, message }) => `${line}:${column} ${message}`)

/** What a rule asks after a pipeline; or why it is refused. */
function through(pipeline: string, detection: string): unknown {
  const { pipeline: read, problems } = readPipeline(pipeline, 'p')
  expect(problems).toEqual([])
  const text = `title: T\nid: t\nlogsource: {product: test}\ndetection:\n  s: ${detection}\n  condition: s\n`
  const { documents, refused } = readSigma(text, { fallbackId: 'f', pipeline: joinPipelines(read ? [read] : []) })
  const [document] = documents
  if (document?.kind === 'rule') return document.expression
  return refused.flatMap(({ problems: all }) => all.map(({ line, column, message }) => `${line}:${column} ${message}`))
}

describe('a pipeline is refused by line and reason:', () => {
  test.each([
    ['no map', '- a\n', '1:1 a pipeline is a map with `transformations`'],
    [
      'an unknown key',
      'transformation: []\n',
      '1:1 a pipeline has no `transformation`; did you mean `transformations`?',
    ],
    ['nothing', '', '1:1 the file is empty; a pipeline has `transformations`'],
    ['two documents', `${steps('{type: drop_detection_item}')}---\n${steps()}`, '4:1 a file holds one pipeline'],
    ['no type', steps('{id: a}'), '2:5 `type` is missing; it takes a text'],
    ['a Python function', steps('{type: field_name_transform}'), '2:12 `field_name_transform` calls a Python function'],
    ['a file', steps('{type: file_placeholders}'), '2:12 `file_placeholders` reads a file whenever it runs'],
    ['another server', steps('{type: http_placeholders}'), '2:12 `http_placeholders` asks another server'],
    ['a program', steps('{type: command_placeholders}'), '2:12 `command_placeholders` runs a program'],
    [
      'a parameter that is none',
      steps('{type: set_state, key: a, val: 1, value: 2}'),
      '2:39 `set_state` has no `value`',
    ],
    [
      'a condition that is none',
      steps('{type: drop_detection_item, rule_conditions: [{type: log_source}]}'),
      '2:58 no condition here is called `log_source`; did you mean `logsource`?',
    ],
    [
      'a condition left out of its expression',
      steps(
        '{type: drop_detection_item, rule_cond_expr: a, rule_conditions: {a: {type: is_sigma_rule}, b: {type: is_sigma_rule}}}',
      ),
      '2:49 the expression leaves out `b`',
    ],
    ['a look-ahead', steps("{type: replace_string, regex: 'a(?=b)', replacement: x}"), '2:35 not a regular expression'],
    [
      'a group that is not there',
      steps("{type: replace_string, regex: 'a', replacement: '\\1'}"),
      '2:5 `replacement` names the group `1`, which `regex` has not',
    ],
    [
      'a wrong condition to add',
      steps('{type: add_condition, conditions: {a|contians: b}}'),
      '2:40 unknown modifier `contians`; did you mean `contains`?',
    ],
    ['a log source of nothing', steps('{type: change_logsource}'), '2:5 name at least one of `category`'],
  ])('%s', (_, text, message) => {
    expect(problemsOf(text).join('\n')).toContain(message)
  })
})

describe('a rule that a pipeline makes unusable is refused, by pipeline, step and reason:', () => {
  test.each([
    ['a placeholder without values', steps('{type: value_placeholders}'), "{a|expand: '%x%'}", '`vars` has no `x`'],
    [
      'a placeholder for a query',
      steps('{type: query_expression_placeholders, expression: "x"}'),
      "{a|expand: '%x%'}",
      '%x% would become an expression of a query language',
    ],
    ['a text as a number', steps('{type: convert_type, target_type: num}'), '{a: x}', '`x` is no number'],
    ['a field without a name', steps('{type: field_name_mapping, mapping: {a: []}}'), '{a: x}', 'without a name'],
    ['nothing left', steps('{type: drop_detection_item}'), '{a: x}', 'nothing is left of the condition'],
  ])('%s', (_, pipeline, detection, reason) => {
    expect(String(through(pipeline, detection))).toContain(reason)
  })

  test('by its name', () => {
    expect(through(`name: Mine\n${steps('{type: rule_failure, message: not here}')}`, '{a: x}')).toEqual([
      '1:1 pipeline `Mine`, transformation 1 (rule_failure): not here',
    ])
  })
})

describe('hostile pipelines cost little and are refused:', () => {
  const names = (count: number) => Array.from({ length: count }, (_, n) => `f${n}`).join(', ')
  const twice = '{type: field_name_prefix_mapping, mapping: {"": [x, y]}}'

  test.each([
    ['steps that double a rule forty times', steps(...new Array<string>(40).fill(twice)), '{a: x}'],
    [
      'one field of a hundred thousand names',
      steps(`{type: field_name_mapping, mapping: {a: [${names(100_000)}]}}`),
      '{a: x}',
    ],
    [
      'one value of many, again and again',
      steps(...new Array<string>(8).fill(`{type: map_string, mapping: {x: [${'x, '.repeat(50)}x]}}`)),
      '{a: x}',
    ],
    [
      'placeholders that multiply',
      `vars: {v: [${names(1_000)}]}\n${steps('{type: value_placeholders}')}`,
      "{a|expand: '%v%%v%%v%%v%'}",
    ],
  ])('%s', (_, pipeline, detection) => {
    expect(String(through(pipeline, detection))).toMatch(/more than 20000/)
  })

  test.each([
    ['10 MB', `name: ${'x'.repeat(10 * 1024 * 1024)}`, 'a rule file may have 1048576'],
    [
      'nests in nests',
      `transformations: ${'[{type: nest, items: '.repeat(40)}[]${'}]'.repeat(40)}`,
      'nested more than 32 levels',
    ],
    [
      'an alias bomb',
      `a: &a [x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, n) => `${'bcdefghij'[n]}: &${'bcdefghij'[n]} [${`*${'abcdefghi'[n]}, `.repeat(8)}]`).join('\n')}\n`,
      'more than 200000 values',
    ],
    [
      'too many steps',
      steps(...new Array<string>(2_001).fill('{type: drop_detection_item}')),
      'at most 2000 transformations',
    ],
    [
      'repetitions that multiply',
      steps("{type: replace_string, regex: '((a{1,100}){1,100}){1,100}', replacement: x}"),
      'not a regular expression',
    ],
    [
      'conditions without end',
      steps(
        `{type: drop_detection_item, rule_cond_expr: '${'not '.repeat(3_000)}a', rule_conditions: {a: {type: is_sigma_rule}}}`,
      ),
      'nested more than 64 levels',
    ],
  ])('%s', (_, pipeline, message) => {
    expect(problemsOf(pipeline).join('\n')).toContain(message)
  })

  test('names that every object has are names', () => {
    const pipeline = steps('{type: field_name_mapping, mapping: {__proto__: constructor, toString: hasOwnProperty}}')
    expect(through(pipeline, '{__proto__: x}')).toMatchObject({ field: 'constructor' })
    expect(through(pipeline, '{constructor: x}')).toMatchObject({ field: 'constructor' })
    expect(problemsOf(steps('{type: toString}')).join()).toContain('no transformation is called `toString`')
  })
})

test('what concerns the text of queries is told and does nothing', () => {
  const { pipeline } = readPipeline('postprocessing: [{type: embed, prefix: x}]\nfinalizers: [{type: concat}]\n', 'p')
  expect(pipeline?.notApplicable).toEqual([
    expect.stringContaining('`postprocessing`'),
    expect.stringContaining('`finalizers`'),
  ])
})

test('a wildcard after a backslash survives a replacement elsewhere in the text', () => {
  const pipeline = steps("{type: replace_string, regex: 'Windows', replacement: 'W'}")
  expect(through(pipeline, "{a|startswith: 'C:\\Windows\\'}")).toMatchObject({
    position: 'startsWith',
    text: 'C:\\W\\',
  })
})
