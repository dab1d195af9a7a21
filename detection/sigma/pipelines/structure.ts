import { ANY_FIELD } from '../../match/expression.ts'
import { readDetection } from '../detection.ts'
import type { Node } from '../document.ts'
import type { Draft, DraftItem } from '../draft.ts'
import type { RuleLogsource } from '../logsource.ts'
import { parsePattern } from '../pattern.ts'
import type { Value } from '../value.ts'
import { ofItems } from './over-items.ts'
import type { Params } from './params.ts'
import { PipelineFailure, type Transform } from './pipeline.ts'
import { plainText, valueFrom } from './plain-text.ts'

/** Transformations of what rules consist of.   @see pySigma, Transformations */
export const structureTransformations = {
  drop_detection_item(): Transform {
    return ofItems(() => ({ kind: 'group', link: 'and', of: [] }))
  },

  add_condition(params: Params): Transform {
    const entry = params.entry('conditions')
    const conditions: Node = entry?.value ?? { kind: 'map', at: params.node.at, entries: [] }
    if (conditions.kind !== 'map') params.reporter.error(conditions.at, '`conditions` takes a map from field to value')
    readDetection(conditions, { reporter: params.reporter, placeholder: () => undefined })
    const given = params.optionalText('name')
    const template = params.flag('template')
    const negated = params.flag('negated')
    return (subject, run) => {
      if (subject.kind !== 'rule') return subject
      const { at } = subject.document
      const name = given ?? `_cond_${subject.identifiers.size}`
      const words = subject.logsource
      const said = placedAt(conditions, at, template ? (text) => substitute(text, words) : (text) => text)
      const draft = readDetection(said, { reporter: failing, placeholder: () => undefined })
      return {
        ...subject,
        identifiers: new Map(subject.identifiers).set(name, run.marked(draft)),
        conditions: subject.conditions.map(({ text, at: place }) => ({
          text: `${negated ? 'not ' : ''}${name} and (${text})`,
          at: place,
        })),
      }
    }
  },

  change_logsource(params: Params): Transform {
    const logsource: RuleLogsource = Object.fromEntries(
      (['category', 'product', 'service'] as const).flatMap((word) => {
        const text = params.optionalText(word)
        return text === undefined ? [] : [[word, text.toLowerCase()]]
      }),
    )
    if (Object.keys(logsource).length === 0) {
      params.reporter.error(params.node.at, 'name at least one of `category`, `product`, `service`')
    }
    return (subject) => (subject.kind === 'rule' ? { ...subject, logsource } : subject)
  },

  set_state(params: Params): Transform {
    const key = params.text('key')
    const value = params.plain('val')
    return (subject, run) => {
      run.state.set(key, value)
      return subject
    }
  },

  set_custom_attribute(params: Params): Transform {
    const attribute = params.text('attribute')
    const value = params.plain('value')
    return (subject) => ({ ...subject, attributes: new Map(subject.attributes).set(attribute, value) })
  },

  rule_failure(params: Params): Transform {
    const message = params.text('message')
    return () => {
      throw new PipelineFailure(message)
    }
  },

  detection_item_failure(params: Params): Transform {
    const message = params.text('message')
    return ofItems(() => {
      throw new PipelineFailure(message)
    })
  },

  strict_field_mapping_failure(): Transform {
    return (subject, run) => {
      if (subject.kind !== 'rule') return subject
      const fields = new Set([...subject.identifiers.values()].flatMap(fieldsOf))
      const unmapped = [...fields].filter((field) => !run.fields.isMapped(field))
      if (unmapped.length > 0) throw new PipelineFailure(`nothing maps the fields ${unmapped.join(', ')}`)
      return subject
    }
  },

  hashes_fields(params: Params): Transform {
    const algorithms = params.texts('valid_hash_algos')
    const prefix = params.optionalText('field_prefix') ?? ''
    const bare = params.flag('drop_algo_prefix')
    const parsed = params.optionalTexts('field_to_parse') ?? ['Hashes', 'Hash']
    return ofItems((item) => {
      if (!parsed.includes(item.field) || !item.values.every(({ value }) => value.kind === 'text')) return undefined
      const byField = new Map<string, DraftItem['values'][number][]>()
      for (const { value, at } of item.values) {
        const { algorithm, hash } = readHash(plainOf(value))
        if (!algorithms.includes(algorithm)) continue
        const field = prefix + (bare ? '' : algorithm)
        const text: Value = { kind: 'text', pattern: parsePattern(hash), cased: false }
        byField.set(field, [...(byField.get(field) ?? []), { value: text, at }])
      }
      if (byField.size === 0) throw new PipelineFailure(`\`${item.field}\` has no hash of ${algorithms.join(', ')}`)
      const of = [...byField].flatMap(([field, values]): DraftItem[] => {
        if (field === '') return []
        return [{ ...bareItem(item), field: field === 'keyword' ? ANY_FIELD : field, values }]
      })
      return { kind: 'group', link: 'or', of }
    })
  },

  extract_fields(params: Params): Transform {
    const regex = params.regex('regex')
    if (regex.groupNames.length === 0)
      params.reporter.error(params.node.at, '`regex` needs a named group, `(?P<name>…)`')
    const prefix = params.optionalText('field_prefix')
    const keep = params.flag('preserve_unmatched')
    return ofItems((item) => {
      if (!item.values.every(({ value }) => value.kind === 'text')) return undefined
      const of = item.values.flatMap((draft): Draft[] => {
        const groups = regex.beginsAt(plainOf(draft.value))
        if (!groups) return keep ? [{ ...bareItem(item), values: [draft] }] : []
        const items = [...groups].flatMap(([name, text]): DraftItem[] => {
          if (text === undefined || text === '') return []
          const field = prefix === undefined ? name : `${prefix}.${name}`
          return [{ ...bareItem(item), field, values: [{ value: extracted(text), at: draft.at }] }]
        })
        return items.length === 0 ? [] : [{ kind: 'group', link: 'and', of: items }]
      })
      if (of.length === 0) return undefined
      return { kind: 'group', link: item.all ? 'and' : 'or', of }
    })
  },
}

const plainOf = (value: Value): string => (value.kind === 'text' ? plainText(value.pattern) : '')

const bareItem = (item: DraftItem): DraftItem => ({ ...item, all: false, negated: false, applied: new Set() })

const algorithmByLength: Readonly<Record<number, string>> = { 32: 'MD5', 40: 'SHA1', 64: 'SHA256', 128: 'SHA512' }

/** `SHA1=…`, `MD5|…`, or a bare hash, known by its length; wildcards around it are left out. */
function readHash(text: string): { algorithm: string; hash: string } {
  const parts = text.split(text.includes('|') ? '|' : '=')
  const bare = (part: string) => part.replace(/^[*?]+|[*?]+$/g, '')
  const [first = '', second] = parts
  if (parts.length === 2 && second !== undefined) {
    return { algorithm: first.replace(/^\*+/, '').toUpperCase(), hash: bare(second) }
  }
  const hash = bare(first)
  return { algorithm: algorithmByLength[hash.length] ?? '', hash }
}

/** Digits are numbers, unless zeros in front would be lost. */
function extracted(text: string): Value {
  if (/^(?:null|none)$/i.test(text)) return { kind: 'null' }
  const number = text !== '0' && text.startsWith('0') ? Number.NaN : Number(text)
  return (Number.isNaN(number) ? valueFrom(text) : valueFrom(number)) ?? { kind: 'null' }
}

function fieldsOf(draft: Draft): readonly string[] {
  if (draft.kind === 'group') return draft.of.flatMap(fieldsOf)
  return draft.kind === 'item' && draft.field !== ANY_FIELD ? [draft.field] : []
}

/** What a pipeline adds stands at the rule's own place; its texts change on the way. */
function placedAt(node: Node, at: number, text: (given: string) => string): Node {
  switch (node.kind) {
    case 'scalar': {
      if (typeof node.value !== 'string') return { ...node, at }
      return { ...node, at, value: text(node.value), text: text(node.text) }
    }
    case 'list':
      return { ...node, at, items: node.items.map((item) => placedAt(item, at, text)) }
    case 'map':
      return {
        ...node,
        at,
        entries: node.entries.map(({ key, value }) => ({ key, keyAt: at, value: placedAt(value, at, text) })),
      }
  }
}

/** `$category`, `${product}`, `$service`; `$$` is a dollar sign.   @see Python, string.Template (safe_substitute) */
function substitute(text: string, words: RuleLogsource): string {
  return text.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (whole, dollar?: string, bare?: string, braced?: string) => {
    if (dollar !== undefined) return '$'
    const word = bare ?? braced
    if (word !== 'category' && word !== 'product' && word !== 'service') return whole
    return words[word] ?? 'None'
  })
}

const failing = {
  error: (_at: number, message: string) => {
    throw new PipelineFailure(message)
  },
  warn: () => undefined,
}
