import type { FieldType } from '../types.ts'
import type { LiteralValue } from './expression.ts'
import type { Primitive } from './primitives.ts'
import type { TimeUnit } from './span.ts'
import type { ValueType } from './types.ts'

/** A column of a plan, known by its identity. Names are of no matter below the surface of a query. */
export interface Column {
  readonly id: number
  readonly type: ValueType
}

/** An expression with types; conversions are calls of their own. */
export type Typed =
  | { readonly kind: 'column'; readonly column: Column; readonly type: ValueType }
  /** A timestamp is microseconds, as bigint; a date or time its text. */
  | { readonly kind: 'literal'; readonly value: LiteralValue; readonly type: ValueType }
  | { readonly kind: 'call'; readonly name: Primitive; readonly args: readonly Typed[]; readonly type: ValueType }
  /** To `type`; what cannot be converted is null. */
  | { readonly kind: 'cast'; readonly input: Typed; readonly type: ValueType }
  | { readonly kind: 'interval'; readonly amount: Typed; readonly unit: TimeUnit; readonly type: 'interval' }

export interface SortKey {
  readonly value: Typed
  /** Ascending puts nulls first, descending last. */
  readonly descending: boolean
}

export const aggregateNames = [
  'count',
  'distinctCount',
  'sum',
  'avg',
  'min',
  'max',
  'varSamp',
  'varPop',
  'stddevSamp',
  'stddevPop',
  'percentile',
  'median',
  'earliest',
  'latest',
  'first',
  'last',
  'take',
  'list',
  'values',
] as const
export type AggregateName = (typeof aggregateNames)[number]

/** An aggregate over a group, or over a window. `count` without an argument counts rows. */
export interface Aggregate {
  readonly column: Column
  readonly name: AggregateName
  readonly args: readonly Typed[]
  /** Only rows for which this is true. */
  readonly where: Typed | undefined
}

/** What a query does, in steps that every engine has: one shape for SQL, for a query DSL and for a printer. Columns of
 * the input stay visible through every step but `aggregate` and `union`. */
export type Plan =
  | ScanPlan
  | { readonly op: 'filter'; readonly input: Plan; readonly condition: Typed }
  | { readonly op: 'extend'; readonly input: Plan; readonly columns: readonly { column: Column; value: Typed }[] }
  | {
      readonly op: 'aggregate'
      readonly input: Plan
      readonly keys: readonly { readonly column: Column; readonly value: Typed }[]
      readonly aggregates: readonly Aggregate[]
      /** The order of the input, for aggregates that depend on it. */
      readonly order: readonly SortKey[]
    }
  /** The first `count` rows after `skip` of the input in that order. */
  | {
      readonly op: 'limit'
      readonly input: Plan
      readonly order: readonly SortKey[]
      readonly count: number
      readonly skip: number
    }
  /** Numbers the rows of each partition from 1, in that order. With `ties`, rows that are equal in it have one number
   * and the next ones the following number. */
  | {
      readonly op: 'number'
      readonly input: Plan
      readonly ties: boolean
      readonly column: Column
      readonly partition: readonly Typed[]
      readonly order: readonly SortKey[]
    }
  /** Aggregates over each row's partition, beside its own columns. */
  | {
      readonly op: 'window'
      readonly input: Plan
      readonly aggregates: readonly Aggregate[]
      readonly partition: readonly Typed[]
      readonly order: readonly SortKey[]
    }

  /** Aggregates over the rows before each one in its partition, in that order: at most `rows` of them (0: all), the row
   * itself among them if `current`. */
  | {
      readonly op: 'slide'
      readonly input: Plan
      readonly aggregates: readonly Aggregate[]
      readonly partition: readonly Typed[]
      readonly order: readonly SortKey[]
      readonly rows: number
      readonly current: boolean
    }
  /** Rows of all inputs, brought to the same columns; a hole is null. */
  | {
      readonly op: 'union'
      readonly columns: readonly Column[]
      readonly inputs: readonly { readonly plan: Plan; readonly columns: readonly (Typed | undefined)[] }[]
    }
  /** Rows of `left` with those of `right` for which all keys are equal and the condition holds. `semi` and `anti` keep
   * rows of `left` that have one or none, and only their columns. */
  | {
      readonly op: 'join'
      readonly kind: JoinKind
      readonly left: Plan
      readonly right: Plan
      readonly keys: readonly { readonly left: Typed; readonly right: Typed }[]
      readonly condition: Typed | undefined
    }
  /** A row for each item of a list, as text, with its place from 1; rows whose list is null or empty have one with null. */
  | {
      readonly op: 'unnest'
      readonly input: Plan
      readonly list: Typed
      readonly column: Column
      readonly place: Column
    }

export type JoinKind = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti' | 'cross'

/** Reads events. Columns are added while the rest of the query is checked: only what is used is read. */
export interface ScanPlan {
  readonly op: 'scan'
  /** Sees events of all times, whatever range the search has: a table to look things up in. */
  readonly allTimes: boolean
  readonly pipes: readonly SourcePipe[]
  readonly columns: Map<string, { readonly column: Column; readonly field: string }>
  /** Hidden columns that together order events by arrival, whatever their pipe and shard. */
  readonly arrival: readonly Column[]
}

/** A pipe as a query sees it. */
export interface SourcePipe {
  /** Means something to the engine only. */
  readonly key: string
  readonly name: string
  /** The fields to show when none are asked for. */
  fields(): readonly { readonly name: string; readonly type: FieldType }[]
  /** The members of these that hold fields: `user` where there is `user.name`. */
  structs(): readonly string[]
  /** The type of a field, of a struct, or of what an engine knows beside these; undefined for what it does not. */
  type(name: string): FieldType | undefined
}

/** Finds the pipes that a query names. */
export interface SourceCatalogue {
  /** The pipe of that name, in the default dataspace or as `dataspace.pipe`; several for a name with `*`. */
  find(name: string): readonly SourcePipe[]
  /** Names for a suggestion. */
  names(): Iterable<string>
}

/** A query ready to run: its rows in this order, these columns of them. */
export interface CheckedQuery {
  readonly plan: Plan
  readonly order: readonly SortKey[]
  readonly output: readonly { readonly name: string; readonly column: Column }[]
  /** The order is that of arrival, and each row stands for one event: then a page can begin at a place in that order. */
  readonly perEvent: boolean
  readonly scans: readonly ScanPlan[]
}
