import { didYouMean, QueryProblem, type Span } from './errors.ts'
import type { QueryLimits } from './limits.ts'
import type { Column, Plan, ScanPlan, SortKey, SourceCatalogue, Typed } from './plan.ts'
import type { Query } from './query.ts'
import type { Scope } from './scope.ts'
import { nothing } from './typed.ts'
import { commonType, type ValueType } from './types.ts'

/** Rows between two commands: what made them, in which order they come, and which fields they have.
 *
 * Right after its source a relation is open: it has every field that its events have, and those that no event has yet
 * are null, not an error, because in a pipe without a fixed schema nobody can know them. Once a command says which
 * fields there are (`fields`, `stats`, `top`, …) it is closed, and another name is a mistake. */
export interface Relation {
  readonly plan: Plan
  readonly order: readonly SortKey[]
  /** Fields that commands made or named, in order. */
  readonly fields: ReadonlyMap<string, Column>
  /** Where further fields come from, while the relation is open. */
  readonly source: ScanPlan | undefined
  /** Fields of the source that a command took away. */
  readonly hidden: ReadonlySet<string>
  /** Each row still stands for one event, and `order` is that of arrival. */
  readonly perEvent: boolean
}

/** What a query is checked against. */
export interface PlanContext {
  readonly catalogue: SourceCatalogue
  readonly limits: QueryLimits
  /** The instant that the query takes for now, ms. */
  readonly now: number
  /** The query's text, for names of columns. */
  readonly text: string
  /** An id for a new column. */
  readonly nextId: () => number
  /** Every scan of the query so far. */
  readonly scans: ScanPlan[]
  /** A query inside the query. */
  readonly planQuery: (query: Query) => Relation
}

/** Changes some of a relation. */
export function withChanges(relation: Relation, changes: Partial<Relation>): Relation {
  return { ...relation, ...changes }
}

export function newColumn(context: PlanContext, type: ValueType): Column {
  return { id: context.nextId(), type }
}

export function columnValue(column: Column): Typed {
  return { kind: 'column', column, type: column.type }
}

/** The column of a field; undefined for a field that an open relation does not have. */
export function findColumn(relation: Relation, name: string, context: PlanContext): Column | undefined {
  const known = relation.fields.get(name)
  if (known) return known
  const { source } = relation
  if (!source || relation.hidden.has(name)) return undefined
  const read = source.columns.get(name)
  if (read) return read.column
  const types = source.pipes.map((pipe) => pipe.type(name)).filter((type) => type !== undefined)
  const [first, ...others] = types
  if (first === undefined) return undefined
  const column = newColumn(context, others.reduce<ValueType>(commonType, first))
  source.columns.set(name, { column, field: name })
  return column
}

/** The value of a field in an expression.
 * @throws pipeline.query.unknownField in a closed relation */
export function fieldValue(relation: Relation, name: string, span: Span, context: PlanContext): Typed {
  const column = findColumn(relation, name, context)
  if (column) return columnValue(column)
  if (relation.source) return nothing
  throw new QueryProblem(
    'pipeline.query.unknownField',
    span,
    `unknown field \`${name}\`: the command before gives ${listed([...relation.fields.keys()])}${didYouMean(name, relation.fields.keys())}`,
  )
}

export function scopeOf(relation: Relation, context: PlanContext): Scope {
  return {
    limits: context.limits,
    now: context.now,
    field: (name, span) => fieldValue(relation, name, span, context),
  }
}

/** The fields to show, in order: those of the source first. */
export function shownFields(relation: Relation, context: PlanContext): ReadonlyMap<string, Column> {
  const shown = new Map<string, Column>()
  for (const name of sourceNames(relation)) {
    const column = findColumn(relation, name, context)
    if (column) shown.set(name, column)
  }
  for (const [name, column] of relation.fields) shown.set(name, column)
  return shown
}

/** The names that a wildcard is compared with: fields shown, and the structs that hold them. */
export function wildcardNames(relation: Relation): Set<string> {
  const names = new Set<string>()
  for (const pipe of relation.source?.pipes ?? []) {
    for (const name of [...pipe.fields().map((field) => field.name), ...pipe.structs()]) {
      if (!relation.hidden.has(name)) names.add(name)
    }
  }
  for (const name of relation.fields.keys()) names.add(name)
  return names
}

/** The relation with these fields and no others. */
export function closed(relation: Relation, fields: ReadonlyMap<string, Column>): Relation {
  return withChanges(relation, { fields, source: undefined, hidden: new Set() })
}

/** The relation with computed fields beside its own, each taking the place of one of the same name. */
export function extended(
  relation: Relation,
  added: readonly { readonly name: string; readonly value: Typed }[],
  context: PlanContext,
): Relation {
  const fields = new Map(relation.fields)
  const columns = added.map(({ name, value }) => {
    const column = newColumn(context, value.type)
    fields.delete(name)
    fields.set(name, column)
    return { column, value }
  })
  return withChanges(relation, { plan: { op: 'extend', input: relation.plan, columns }, fields })
}

/** True for a name that a field pattern with `*` means. */
export function matchesPattern(name: string, pattern: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return name === pattern
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

function sourceNames(relation: Relation): Set<string> {
  const names = new Set<string>()
  for (const pipe of relation.source?.pipes ?? []) {
    for (const { name } of pipe.fields()) {
      if (!relation.hidden.has(name) && !relation.fields.has(name)) names.add(name)
    }
  }
  return names
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `\`${name}\``)
  return names.length > 8 ? `${shown.join(', ')} and ${names.length - 8} more` : shown.join(', ')
}
