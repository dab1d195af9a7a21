import { failureCodes } from '../types.ts'
import type { TestSpec } from './document.ts'
import { notYet, type Reader } from './reader.ts'
import type { SourceNode } from './source.ts'

const TESTS_MAX = 200

/** `tests:` of a playbook. `steps` are the ids they may name. */
export function parseTests(
  reader: Reader,
  node: SourceNode | undefined,
  steps: readonly string[],
): readonly TestSpec[] {
  const tests: TestSpec[] = []
  for (const item of reader.list(node, '`tests`', TESTS_MAX)) {
    const keys = reader.map(item, {
      what: 'a test',
      required: ['name', 'expect'],
      optional: ['inputs', 'mock', 'approvals'],
      unsupported: notYet('trigger'),
    })
    const name = reader.string(keys?.get('name')?.value, 'the name')
    if (!keys || name === undefined) continue
    tests.push({
      name,
      inputs: plainMap(reader, keys.get('inputs')?.value, '`inputs`'),
      mocks: parseMocks(reader, keys.get('mock')?.value, steps),
      approvals: parseDecisions(reader, keys.get('approvals')?.value, steps),
      expect: parseExpect(reader, keys.get('expect')?.value, steps),
    })
  }
  return tests
}

function parseMocks(reader: Reader, node: SourceNode | undefined, steps: readonly string[]): TestSpec['mocks'] {
  if (!node) return []
  return reader.entries(node, '`mock`').map(({ key, keyPlace, value }) => {
    requireStep(reader, key, keyPlace, steps)
    const keys = reader.map(value, { what: 'a mock', optional: ['output', 'error'] })
    const output = keys?.get('output')
    const error = reader.oneOf(keys?.get('error')?.value, '`error`', failureCodes)
    if (keys && (output === undefined) === (error === undefined)) {
      reader.problems.error('P013', value, 'a mock needs one of `output` and `error`')
    }
    return {
      step: key,
      ...(output ? { output: reader.value(output.value) } : {}),
      ...(error === undefined ? {} : { error }),
    }
  })
}

function parseDecisions(reader: Reader, node: SourceNode | undefined, steps: readonly string[]): TestSpec['approvals'] {
  if (!node) return []
  return reader.entries(node, '`approvals`').map(({ key, keyPlace, value }) => {
    requireStep(reader, key, keyPlace, steps)
    return { step: key, decision: reader.oneOf(value, 'a decision', ['approve', 'reject']) ?? 'reject' }
  })
}

function parseExpect(reader: Reader, node: SourceNode | undefined, steps: readonly string[]): TestSpec['expect'] {
  const keys =
    node && reader.map(node, { what: '`expect`', optional: ['status', 'ran', 'not_ran', 'outputs', 'calls'] })
  const status = reader.oneOf(keys?.get('status')?.value, '`status`', ['succeeded', 'failed', 'cancelled'])
  const outputs = keys?.get('outputs')?.value
  const calls = keys?.get('calls')?.value
  return {
    ...(status === undefined ? {} : { status }),
    ran: parseIds(reader, keys?.get('ran')?.value, '`ran`', steps),
    notRan: parseIds(reader, keys?.get('not_ran')?.value, '`not_ran`', steps),
    ...(outputs ? { outputs: plainMap(reader, outputs, '`outputs`') } : {}),
    calls: (calls ? reader.entries(calls, '`calls`') : []).map(({ key, keyPlace, value }) => {
      requireStep(reader, key, keyPlace, steps)
      return { step: key, with: plainMap(reader, value, 'the arguments') }
    }),
  }
}

function parseIds(reader: Reader, node: SourceNode | undefined, what: string, steps: readonly string[]) {
  return reader.list(node, what, 500).flatMap((item) => {
    const id = reader.string(item, 'a step id')
    if (id === undefined) return []
    requireStep(reader, id, item, steps)
    return [id]
  })
}

function plainMap(reader: Reader, node: SourceNode | undefined, what: string) {
  if (!node) return {}
  return Object.fromEntries(reader.entries(node, what).map(({ key, value }) => [key, reader.value(value)]))
}

function requireStep(
  reader: Reader,
  id: string,
  place: { readonly path: string; readonly offset: number },
  steps: readonly string[],
): void {
  if (!steps.includes(id)) reader.problems.error('P006', place, `no step is called \`${id.slice(0, 80)}\``)
}
