import { nearest } from '../../platform/base/index.ts'
import { VALUE_CHARS_MAX } from '../limits.ts'
import { ANY_FIELD } from '../match/expression.ts'
import { type ListNode, type MapEntry, type MapNode, member, type Node, type ScalarNode } from './document.ts'
import { BROKEN, type Draft, type DraftValue } from './draft.ts'
import { itemModifiers, valueModifiers } from './modifiers/table.ts'
import { parsePattern } from './pattern.ts'
import type { Reporter } from './problem.ts'
import type { Value } from './value.ts'

/** What the reading of one rule's detections shares. */
export interface DetectionContext {
  readonly reporter: Reporter
  /** The values of a placeholder; undefined when nobody gave any. */
  readonly placeholder: (name: string) => readonly string[] | undefined
}

/** What a search identifier asks: a map is AND over its items, a list OR over its elements, plain values are keywords.
 * @see Sigma specification 2.0, Lists, Maps, Keywords search */
export function readDetection(node: Node, context: DetectionContext): Draft {
  switch (node.kind) {
    case 'map':
      if (node.entries.length === 0) context.reporter.error(node.at, 'this is empty; name a field and a value')
      return { kind: 'group', link: 'and', of: node.entries.map((entry) => readItem(entry, context)) }
    case 'list': {
      if (node.items.length === 0) {
        context.reporter.error(node.at, 'this list is empty; give it a value')
        return BROKEN
      }
      const words = node.items.filter((item) => item.kind === 'scalar')
      if (words.length === node.items.length) return readValues(keywordsAt(node.at), words, context)
      return { kind: 'group', link: 'or', of: node.items.map((item) => readDetection(item, context)) }
    }
    case 'scalar':
      return readValues(keywordsAt(node.at), [node], context)
  }
}

const keywordsAt = (at: number): Item => ({ field: ANY_FIELD, modifiers: [], at })

interface Item {
  readonly field: string
  readonly modifiers: readonly string[]
  readonly at: number
}

function readItem(entry: MapEntry, context: DetectionContext): Draft {
  const [field = '', ...modifiers] = entry.key.split('|')
  const item: Item = { field, modifiers, at: entry.keyAt }
  if (field === '' && modifiers.length === 0) {
    context.reporter.error(entry.keyAt, 'a field needs a name')
    return BROKEN
  }
  const values = scalarsOf(entry.value, context)
  return values ? readValues(item, values, context) : BROKEN
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

function readValues(item: Item, nodes: readonly ScalarNode[], context: DetectionContext): Draft {
  const { reporter } = context
  const unknown = item.modifiers.filter((name) => !valueModifiers.has(name) && !itemModifiers.has(name))
  for (const name of unknown) {
    const meant = nearest(name, [...valueModifiers.keys(), ...itemModifiers])
    reporter.error(item.at, `unknown modifier \`${name}\`${meant ? `; did you mean \`${meant}\`?` : ''}`)
  }
  if (unknown.length > 0) return BROKEN
  const all = item.modifiers.includes('all')
  if (all && nodes.length === 1) reporter.warn(item.at, '`all` on a single value says nothing; leave it out')
  if (nodes.length === 0) reporter.warn(item.at, 'an empty list is read as `null`; write `null`')
  if (nodes.length > 1) {
    const none = nodes.find(({ value }) => value === null)
    if (none) reporter.warn(none.at, '`null` in a list; write a search identifier of its own that asks for `null`')
  }
  const values = nodes.flatMap((node): DraftValue[] => {
    const value = applyModifiers(item, node, context)
    return value ? [{ value, at: node.at }] : []
  })
  if (values.length < nodes.length) return BROKEN
  const { field, at } = item
  return { kind: 'item', field, values, all, negated: item.modifiers.includes('neq'), at, applied: NOTHING }
}

const NOTHING: ReadonlySet<string> = new Set()

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
