import { patternProblem } from '../expressions/check.ts'
import { INPUTS_MAX } from '../limits.ts'
import type { Json } from '../types.ts'
import { type InputSpec, type InputType, inputTypes, type OutputSpec, type ValueSpec } from './document.ts'
import { badValue, valueTypeOf } from './input-value.ts'
import { type Keys, NOT_YET, type Reader } from './reader.ts'
import type { SourceNode } from './source.ts'

const NAME = /^[a-z][a-z0-9_]{0,63}$/
const NAME_WORDS = 'small letters, digits and _, beginning with a letter'
const LATER_TYPES = ['alert', 'incident', 'indicator']
const COUNT_MAX = 10_000

const VALUE_KEYS = ['enum', 'pattern', 'min', 'max', 'min_items', 'max_items', 'items', 'fields', 'description']
const INPUT_KEYS: Omit<Keys, 'what'> = { required: ['type'], optional: [...VALUE_KEYS, 'required', 'default'] }

/** `inputs:` of a playbook, or the `fields:` of a map. */
export function parseInputs(reader: Reader, node: SourceNode | undefined, what = 'inputs'): readonly InputSpec[] {
  if (!node) return []
  const entries = reader.entries(node, what)
  if (entries.length > INPUTS_MAX) reader.problems.error('P002', node, `${what} has more than ${INPUTS_MAX} entries`)
  const specs: InputSpec[] = []
  for (const { key, keyPlace, value } of entries.slice(0, INPUTS_MAX)) {
    if (!NAME.test(key))
      reader.problems.error('P013', keyPlace, `the name \`${key.slice(0, 80)}\` must be ${NAME_WORDS}`)
    const spec = parseInput(reader, key, value)
    if (spec) specs.push(spec)
  }
  return specs
}

function parseInput(reader: Reader, name: string, node: SourceNode): InputSpec | undefined {
  const keys = reader.map(node, { what: `input \`${name}\``, ...INPUT_KEYS })
  const type = keys && parseType(reader, keys.get('type')?.value)
  if (!keys || !type) return undefined
  const description = reader.string(keys.get('description')?.value, 'description')
  const spec: InputSpec = {
    name,
    required: reader.boolean(keys.get('required')?.value, 'required') ?? false,
    ...parseValueSpec(reader, type, keys),
    ...(description === undefined ? {} : { description }),
  }
  const preset = keys.get('default')
  if (!preset) return spec
  const value = reader.value(preset.value)
  const problem = badValue(value, spec)
  if (problem) reader.problems.error('P013', preset.value, `the default of \`${name}\` ${problem}`)
  return { ...spec, default: value }
}

/** A type of the language; those that this version has not are refused by name. */
function parseType(reader: Reader, node: SourceNode | undefined): InputType | undefined {
  if (node?.kind === 'scalar' && typeof node.value === 'string' && LATER_TYPES.includes(node.value)) {
    reader.refuse(`type: ${node.value}`, node, NOT_YET)
    return undefined
  }
  return reader.oneOf(node, 'type', inputTypes)
}

function parseValueSpec(
  reader: Reader,
  type: InputType,
  keys: ReadonlyMap<string, { readonly value: SourceNode }>,
): ValueSpec {
  const at = (key: string) => keys.get(key)?.value
  const spec: { -readonly [K in keyof ValueSpec]: ValueSpec[K] } = { type }
  const bounds = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE }
  const counts = { min: 0, max: COUNT_MAX, integer: true }
  const min = reader.number(at('min'), 'min', bounds)
  const max = reader.number(at('max'), 'max', bounds)
  const minItems = reader.number(at('min_items'), 'min_items', counts)
  const maxItems = reader.number(at('max_items'), 'max_items', counts)
  if (min !== undefined) spec.min = min
  if (max !== undefined) spec.max = max
  if (minItems !== undefined) spec.minItems = minItems
  if (maxItems !== undefined) spec.maxItems = maxItems
  const pattern = reader.string(at('pattern'), 'pattern', 1000)
  const problem = pattern === undefined ? undefined : patternProblem(pattern)
  const patternNode = at('pattern')
  if (problem && patternNode) reader.problems.error('P015', patternNode, problem)
  else if (pattern !== undefined) spec.pattern = pattern
  const values = parseEnum(reader, at('enum'), spec)
  if (values) spec.enum = values
  const items = at('items')
  if (items) spec.items = parseItems(reader, items)
  if (at('fields')) spec.fields = parseInputs(reader, at('fields'), 'fields')
  for (const [key, wanted] of [
    ['items', 'list'],
    ['min_items', 'list'],
    ['max_items', 'list'],
    ['fields', 'map'],
  ] as const) {
    const node = at(key)
    if (node && type !== wanted)
      reader.problems.error('P013', node, `\`${key}\` belongs to type ${wanted}, not ${type}`)
  }
  return spec
}

function parseEnum(reader: Reader, node: SourceNode | undefined, spec: ValueSpec): readonly Json[] | undefined {
  if (!node) return undefined
  const values = reader.list(node, 'enum', 200).map((item) => {
    const value = reader.value(item)
    const problem = badValue(value, spec)
    if (problem) reader.problems.error('P013', item, `a value of enum ${problem}`)
    return value
  })
  if (values.length === 0) reader.problems.error('P013', node, 'enum needs a value')
  return values
}

/** `items: ip`, or a map as an input's. */
function parseItems(reader: Reader, node: SourceNode): ValueSpec {
  if (node.kind === 'scalar') return { type: parseType(reader, node) ?? 'string' }
  const keys = reader.map(node, { what: 'items', required: ['type'], optional: VALUE_KEYS })
  const type = keys && parseType(reader, keys.get('type')?.value)
  return keys && type ? parseValueSpec(reader, type, keys) : { type: 'string' }
}

/** `outputs:` of a playbook. */
export function parseOutputs(reader: Reader, node: SourceNode | undefined): readonly OutputSpec[] {
  if (!node) return []
  const specs: OutputSpec[] = []
  for (const { key, keyPlace, value } of reader.entries(node, 'outputs').slice(0, INPUTS_MAX)) {
    if (!NAME.test(key))
      reader.problems.error('P013', keyPlace, `the name \`${key.slice(0, 80)}\` must be ${NAME_WORDS}`)
    const keys = reader.map(value, {
      what: `output \`${key}\``,
      required: ['type', 'value'],
      optional: ['items', 'fields', 'description'],
    })
    const type = keys && parseType(reader, keys.get('type')?.value)
    if (!type) continue
    const expression = reader.expression(keys.get('value')?.value, 'value', { kind: 'outputs' }, valueTypeOf({ type }))
    if (expression !== undefined) specs.push({ name: key, type, value: expression })
  }
  return specs
}
