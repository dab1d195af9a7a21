import { ANY_FIELD } from '../../match/expression.ts'
import { severities } from '../../types.ts'
import { member, plainValue } from '../document.ts'
import type { Draft, DraftItem } from '../draft.ts'
import type { RuleLogsource } from '../logsource.ts'
import { MANY, ONE } from '../pattern.ts'
import type { Value } from '../value.ts'
import type { Params } from './params.ts'
import { type FieldTest, type ItemTest, PipelineFailure, type RuleTest, type Subject } from './pipeline.ts'
import { plainText, valueFrom } from './plain-text.ts'

/** Conditions on rules.   @see pySigma, Conditions (rule conditions) */
export const ruleConditions: Readonly<Record<string, (params: Params) => RuleTest>> = {
  logsource(params) {
    const wanted: RuleLogsource = Object.fromEntries(
      words.flatMap((word) => {
        const text = params.optionalText(word)
        return text === undefined ? [] : [[word, text.toLowerCase()]]
      }),
    )
    const fits = (logsource: RuleLogsource) =>
      words.every((word) => wanted[word] === undefined || wanted[word] === logsource[word])
    return (subject) => (subject.kind === 'rule' ? fits(subject.logsource) : subject.logsources.some(fits))
  },
  contains_field(params) {
    const field = params.text('field')
    return (subject) => itemsOf(subject).some((item) => item.field === field)
  },
  contains_detection_item(params) {
    const field = params.text('field')
    const wanted = valueFrom(params.plain('value'))
    return (subject) =>
      itemsOf(subject).some((item) => item.field === field && item.values.some(({ value }) => isSame(value, wanted)))
  },
  processing_item_applied(params) {
    const id = params.text('processing_item_id')
    return (_, run) => run.applied.has(id)
  },
  processing_state: stateTest,
  is_sigma_rule: () => (subject) => subject.kind === 'rule',
  is_sigma_correlation_rule: () => (subject) => subject.kind === 'correlation',
  rule_attribute(params) {
    const attribute = params.text('attribute')
    const value = params.plain('value')
    const op = params.oneOf('op', [...orders, 'in', 'not_in'], 'eq')
    return (subject) => comparesAttribute(attributeOf(subject, attribute), op, value)
  },
  tag(params) {
    const tag = params.text('tag').toLowerCase()
    return (subject) => tagsOf(subject).includes(tag)
  },
}

/** Conditions on detection items.   @see pySigma, Conditions (detection item conditions) */
export const itemConditions: Readonly<Record<string, (params: Params) => ItemTest>> = {
  match_string(params) {
    const regex = params.regex('pattern')
    const negate = params.flag('negate')
    return overValues(
      params,
      (value) => (value.kind === 'text' && regex.beginsAt(plainText(value.pattern)) !== undefined) !== negate,
    )
  },
  match_value(params) {
    const wanted = valueFrom(params.plain('value'))
    return overValues(params, (value) => isSame(value, wanted))
  },
  contains_wildcard: (params) =>
    overValues(params, (value) => value.kind === 'text' && value.pattern.some((part) => part === MANY || part === ONE)),
  is_null: (params) => overValues(params, (value) => value.kind === 'null'),
  processing_item_applied(params) {
    const id = params.text('processing_item_id')
    return (item) => item.applied.has(id)
  },
  processing_state: stateTest,
}

/** Conditions on the names of fields.   @see pySigma, Conditions (field name conditions) */
export const fieldConditions: Readonly<Record<string, (params: Params) => FieldTest>> = {
  include_fields: (params) => ({ name: isListed(params) }),
  exclude_fields(params) {
    const listed = isListed(params)
    return { name: (field) => !listed(field) }
  },
  processing_item_applied(params) {
    const id = params.text('processing_item_id')
    return {
      name: (field, run) => field !== undefined && run.fields.wasRenamedBy(field, id),
      item: (item) => item.applied.has(id),
    }
  },
  processing_state(params) {
    const holds = stateTest(params)
    return { name: (_, run) => holds(undefined, run) }
  },
}

const words = ['category', 'product', 'service'] as const
const orders = ['eq', 'ne', 'gte', 'gt', 'lte', 'lt'] as const
type Order = (typeof orders)[number]

function compares(left: number | string, op: Order, right: number | string): boolean {
  switch (op) {
    case 'eq':
      return left === right
    case 'ne':
      return left !== right
    case 'gte':
      return left >= right
    case 'gt':
      return left > right
    case 'lte':
      return left <= right
    case 'lt':
      return left < right
  }
}

function stateTest(
  params: Params,
): (subject: unknown, run: { readonly state: ReadonlyMap<string, unknown> }) => boolean {
  const key = params.text('key')
  const value = params.plain('val')
  const op = params.oneOf('op', orders, 'eq')
  return (_, { state }) => {
    if (!state.has(key)) return false
    const is = state.get(key)
    if (op === 'eq' || op === 'ne') return (JSON.stringify(is) === JSON.stringify(value)) === (op === 'eq')
    if (
      (typeof is === 'number' && typeof value === 'number') ||
      (typeof is === 'string' && typeof value === 'string')
    ) {
      return compares(is, op, value)
    }
    throw new PipelineFailure(`the state \`${key}\` cannot be compared with ${JSON.stringify(value)}`)
  }
}

function overValues(params: Params, test: (value: Value) => boolean): ItemTest {
  const cond = params.oneOf('cond', ['any', 'all'])
  return ({ values }) =>
    cond === 'any' ? values.some(({ value }) => test(value)) : values.every(({ value }) => test(value))
}

function isListed(params: Params): (field: string | undefined) => boolean {
  const fields = params.texts('fields')
  if (params.oneOf('mode', ['plain', 're'], 'plain') === 'plain') {
    const names = new Set(fields)
    return (field) => field !== undefined && names.has(field)
  }
  const regexes = fields.map((source) => params.compile(source, params.node.at))
  return (field) => field !== undefined && regexes.some((regex) => regex.beginsAt(field) !== undefined)
}

function itemsOf(subject: Subject): readonly DraftItem[] {
  const items: DraftItem[] = []
  const collect = (draft: Draft): void => {
    if (draft.kind === 'group') for (const part of draft.of) collect(part)
    else if (draft.kind === 'item' && draft.field !== ANY_FIELD) items.push(draft)
  }
  if (subject.kind === 'rule') for (const draft of subject.identifiers.values()) collect(draft)
  return items
}

function isSame(value: Value, wanted: Value | undefined): boolean {
  if (wanted?.kind === 'text') {
    return value.kind === 'text' && !value.cased && plainText(value.pattern) === plainText(wanted.pattern)
  }
  if (wanted?.kind === 'number') return value.kind === 'number' && value.value === wanted.value
  return wanted?.kind === 'boolean' && value.kind === 'boolean' && value.value === wanted.value
}

const attributeNames: Readonly<Record<string, string>> = { group_by: 'group-by' }

function attributeOf({ document, attributes, head }: Subject, name: string): unknown {
  if (attributes.has(name)) return attributes.get(name)
  if (name === 'level') return head.severity
  if (name === 'id') return head.id
  const entry = member(document, attributeNames[name] ?? name)
  return entry && plainValue(entry.value)
}

function tagsOf({ document }: Subject): readonly string[] {
  const tags = member(document, 'tags')
  const plain = tags && plainValue(tags.value)
  return Array.isArray(plain) ? plain.map((tag) => String(tag).toLowerCase()) : []
}

const statuses = ['unsupported', 'deprecated', 'experimental', 'test', 'stable']
const DATE = /^\d{4}[-/]\d{2}[-/]\d{2}$/

function comparesAttribute(is: unknown, op: Order | 'in' | 'not_in', value: unknown): boolean {
  if (is === undefined || is === null) return false
  if (Array.isArray(is)) {
    if (op === 'in' || op === 'not_in') return is.map(String).includes(String(value)) === (op === 'in')
    return op === 'ne'
  }
  if (op === 'in' || op === 'not_in') throw new PipelineFailure(`\`${op}\` asks for a list`)
  const text = String(value)
  if (typeof is === 'number') {
    const number = Number(value)
    if (Number.isNaN(number)) throw new PipelineFailure(`\`${text}\` is no number`)
    return compares(is, op, number)
  }
  if (typeof is !== 'string') throw new PipelineFailure('only texts, numbers, dates and lists can be compared')
  for (const scale of [severities as readonly string[], statuses]) {
    if (scale.includes(is) && scale.includes(text.toLowerCase())) {
      return compares(scale.indexOf(is), op, scale.indexOf(text.toLowerCase()))
    }
  }
  if (DATE.test(is) && DATE.test(text)) return compares(is.replaceAll('/', '-'), op, text.replaceAll('/', '-'))
  if (op !== 'eq' && op !== 'ne') throw new PipelineFailure(`texts have no order, so \`${op}\` cannot be asked of one`)
  return compares(is, op, text)
}
