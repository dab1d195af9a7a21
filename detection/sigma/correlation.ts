import { nearest } from '../../platform/base/index.ts'
import { TIMESPAN_MS_MAX } from '../limits.ts'
import type { RuleHead } from '../types.ts'
import { type Condition, parseCondition } from './condition.ts'
import { type MapNode, member, type Node } from './document.ts'
import type { Alias, CorrelationDraft } from './draft.ts'
import { readHead, textsOf } from './head.ts'
import { runPipeline } from './pipelines/pipeline.ts'
import type { Reporter } from './problem.ts'
import type { ReadOptions } from './rule.ts'

export const correlationTypes = [
  'event_count',
  'value_count',
  'value_sum',
  'value_avg',
  'value_median',
  'value_percentile',
  'temporal',
  'temporal_ordered',
] as const
export type CorrelationType = (typeof correlationTypes)[number]

export const boundKinds = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const
export type BoundKind = (typeof boundKinds)[number]

export interface Bound {
  readonly kind: BoundKind
  readonly value: number
}

/** A reference to another rule by id or name. */
export interface RuleReference {
  readonly reference: string
  readonly at: number
}

/** A correlation over matches of other rules, checked in itself; that its rules exist is checked where all are known. */
export interface SigmaCorrelation {
  readonly kind: 'correlation'
  readonly head: RuleHead
  readonly type: CorrelationType
  readonly rules: readonly RuleReference[]
  readonly groupBy: readonly string[]
  readonly timespanMs: number
  /** All have to hold; empty only for temporal ones, which then ask for every rule. */
  readonly bounds: readonly Bound[]
  /** The fields whose values are counted or summed; several make one value, a tuple. */
  readonly fields: readonly string[]
  readonly percentile: number | undefined
  /** `a and b and not c`, over the rules seen in the window. */
  readonly expression: Condition | undefined
  readonly aliases: readonly Alias[]
  /** Whether the rules referred to also alert by themselves. */
  readonly generate: boolean
}

/** Reads a document with `correlation`.   @see Sigma correlation rules specification 2.0 */
export function readCorrelation(document: MapNode, options: ReadOptions, reporter: Reporter): SigmaCorrelation {
  const head = readHead(document, options.fallbackId, reporter)
  const entry = member(document, 'correlation')
  const body: MapNode = entry?.value.kind === 'map' ? entry.value : { kind: 'map', at: document.at, entries: [] }
  if (entry?.value.kind !== 'map') reporter.error(entry?.value.at ?? document.at, '`correlation` takes a map')
  checkKeys(body, reporter)
  const type = readType(body, reporter)
  const condition = readCondition(body, type, reporter)
  const listed = namesOf(body, 'rules', reporter)
  if (condition.expression) requireListed(condition.expression, listed, reporter)
  const rules = listed.length > 0 || !condition.expression ? listed : namesIn(condition.expression)
  if (rules.length === 0) reporter.error(member(body, 'rules')?.keyAt ?? body.at, '`rules` names no rule to correlate')
  const generate = member(body, 'generate') ?? member(document, 'generate')
  const aliases = readAliases(body, reporter)
  checkAliases(aliases, rules, reporter)
  const named = {
    groupBy: namesOf(body, 'group-by', reporter).map(({ reference }) => reference),
    fields: condition.fields,
    aliases: aliases.map(({ alias, fields }) => ({ alias, fields })),
  }
  return {
    kind: 'correlation',
    head,
    type,
    rules,
    timespanMs: readTimespan(body, reporter),
    ...condition,
    ...throughPipeline(document, head, { rules, ...named }, options, reporter),
    generate: generate?.value.kind === 'scalar' && generate.value.value === true,
  }
}

/** The names of fields as a pipeline leaves them, where there is one. */
function throughPipeline(
  document: MapNode,
  head: RuleHead,
  { rules, ...named }: Pick<SigmaCorrelation, 'rules' | 'groupBy' | 'fields' | 'aliases'>,
  { pipeline, logsourcesOf }: ReadOptions,
  reporter: Reporter,
): Pick<SigmaCorrelation, 'groupBy' | 'fields' | 'aliases'> {
  if (!pipeline) return named
  const logsources = rules.flatMap(({ reference }) => logsourcesOf?.(reference) ?? [])
  const listedFields = textsOf(document, 'fields') ?? []
  const draft: CorrelationDraft = {
    ...{ kind: 'correlation', head, document, listedFields, attributes: new Map(), logsources },
    ...named,
  }
  const { groupBy, fields, aliases } = runPipeline(pipeline, draft, reporter)
  return { groupBy, fields, aliases }
}

/** A rule that only the condition names would never be seen. */
function requireListed(condition: Condition, listed: readonly RuleReference[], reporter: Reporter): void {
  if (listed.length === 0) return
  for (const { reference, at } of namesIn(condition)) {
    if (!listed.some((rule) => rule.reference === reference)) {
      reporter.error(at, `the condition names \`${reference}\`, which is not among \`rules\``)
    }
  }
}

function checkAliases(aliases: readonly PlacedAlias[], rules: readonly RuleReference[], reporter: Reporter): void {
  for (const { alias, fields, at } of aliases) {
    for (const { rule } of fields) {
      if (!rules.some(({ reference }) => reference === rule)) {
        reporter.warn(at, `alias \`${alias}\` names \`${rule}\`, which is not written so among \`rules\``)
      }
    }
  }
}

const keys = ['type', 'rules', 'group-by', 'timespan', 'condition', 'aliases', 'generate', 'field']

function checkKeys(body: MapNode, reporter: Reporter): void {
  for (const { key, keyAt } of body.entries) {
    if (keys.includes(key)) continue
    const meant = nearest(key, keys)
    reporter.error(keyAt, `\`correlation\` has no \`${key}\`${meant ? `; did you mean \`${meant}\`?` : ''}`)
  }
}

function readType(body: MapNode, reporter: Reporter): CorrelationType {
  const entry = member(body, 'type')
  const text = entry?.value.kind === 'scalar' ? entry.value.text : ''
  const type = correlationTypes.find((known) => known === text)
  if (!type) reporter.error(entry?.value.at ?? body.at, `\`type\` is one of ${correlationTypes.join(', ')}`)
  return type ?? 'event_count'
}

function namesOf(body: MapNode, key: string, reporter: Reporter): RuleReference[] {
  const value = member(body, key)?.value
  if (!value) return []
  const nodes: readonly Node[] = value.kind === 'list' ? value.items : [value]
  const names: RuleReference[] = []
  for (const node of nodes) {
    if (node.kind === 'scalar' && node.text !== '') names.push({ reference: node.text, at: node.at })
    else reporter.error(node.at, `\`${key}\` takes names`)
  }
  return names
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  // A twelfth of a mean Gregorian year, and that year.
  M: 2_629_746_000,
  y: 31_556_952_000,
}

function readTimespan(body: MapNode, reporter: Reporter): number {
  const entry = member(body, 'timespan') ?? member(body, 'timeframe')
  const text = entry?.value.kind === 'scalar' ? entry.value.text : ''
  const found = /^(\d{1,9})([smhdwMy])$/.exec(text)
  const ms = found ? Number(found[1]) * (unitsMs[found[2] ?? ''] ?? 0) : 0
  if (ms <= 0)
    reporter.error(entry?.value.at ?? body.at, '`timespan` takes a number and s, m, h, d, w, M or y, such as `10m`')
  else if (ms > TIMESPAN_MS_MAX) {
    reporter.error(entry?.value.at ?? body.at, `\`timespan\` is at most ${TIMESPAN_MS_MAX / 86_400_000} days`)
  }
  return ms
}

type ConditionPart = Pick<SigmaCorrelation, 'bounds' | 'fields' | 'percentile' | 'expression'>

function readCondition(body: MapNode, type: CorrelationType, reporter: Reporter): ConditionPart {
  const entry = member(body, 'condition')
  const temporal = type === 'temporal' || type === 'temporal_ordered'
  const none: ConditionPart = { bounds: [], fields: [], percentile: undefined, expression: undefined }
  if (!entry) {
    if (!temporal) reporter.error(body.at, `\`${type}\` needs a \`condition\` such as \`gte: 10\``)
    return none
  }
  if (entry.value.kind === 'scalar' && typeof entry.value.value === 'string') {
    if (!temporal)
      reporter.error(entry.value.at, 'a `condition` over rules belongs to `temporal` and `temporal_ordered`')
    const expression = parseCondition({ text: entry.value.value, at: entry.value.at }, reporter)
    if (expression) rejectPatterns(expression, reporter)
    return { ...none, expression }
  }
  if (entry.value.kind !== 'map') {
    reporter.error(entry.value.at, '`condition` takes a map such as `gte: 10`')
    return none
  }
  const bounds: Bound[] = []
  let fields: readonly string[] = namesOf(body, 'field', reporter).map(({ reference }) => reference)
  let percentile: number | undefined
  for (const { key, keyAt, value } of entry.value.entries) {
    const kind = boundKinds.find((known) => known === key)
    const number = value.kind === 'scalar' && value.text !== '' ? Number(value.text) : Number.NaN
    if (kind) {
      if (Number.isFinite(number)) bounds.push({ kind, value: number })
      else reporter.error(value.at, `\`${key}\` takes a number`)
    } else if (key === 'field') fields = namesOf(entry.value, 'field', reporter).map(({ reference }) => reference)
    else if (key === 'percentile') {
      if (number >= 0 && number <= 100) percentile = number
      else reporter.error(value.at, '`percentile` takes a number from 0 to 100')
    } else {
      const meant = nearest(key, [...boundKinds, 'field', 'percentile'])
      reporter.error(
        keyAt,
        `a correlation's \`condition\` has no \`${key}\`${meant ? `; did you mean \`${meant}\`?` : ''}`,
      )
    }
  }
  if (bounds.length === 0) reporter.error(entry.value.at, `\`condition\` needs one of ${boundKinds.join(', ')}`)
  if (type.startsWith('value_') && fields.length === 0) reporter.error(entry.value.at, `\`${type}\` needs a \`field\``)
  if (type !== 'value_count' && fields.length > 1) reporter.error(entry.value.at, `\`${type}\` takes one \`field\``)
  if (type === 'value_percentile' && percentile === undefined) {
    reporter.error(entry.value.at, '`value_percentile` needs a `percentile`')
  }
  return { bounds, fields, percentile, expression: undefined }
}

function rejectPatterns(condition: Condition, reporter: Reporter): void {
  if (condition.kind === 'and' || condition.kind === 'or') {
    for (const part of condition.of) rejectPatterns(part, reporter)
  } else if (condition.kind === 'not') rejectPatterns(condition.of, reporter)
  else if (condition.kind === 'some' || condition.kind === 'every') {
    reporter.error(condition.at, 'a correlation names each rule; `of` belongs to the conditions of rules')
  }
}

function namesIn(condition: Condition): RuleReference[] {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const names = condition.of.flatMap(namesIn)
      return names.filter((name, index) => names.findIndex(({ reference }) => reference === name.reference) === index)
    }
    case 'not':
      return namesIn(condition.of)
    case 'name':
      return [{ reference: condition.name, at: condition.at }]
    default:
      return []
  }
}

type PlacedAlias = Alias & { readonly at: number }

function readAliases(body: MapNode, reporter: Reporter): readonly PlacedAlias[] {
  const entry = member(body, 'aliases')
  if (!entry) return []
  if (entry.value.kind !== 'map') {
    reporter.error(entry.value.at, '`aliases` takes a map from alias to rule to field')
    return []
  }
  return entry.value.entries.map(({ key: alias, keyAt, value: rules }) => {
    const fields: { rule: string; field: string }[] = []
    const pairs = rules.kind === 'map' ? rules.entries : []
    if (pairs.length === 0) reporter.error(rules.at, `alias \`${alias}\` takes a map from rule to field`)
    for (const { key: rule, value } of pairs) {
      if (value.kind === 'scalar') fields.push({ rule, field: value.text })
      else reporter.error(value.at, 'a field is a name')
    }
    return { alias, fields, at: keyAt }
  })
}
