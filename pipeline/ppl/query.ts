import type { Span } from './errors.ts'
import type { Expression, Length } from './expression.ts'

/** A query as written: where the events come from, then what is done with them. */
export interface Query {
  readonly search: SearchClause
  readonly commands: readonly Command[]
}

/** `[search] [<terms>] source=<pipe>, … [<terms>]`: which events to begin with. */
export interface SearchClause {
  readonly sources: readonly { readonly name: string; readonly span: Span }[]
  readonly terms: readonly SearchTerm[]
}

/** A condition of the search clause. Here `or` binds tighter than `and`, which may be left out, and a comparison with
 * a field that an event lacks is false, so that `not` of it is true. */
export type SearchTerm =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly SearchTerm[] }
  | { readonly kind: 'not'; readonly term: SearchTerm }
  | {
      readonly kind: 'compare'
      readonly field: string
      readonly operator: Comparison
      readonly value: SearchValue
      readonly span: Span
    }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly SearchValue[]; readonly span: Span }
  | { readonly kind: 'text'; readonly text: string; readonly span: Span }
  | { readonly kind: 'time'; readonly bound: 'earliest' | 'latest'; readonly written: string; readonly span: Span }

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

export interface SearchValue {
  readonly value: string | number | bigint | boolean
  readonly span: Span
}

/** A command after `|`, as written. */
export type Command =
  | ExpandCommand
  | StreamstatsCommand
  | TrendlineCommand
  | AppendCommand
  | LookupCommand
  | ParseCommand
  | RexCommand
  | RegexCommand
  | FillnullCommand
  | EventstatsCommand
  | ReverseCommand
  | BinCommand
  | TimechartCommand
  | DedupCommand
  | EvalCommand
  | FieldsCommand
  | HeadCommand
  | RenameCommand
  | SortCommand
  | StatsCommand
  | TopCommand
  | WhereCommand

/** A field that a command names. */
export interface FieldName {
  readonly name: string
  readonly span: Span
}

/** A field, or all that a pattern with `*` means. */
export interface FieldPattern {
  readonly pattern: string
  readonly span: Span
}

/** `count()`, `avg(x) as y`, `p95(latency)`: an aggregate as written. */
export interface AggregateTerm {
  readonly name: string
  readonly args: readonly Expression[]
  /** `count(eval(<condition>))`. */
  readonly where: Expression | undefined
  /** As written: the name of its column unless another is given. */
  readonly text: string
  readonly alias: string | undefined
  readonly span: Span
}

/** A key of a group: a field, or a span of one. */
export interface GroupKey {
  readonly field: string
  readonly width: Length | undefined
  readonly alias: string | undefined
  readonly span: Span
}

/** `append [ <query> ]`: the rows of another query after these. Fields of one name are one field. */
export interface AppendCommand {
  readonly kind: 'append'
  readonly query: Query
}

/** `bin <field> [span=…] [minspan=…] [bins=…] [aligntime=…] [start=…] [end=…] [as <name>]`: the stretch that a value lies
 * in, a number's as text `from-to`, an instant's as its beginning; days and months as dates. Of several ways to say the
 * width, the first of this list counts.   @see PPL reference, bin */
export interface BinCommand {
  readonly kind: 'bin'
  readonly field: FieldName
  readonly width: BinWidth
  /** Where stretches of time begin to be counted: `earliest`, `latest` or an instant. */
  readonly alignTime: string | undefined
  readonly alias: string | undefined
  readonly span: Span
}

export type BinWidth =
  | { readonly kind: 'span'; readonly length: Length }
  | { readonly kind: 'log'; readonly factor: number; readonly base: number }
  | { readonly kind: 'minspan'; readonly length: Length }
  | { readonly kind: 'bins'; readonly count: number }
  | { readonly kind: 'range'; readonly start: number | undefined; readonly end: number | undefined }

/** `dedup [count] <field>, … [keepempty=<bool>]`: the first rows of each combination of values. Rows in which one of
 * the fields is null are dropped, or with `keepempty` all kept. */
export interface DedupCommand {
  readonly kind: 'dedup'
  readonly count: number
  readonly fields: readonly { readonly name: string; readonly span: Span }[]
  readonly keepEmpty: boolean
  readonly consecutive: boolean
}

/** `eval <field> = <expression>, …`: computed fields, each visible to the next. */
export interface EvalCommand {
  readonly kind: 'eval'
  readonly assignments: readonly { readonly name: string; readonly value: Expression }[]
}

/** `eventstats [bucket_nullable=<bool>] <aggregate>, … [by <key>, …]`: every row with the aggregates of its group beside
 * it. With `bucket_nullable=false`, rows without a value of a key have none. */
export interface EventstatsCommand {
  readonly kind: 'eventstats'
  readonly nullable: boolean
  readonly terms: readonly AggregateTerm[]
  readonly keys: readonly GroupKey[]
}

/** `expand <field> [as <name>]`, `mvexpand <field> [limit=<n>]`: a row for each item of a list, with the item as text in
 * place of the list. A row whose list is empty or missing stays, without a value. */
export interface ExpandCommand {
  readonly kind: 'expand'
  readonly field: FieldName
  readonly alias: string | undefined
  /** 0: all items. */
  readonly limit: number
}

/** `fields [+|-] <field>, …`: these fields in this order, or all but these. `table` is the same. */
export interface FieldsCommand {
  readonly kind: 'fields'
  readonly without: boolean
  readonly patterns: readonly FieldPattern[]
}

/** `fillnull with <value> [in <field>, …]`, `fillnull value=<value> [<field> …]`, `fillnull using <field> = <value>, …`:
 * values for rows that have none. Without fields, all whose type the value has. */
export interface FillnullCommand {
  readonly kind: 'fillnull'
  /** Undefined: the value is for every field it fits. */
  readonly fills: readonly { readonly field: FieldName | undefined; readonly value: Expression }[]
}

/** `head [count] [from <skip>]`: the first rows. */
export interface HeadCommand {
  readonly kind: 'head'
  readonly count: number
  readonly skip: number
}

/** `lookup <pipe> <key> [as <field>], … [replace|append|output <field> [as <name>], …]`: fields of the record in another
 * pipe that has the same keys. `replace` (the default, also `output`) overwrites, with null where there is none; `append`
 * fills what is null. Without fields, all that its records have.
 *
 * A pipe only grows, so of several records with the same keys the last to arrive counts, of whatever time: putting a
 * record again is how a table is changed. */
export interface LookupCommand {
  readonly kind: 'lookup'
  readonly pipe: { readonly name: string; readonly span: Span }
  readonly keys: readonly LookupPair[]
  readonly fills: boolean
  readonly outputs: readonly LookupPair[]
}

/** A field of the table, and the field of the rows that goes with it. */
export interface LookupPair {
  readonly inTable: string
  readonly inRows: string
  readonly span: Span
}

/** `parse <field> '<pattern>'`: a field for each named group of the pattern. Where it does not match, or there is no
 * text, they are empty, not null. */
export interface ParseCommand {
  readonly kind: 'parse'
  readonly source: Expression
  readonly pattern: string
  readonly span: Span
}

/** `regex <field>=|!='<pattern>'`: the rows in whose field the pattern is found anywhere, or is not. Rows without a value
 * are in neither. */
export interface RegexCommand {
  readonly kind: 'regex'
  readonly field: FieldName
  readonly negated: boolean
  readonly pattern: string
  readonly patternSpan: Span
}

/** `rename <field> as <name>, …`: other names; a field that had the new name is gone. With `*` in both, what it stands
 * for is carried over. */
export interface RenameCommand {
  readonly kind: 'rename'
  readonly pairs: readonly { readonly from: FieldPattern; readonly to: FieldPattern }[]
}

/** `reverse`: the rows in the opposite order. */
export interface ReverseCommand {
  readonly kind: 'reverse'
}

/** `rex field=<field> [max_match=<n>] [offset_field=<name>] '<pattern>'`: a field for each named group, null where the
 * pattern does not match; with `max_match` above 1, or 0 for ten, a list. `rex field=<field> mode=sed 's/a/b/g'` edits. */
export interface RexCommand {
  readonly kind: 'rex'
  readonly field: FieldName
  readonly mode: 'extract' | 'sed'
  readonly maxMatch: number
  readonly offsetField: string | undefined
  readonly pattern: string
  readonly patternSpan: Span
}

/** How a field is compared: as it is, or read as something else. */
export const sortKinds = ['auto', 'str', 'num', 'ip'] as const
export type SortKind = (typeof sortKinds)[number]

export interface SortField {
  readonly name: string
  readonly as: SortKind
  readonly descending: boolean
  readonly span: Span
}

/** `sort [count] [+|-]<field> | <field> [asc|desc], …`: nulls first when ascending, last when descending; rows that
 * compare equal keep their order. */
export interface SortCommand {
  readonly kind: 'sort'
  /** 0: all rows. */
  readonly count: number
  readonly fields: readonly SortField[]
}

/** `stats [bucket_nullable=<bool>] <aggregate>, … [by <key>, …]`: one row a group. Rows without a value of a key are a
 * group too, unless `bucket_nullable=false`. */
export interface StatsCommand {
  readonly kind: 'stats'
  readonly nullable: boolean
  readonly terms: readonly AggregateTerm[]
  readonly keys: readonly GroupKey[]
}

/** `streamstats [current=<bool>] [window=<n>] [global=<bool>] [bucket_nullable=<bool>] <aggregate>, … [by <key>, …]`: every
 * row with aggregates over the rows up to it, or over the last `n` of them, in their order. */
export interface StreamstatsCommand {
  readonly kind: 'streamstats'
  readonly current: boolean
  /** 0: all. */
  readonly window: number
  readonly global: boolean
  readonly nullable: boolean
  readonly terms: readonly AggregateTerm[]
  readonly keys: readonly GroupKey[]
  readonly span: Span
}

/** `timechart [timefield=<field>] [span=<length>] [limit=<n>] [useother=<bool>] [usenull=<bool>] [nullstr='…']
 * <aggregate> [by <field>]`: an aggregate for each stretch of time, and for each of the `limit` greatest values of a
 * field, by their sums over all stretches; the others together are OTHER. A row for each that has events. */
export interface TimechartCommand {
  readonly kind: 'timechart'
  readonly timeField: FieldName
  readonly width: Length
  readonly limit: number
  readonly useOther: boolean
  readonly useNull: boolean
  readonly nullText: string
  readonly term: AggregateTerm
  readonly by: FieldName | undefined
}

/** `top|rare [count] [showcount=<bool>] [countfield='<name>'] [usenull=<bool>] <field>, … [by <field>, …]`: the most or
 * least common combinations of values, in each group. Equal counts are ordered by value. */
export interface TopCommand {
  readonly kind: 'top'
  readonly word: 'top' | 'rare'
  readonly count: number
  readonly showCount: boolean
  readonly countField: string
  readonly useNull: boolean
  readonly fields: readonly FieldName[]
  readonly by: readonly FieldName[]
}

/** `trendline [sort [-]<field>] sma(<n>, <field>) [as <name>] …`: the mean of the last `n` values, null until there are as
 * many; `wma` gives later ones more weight. */
export interface TrendlineCommand {
  readonly kind: 'trendline'
  readonly sort: (FieldName & { readonly descending: boolean }) | undefined
  readonly lines: readonly Trendline[]
}

export interface Trendline {
  readonly form: 'sma' | 'wma'
  readonly count: number
  readonly field: FieldName
  readonly alias: string
  readonly span: Span
}

/** `where <condition>`: the rows for which the condition is true; neither false nor null is. */
export interface WhereCommand {
  readonly kind: 'where'
  readonly condition: Expression
}
