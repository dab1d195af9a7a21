import { nearest } from '../../platform/index.ts'
import { PREDICATES_MAX, VALUE_CHARS_MAX } from '../limits.ts'
import { ANY_FIELD, and, type Expression, FALSE, not, or, type TextPosition } from '../match/expression.ts'
import { compileRegex } from '../match/regex.ts'
import { type ListNode, type MapEntry, type MapNode, member, type Node, type ScalarNode } from './document.ts'
import { itemModifiers, valueModifiers } from './modifiers/table.ts'
import { MANY, type Pattern, parsePattern, simplifyPattern } from './pattern.ts'
import type { Reporter } from './problem.ts'
import type { Value } from './value.ts'

/** What the reading of one rule's detections shares. */
export interface DetectionContext {
  readonly reporter: Reporter
  readonly placeholder: (name: string) => readonly string[] | undefined
  /** Counts down; a rule that unfolds to more comparisons is refused. */
  readonly budget: { predicates: number }
}

export function newDetectionContext(
  reporter: Reporter,
  placeholder: DetectionContext['placeholder'],
): DetectionContext {
  return { reporter, placeholder, budget: { predicates: PREDICATES_MAX } }
}

/** What a search identifier asks: a map is AND over its items, a list OR over its elements, plain values are keywords.
 * @see Sigma specification 2.0, Lists, Maps, Keywords search */
export function readDetection(node: Node, context: DetectionContext): Expression {
  switch (node.kind) {
    case 'map':
      if (node.entries.length === 0) context.reporter.error(node.at, 'this is empty; name a field and a value')
      return and(node.entries.map((entry) => readItem(entry, context)))
    case 'list':
      if (node.items.length === 0) context.reporter.error(node.at, 'this list is empty; give it a value')
      return or(node.items.map((item) => readDetection(item, context)))
    case 'scalar':
      return readValues({ field: ANY_FIELD, modifiers: [], at: node.at }, [node], context)
  }
}

interface Item {
  readonly field: string
  readonly modifiers: readonly string[]
  readonly at: number
}

function readItem(entry: MapEntry, context: DetectionContext): Expression {
  const [field = '', ...modifiers] = entry.key.split('|')
  const item: Item = { field, modifiers, at: entry.keyAt }
  if (field === '' && modifiers.length === 0) {
    context.reporter.error(entry.keyAt, 'a field needs a name')
    return FALSE
  }
  const values = scalarsOf(entry.value, context)
  return values ? readValues(item, values, context) : FALSE
}

function scalarsOf(node: Node, context: DetectionContext): readonly ScalarNode[] | undefined {
  if (node.kind === 'scalar') return [node]
  if (node.kind === 'list' && node.items.every((item): item is ScalarNode => item.kind === 'scalar')) return node.items
  const inner = firstNested(node)
  context.reporter.error(
    inner.at,
    'a field takes a value or a list of values; put nested conditions into search identifiers of their own',
  )
  return undefined
}

function firstNested(node: MapNode | ListNode): Node {
  return node.kind === 'list' ? (node.items.find((item) => item.kind !== 'scalar') ?? node) : node
}

function readValues(item: Item, nodes: readonly ScalarNode[], context: DetectionContext): Expression {
  const { reporter } = context
  const unknown = item.modifiers.filter((name) => !valueModifiers.has(name) && !itemModifiers.has(name))
  for (const name of unknown) {
    const meant = nearest(name, [...valueModifiers.keys(), ...itemModifiers])
    reporter.error(item.at, `unknown modifier \`${name}\`${meant ? `; did you mean \`${meant}\`?` : ''}`)
  }
  if (unknown.length > 0) return FALSE
  const all = item.modifiers.includes('all')
  if (all && nodes.length === 1) reporter.warn(item.at, '`all` on a single value says nothing; leave it out')
  if (nodes.length === 0) {
    reporter.warn(item.at, 'an empty list is read as `null`; write `null`')
    return toExpression(item, { kind: 'null' }, item.at, context)
  }
  const expressions = nodes.map((node) => {
    const value = applyModifiers(item, node, context)
    return value ? toExpression(item, value, node.at, context) : FALSE
  })
  const joined = all ? and(expressions) : or(expressions)
  return item.modifiers.includes('neq') ? differs(item, joined) : joined
}

/** `neq` asks for another value, so the field has to be there.   @see Sigma modifiers appendix, generic (`neq`) */
function differs(item: Item, equal: Expression): Expression {
  if (item.field === ANY_FIELD) return not(equal)
  return and([{ kind: 'exists', field: item.field, wanted: true }, not(equal)])
}

function applyModifiers(item: Item, node: ScalarNode, context: DetectionContext): Value | undefined {
  if (node.text.length > VALUE_CHARS_MAX) {
    context.reporter.error(node.at, `this value has ${node.text.length} characters; ${VALUE_CHARS_MAX} are allowed`)
    return undefined
  }
  let value = scalarValue(node, item)
  const applied: string[] = []
  for (const name of item.modifiers) {
    const modifier = valueModifiers.get(name)
    if (!modifier) continue
    const changed = modifier(value, { applied, field: item.field, placeholder: context.placeholder })
    if (typeof changed === 'string') {
      context.reporter.error(node.at, `\`${name}\` ${changed}`)
      return undefined
    }
    value = changed
    applied.push(name)
  }
  return value
}

function scalarValue(node: ScalarNode, item: Item): Value {
  const { value } = node
  if (item.modifiers.includes('re')) {
    return { kind: 'text', pattern: [typeof value === 'string' ? value : node.text], cased: false }
  }
  switch (typeof value) {
    case 'string':
      return { kind: 'text', pattern: parsePattern(value), cased: false }
    case 'number':
      // `.inf` and `.nan` are numbers to YAML only.
      if (!Number.isFinite(value)) return { kind: 'text', pattern: [node.text], cased: false }
      return { kind: 'number', value, text: node.text }
    case 'boolean':
      return { kind: 'boolean', value }
    default:
      return { kind: 'null' }
  }
}

function toExpression(item: Item, value: Value, at: number, context: DetectionContext): Expression {
  const { reporter, budget } = context
  const { field } = item
  budget.predicates--
  if (budget.predicates < 0) {
    if (budget.predicates === -1) {
      reporter.error(at, `the rule comes to more than ${PREDICATES_MAX} comparisons; split it`)
    }
    return FALSE
  }
  switch (value.kind) {
    case 'anyOf':
      return or(value.values.map((variant) => toExpression(item, variant, at, context)))
    case 'text':
      return textExpression(field, value.pattern, value.cased)
    case 'bytes': {
      if (value.bytes.some((byte) => byte > 0x7f)) {
        reporter.error(
          at,
          'these bytes are no text that a field could hold; encode them with `base64` or `base64offset`',
        )
        return FALSE
      }
      return textExpression(field, [value.bytes.toString('latin1')], false)
    }
    case 'number':
      if (field === ANY_FIELD) return textExpression(field, [value.text], false)
      return { kind: 'number', field, value: value.value, text: value.text }
    case 'boolean':
      return textExpression(field, [String(value.value)], false)
    case 'null':
      if (field === ANY_FIELD) {
        reporter.error(at, '`null` asks for a missing field and so needs a field')
        return FALSE
      }
      return { kind: 'null', field }
    case 'compare':
      return { kind: 'compare', field, comparison: value.comparison, value: value.value }
    case 'time':
      return { kind: 'time', field, part: value.part, comparison: value.comparison, value: value.value }
    case 'network':
      return { kind: 'network', field, cidr: value.cidr }
    case 'regex': {
      const compiled = compileRegex(value.source, value.flags)
      if (!compiled.ok) {
        reporter.error(at, compiled.error)
        return FALSE
      }
      return { kind: 'regex', field, source: value.source, flags: value.flags }
    }
    case 'fieldRef':
      return { kind: 'fieldRef', field, other: value.other, position: value.position, cased: value.cased }
    case 'exists':
      return { kind: 'exists', field, wanted: value.wanted }
  }
}

function textExpression(field: string, written: Pattern, cased: boolean): Expression {
  // A keyword is looked for inside the event's values.
  const open: Pattern = field === ANY_FIELD ? [MANY, ...written, MANY] : written
  const pattern = simplifyPattern(open)
  const literals = pattern.filter((part): part is string => typeof part === 'string')
  const literal = literals[0] ?? ''
  const stars = pattern.filter((part) => part === MANY).length
  if (literals.length <= 1 && literals.length + stars === pattern.length && stars <= 2) {
    if (pattern.length === 1 && stars === 1) return { kind: 'text', field, position: 'contains', text: '', cased }
    const before = pattern[0] === MANY
    const after = pattern.at(-1) === MANY
    const position: TextPosition = before ? (after ? 'contains' : 'endsWith') : after ? 'startsWith' : 'equals'
    return { kind: 'text', field, position, text: literal, cased }
  }
  return { kind: 'glob', field, pattern, cased }
}

/** The keys of `detection` that are search identifiers. */
export function searchIdentifiers(detection: MapNode): readonly MapEntry[] {
  return detection.entries.filter((entry) => entry.key !== 'condition' && entry.key !== 'timeframe')
}

/** The `timeframe` of the old aggregation syntax, which correlations replaced. */
export function rejectTimeframe(detection: MapNode, reporter: Reporter): void {
  const timeframe = member(detection, 'timeframe')
  if (timeframe)
    reporter.error(timeframe.keyAt, '`timeframe` is no longer Sigma; write a correlation with a `timespan`')
}
