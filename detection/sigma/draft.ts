import type { RuleHead } from '../types.ts'
import type { MapNode } from './document.ts'
import type { RuleLogsource } from './logsource.ts'
import type { Value } from './value.ts'

/** A value of a detection item, its modifiers applied, and the offset at which it stands. */
export interface DraftValue {
  readonly value: Value
  readonly at: number
}

/** A field and the values asked for; a keyword's field is `ANY_FIELD`. */
export interface DraftItem {
  readonly kind: 'item'
  readonly field: string
  /** None = the field is missing. */
  readonly values: readonly DraftValue[]
  /** All values instead of any. */
  readonly all: boolean
  /** Another value than these. */
  readonly negated: boolean
  readonly at: number
  /** Ids of the steps of pipelines that changed it. */
  readonly applied: ReadonlySet<string>
}

/** What a search identifier asks, read but not yet compiled: what pipelines change. A group of nothing asks for nothing. */
export type Draft =
  | DraftItem
  | { readonly kind: 'group'; readonly link: 'and' | 'or'; readonly of: readonly Draft[] }
  /** What is wrong was told; its rule is refused. */
  | { readonly kind: 'broken' }

export const BROKEN: Draft = { kind: 'broken' }

/** A condition's text and the offset at which it stands. */
export interface ConditionText {
  readonly text: string
  readonly at: number
}

/** What a document says beside what it asks. */
interface DraftHead {
  readonly head: RuleHead
  readonly document: MapNode
  /** The `fields` of interest, which the document lists. */
  readonly listedFields: readonly string[]
  /** Attributes that pipelines set. */
  readonly attributes: ReadonlyMap<string, unknown>
}

/** A rule (or filter) before it is compiled. */
export interface RuleDraft extends DraftHead {
  readonly kind: 'rule'
  readonly logsource: RuleLogsource
  readonly identifiers: ReadonlyMap<string, Draft>
  readonly conditions: readonly ConditionText[]
}

/** A name for fields that are called differently in the events of each rule. */
export interface Alias {
  readonly alias: string
  /** By id or name of the rule. */
  readonly fields: readonly { readonly rule: string; readonly field: string }[]
}

/** The parts of a correlation that name fields. */
export interface CorrelationDraft extends DraftHead {
  readonly kind: 'correlation'
  /** Of the rules it builds on. */
  readonly logsources: readonly RuleLogsource[]
  readonly groupBy: readonly string[]
  readonly fields: readonly string[]
  readonly aliases: readonly Alias[]
}
