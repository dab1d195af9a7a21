import type { Aggregate, Plan, PlanColumn, ScanPlan, SortKey, Typed } from '../../ppl/index.ts'
import { type Pipe, tableOf } from './catalogue.ts'
import { columnSql, expressionSql } from './sql-expression.ts'
import { fieldSql, readId } from './sql-field.ts'
import type { Parameters } from './sql-parameters.ts'
import { sqlCast, sqlTypeOf } from './sql-types.ts'

/** Which events a scan sees. */
export interface ScanBounds {
  /** Event time, ms: inclusive, exclusive. */
  readonly from: number | undefined
  readonly to: number | undefined
  /** The last batch of each pipe, by its id: later ones are not seen. */
  readonly batches: ReadonlyMap<number, number>
  /** Only events after this place in the order of arrival. */
  readonly after: ArrivalPlace | undefined
}

/** A place in the order of arrival, as in the hidden columns of a scan. */
export interface ArrivalPlace {
  readonly arrivedMicros: bigint
  readonly pipe: number
  readonly shard: number
  readonly offset: number
}

/** Writes a plan as a chain of common table expressions, one a step.
 * @returns the whole `WITH …` and the name of the last */
export function planSql(
  plan: Plan,
  pipeOf: (key: string) => Pipe,
  bounds: ScanBounds,
  parameters: Parameters,
): { readonly sql: string; readonly last: string } {
  const writer = new PlanWriter(pipeOf, bounds, parameters)
  const last = writer.write(plan)
  return { sql: `WITH ${writer.steps.join(',\n')}`, last }
}

/** The conditions that a scan puts on a pipe's table, its place in the order of arrival apart. */
export function scanConditions(
  pipe: Pipe,
  { allTimes }: Pick<ScanPlan, 'allTimes'>,
  bounds: ScanBounds,
  parameters: Parameters,
): string[] {
  const conditions = [`batch <= ${parameters.whole(BigInt(bounds.batches.get(pipe.id) ?? 0))}`]
  if (allTimes) return conditions
  if (bounds.from !== undefined) conditions.push(`"time" >= ${instantSql(bounds.from, parameters)}`)
  if (bounds.to !== undefined) conditions.push(`"time" < ${instantSql(bounds.to, parameters)}`)
  return conditions
}

/** True when rows come in that order by themselves: a pipe of one shard is stored in the order of arrival, which DuckDB
 * keeps as long as nothing regroups the rows. Not sorting lets a search end with its first page. */
export function isStoredOrder(plan: Plan, order: readonly SortKey[], pipeOf: (key: string) => Pipe): boolean {
  let step = plan
  while (step.op === 'filter' || step.op === 'extend' || step.op === 'limit') step = step.input
  if (step.op !== 'scan') return false
  const [pipe, ...others] = step.pipes
  if (!pipe || others.length > 0 || pipeOf(pipe.key).shards.size > 1) return false
  const { arrival } = step
  return (
    order.length === arrival.length &&
    order.every(({ value, descending }, i) => !descending && value.kind === 'column' && value.column === arrival[i])
  )
}

export function orderSql(order: readonly SortKey[], parameters: Parameters): string {
  return order
    .map(
      ({ value, descending }) =>
        `${expressionSql(value, parameters)} ${descending ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}`,
    )
    .join(', ')
}

class PlanWriter {
  readonly steps: string[] = []
  readonly #written = new Map<Plan, string>()
  /** The only ids that a scan can have use for. */
  readonly #ids = new Map<ScanPlan, readonly string[]>()
  readonly #pipeOf: (key: string) => Pipe
  readonly #bounds: ScanBounds
  readonly #parameters: Parameters

  constructor(pipeOf: (key: string) => Pipe, bounds: ScanBounds, parameters: Parameters) {
    this.#pipeOf = pipeOf
    this.#bounds = bounds
    this.#parameters = parameters
  }

  /** A plan that is used twice is one step. */
  write(plan: Plan): string {
    const known = this.#written.get(plan)
    if (known !== undefined) return known
    const name = this.#write(plan)
    this.#written.set(plan, name)
    return name
  }

  #write(plan: Plan): string {
    switch (plan.op) {
      case 'scan':
        return this.#step(plan.pipes.map((pipe) => this.#scan(plan, this.#pipeOf(pipe.key))).join('\nUNION ALL\n'))
      case 'filter':
        this.#noteIds(plan)
        return this.#step(`SELECT * FROM ${this.write(plan.input)} WHERE ${this.#sql(plan.condition)}`)
      case 'extend': {
        const input = this.write(plan.input)
        const columns = plan.columns.map(({ column, value }) => `${this.#sql(value)} AS ${columnSql(column)}`)
        return this.#step(`SELECT *, ${columns.join(', ')} FROM ${input}`)
      }
      case 'aggregate': {
        const keyed = this.#keyed(plan.input, plan.keys)
        return this.#step(this.#aggregate(keyed, plan))
      }
      case 'limit': {
        const input = this.write(plan.input)
        const skip = plan.skip === 0 ? '' : ` OFFSET ${this.#parameters.whole(BigInt(plan.skip))}`
        const order = this.#isStored(plan.input, plan.order) ? '' : this.#orderBy(plan.order)
        return this.#step(`SELECT * FROM ${input}${order} LIMIT ${this.#parameters.whole(BigInt(plan.count))}${skip}`)
      }
      case 'number': {
        const input = this.write(plan.input)
        const over = `${this.#partitionBy(plan.partition)}${this.#orderBy(plan.order)}`
        const rank = plan.ties ? 'dense_rank' : 'row_number'
        return this.#step(`SELECT *, ${rank}() OVER (${over}) AS ${columnSql(plan.column)} FROM ${input}`)
      }
      case 'window':
        return this.#window(plan)
      case 'slide': {
        const input = this.write(plan.input)
        const last = plan.current ? 'CURRENT ROW' : '1 PRECEDING'
        const first = plan.rows === 0 ? 'UNBOUNDED PRECEDING' : `${plan.rows - (plan.current ? 1 : 0)} PRECEDING`
        const over = `${this.#partitionBy(plan.partition)}${this.#orderBy(plan.order)} ROWS BETWEEN ${first} AND ${last}`
        const columns = plan.aggregates.map(
          (aggregate) => `${this.#aggregateSql(aggregate, [], ` OVER (${over})`)} AS ${columnSql(aggregate.column)}`,
        )
        return this.#step(`SELECT *, ${columns.join(', ')} FROM ${input}`)
      }
      case 'union':
        return this.#union(plan)
      case 'join':
        return this.#join(plan)
      case 'unnest': {
        const input = this.write(plan.input)
        const list = `from_json(${this.#sql(plan.list)}, '["VARCHAR"]')`
        const items = `CASE WHEN len(${list}) > 0 THEN ${list} ELSE [NULL] END`
        const places = `generate_subscripts(${items}, 1)`
        return this.#step(
          `SELECT *, unnest(${items}) AS ${columnSql(plan.column)}, ${places} AS ${columnSql(plan.place)} FROM ${input}`,
        )
      }
    }
  }

  #union({ columns, inputs }: Extract<Plan, { op: 'union' }>): string {
    const parts = inputs.map((input) => {
      const name = this.write(input.plan)
      const values = columns.map((column, i) => {
        const value = input.columns[i]
        const type = sqlTypeOf(column.type)
        return `${value ? sqlCast(this.#sql(value), value.type, column.type) : `CAST(NULL AS ${type})`} AS ${columnSql(column)}`
      })
      return `SELECT ${values.join(', ')} FROM ${name}`
    })
    return this.#step(parts.join('\nUNION ALL\n'))
  }

  #join({ kind, left, right, keys, condition }: Extract<Plan, { op: 'join' }>): string {
    const [l, r] = [this.write(left), this.write(right)]
    const conditions = keys.map((key) => `${this.#sql(key.left)} = ${this.#sql(key.right)}`)
    if (condition) conditions.push(this.#sql(condition))
    const on = conditions.length === 0 ? 'true' : conditions.join(' AND ')
    if (kind === 'cross') return this.#step(`SELECT * FROM ${l} CROSS JOIN ${r}`)
    return this.#step(`SELECT * FROM ${l} ${kind.toUpperCase()} JOIN ${r} ON ${on}`)
  }

  /** A condition on `_id` right after the source narrows the scan itself. */
  #noteIds(filter: Extract<Plan, { op: 'filter' }>): void {
    let scan = filter.input
    while (scan.op === 'filter' || scan.op === 'extend') scan = scan.input
    if (scan.op !== 'scan' || this.#ids.has(scan)) return
    const id = scan.columns.get('_id')?.column
    const wanted = id && idsIn(filter.condition, id)
    if (wanted) this.#ids.set(scan, wanted)
  }

  #isStored(input: Plan, order: readonly SortKey[]): boolean {
    return isStoredOrder(input, order, this.#pipeOf)
  }

  #scan(scan: ScanPlan, pipe: Pipe): string {
    const [arrived, pipeNumber, shard, offset] = scan.arrival.map(columnSql)
    const columns = [
      `arrived AS ${arrived}`,
      `${pipe.id} AS ${pipeNumber}`,
      `shard AS ${shard}`,
      `"offset" AS ${offset}`,
    ]
    for (const { column, field } of scan.columns.values()) {
      columns.push(`${fieldSql(pipe, field, column.type, this.#parameters)} AS ${columnSql(column)}`)
    }
    const conditions = scanConditions(pipe, scan, this.#bounds, this.#parameters)
    const ids = this.#ids.get(scan)
    if (ids) conditions.push(this.#idCondition(pipe, ids))
    if (this.#bounds.after) conditions.push(...this.#afterPlace(pipe, this.#bounds.after))
    return `SELECT ${columns.join(', ')} FROM ${tableOf(pipe)} WHERE ${conditions.join(' AND ')}`
  }

  /** Events of these ids by shard and offset, which a table finds at once; the text of an id it would have to build for
   * each event. */
  #idCondition(pipe: Pipe, ids: readonly string[]): string {
    const shards = new Map<number, bigint[]>()
    for (const id of ids) {
      const found = readId(pipe, id)
      if (found) shards.set(found.shard, [...(shards.get(found.shard) ?? []), found.offset])
    }
    const parts = [...shards].map(([shard, offsets]) => {
      const list = offsets.map((offset) => this.#parameters.whole(offset)).join(', ')
      return `(shard = ${this.#parameters.whole(BigInt(shard))} AND "offset" IN (${list}))`
    })
    return parts.length === 0 ? 'false' : `(${parts.join(' OR ')})`
  }

  #afterPlace(pipe: Pipe, place: ArrivalPlace): string[] {
    const arrived = `make_timestamp(${this.#parameters.whole(place.arrivedMicros)})`
    const ids = [place.pipe, place.shard, place.offset].map((id) => this.#parameters.whole(BigInt(id)))
    return [
      // Said twice: the first lets whole stretches of the table be skipped.
      `arrived >= ${arrived}`,
      `(arrived > ${arrived} OR (CAST(${pipe.id} AS BIGINT), CAST(shard AS BIGINT), "offset") > (${ids.join(', ')}))`,
    ]
  }

  #keyed(input: Plan, keys: readonly { readonly column: { readonly id: number }; readonly value: Typed }[]): string {
    const before = this.write(input)
    if (keys.length === 0) return before
    const columns = keys.map(({ column, value }) => `${this.#sql(value)} AS x${column.id}`)
    return this.#step(`SELECT *, ${columns.join(', ')} FROM ${before}`)
  }

  #aggregate(
    input: string,
    plan: {
      readonly keys: readonly { readonly column: { readonly id: number } }[]
      readonly aggregates: readonly Aggregate[]
      readonly order: readonly SortKey[]
    },
  ): string {
    const keys = plan.keys.map(({ column }) => `x${column.id}`)
    const columns = plan.aggregates.map(
      (aggregate) => `${this.#aggregateSql(aggregate, plan.order)} AS ${columnSql(aggregate.column)}`,
    )
    const groupBy = keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`
    return `SELECT ${[...keys, ...columns].join(', ')} FROM ${input}${groupBy}`
  }

  /** Each row with the aggregates of its group: grouped once and joined, since not every aggregate can slide. */
  #window(plan: Extract<Plan, { op: 'window' }>): string {
    const keys = plan.partition.map((value, i) => ({ value, name: `k${this.steps.length}_${i}` }))
    const before = this.write(plan.input)
    const keyColumns = keys.map(({ value, name }) => `${this.#sql(value)} AS ${name}`)
    const rows = keys.length === 0 ? before : this.#step(`SELECT *, ${keyColumns.join(', ')} FROM ${before}`)
    const names = keys.map(({ name }) => name)
    const aggregates = plan.aggregates.map(
      (aggregate) => `${this.#aggregateSql(aggregate, plan.order)} AS ${columnSql(aggregate.column)}`,
    )
    const groupBy = names.length === 0 ? '' : ` GROUP BY ${names.join(', ')}`
    const groups = this.#step(`SELECT ${[...names, ...aggregates].join(', ')} FROM ${rows}${groupBy}`)
    const on =
      names.length === 0 ? 'true' : names.map((name) => `r.${name} IS NOT DISTINCT FROM g.${name}`).join(' AND ')
    const added = plan.aggregates.map(({ column }) => `g.${columnSql(column)}`)
    return this.#step(`SELECT r.*, ${added.join(', ')} FROM ${rows} r JOIN ${groups} g ON ${on}`)
  }

  #aggregateSql({ name, args, where }: Aggregate, order: readonly SortKey[], over = ''): string {
    const [value = 'NULL', second = 'NULL'] = args.map((arg) => this.#sql(arg))
    const filtered = (sql: string, ...conditions: string[]): string => {
      const all = where ? [...conditions, this.#sql(where)] : conditions
      return `${sql}${all.length === 0 ? '' : ` FILTER (WHERE ${all.join(' AND ')})`}${over}`
    }
    const present = `${value} IS NOT NULL`
    switch (name) {
      case 'count':
        return filtered(args.length === 0 ? 'count(*)' : `count(${value})`)
      case 'distinctCount':
        return filtered(`count(DISTINCT ${value})`)
      case 'sum':
        // Sums of whole numbers are exact, and above 64 bits an error instead of a wrong number.
        return args[0]?.type === 'double' || args[0]?.type === 'float'
          ? filtered(`sum(${value})`)
          : `CAST(${filtered(`sum(${value})`)} AS BIGINT)`
      case 'avg':
      case 'min':
      case 'max':
        return filtered(`${name}(${value})`)
      case 'varSamp':
        return filtered(`var_samp(${value})`)
      case 'varPop':
        return filtered(`var_pop(${value})`)
      case 'stddevSamp':
        return filtered(`stddev_samp(${value})`)
      case 'stddevPop':
        return filtered(`stddev_pop(${value})`)
      case 'percentile':
      case 'median':
        // The value that stands at floor(share * count), from 0: DuckDB takes the one before where that is whole.
        return filtered(`quantile_disc(${value}, least(1.0, ${second} / 100 + 1e-12))`)
      case 'earliest':
        return filtered(
          `first(${value} ORDER BY ${this.#orders(second, false, order)})`,
          present,
          `${second} IS NOT NULL`,
        )
      case 'latest':
        return filtered(
          `first(${value} ORDER BY ${this.#orders(second, true, order)})`,
          present,
          `${second} IS NOT NULL`,
        )
      case 'first':
        return filtered(`first(${value}${this.#within(order)})`, present)
      case 'last':
        return filtered(`last(${value}${this.#within(order)})`, present)
      case 'take':
      case 'list':
        return `CAST(to_json(${filtered(`list(${value}${this.#within(order)})`, present)}[1:${second}]) AS VARCHAR)`
      case 'values':
        return `CAST(to_json(list_sort(${filtered(`list(DISTINCT ${value})`, present)})[1:${second}]) AS VARCHAR)`
    }
  }

  #orders(first: string, descending: boolean, order: readonly SortKey[]): string {
    const rest = order.length === 0 ? '' : `, ${orderSql(order, this.#parameters)}`
    return `${first} ${descending ? 'DESC' : 'ASC'}${rest}`
  }

  #within(order: readonly SortKey[]): string {
    return order.length === 0 ? '' : ` ORDER BY ${orderSql(order, this.#parameters)}`
  }

  #orderBy(order: readonly SortKey[]): string {
    return this.#within(order)
  }

  #partitionBy(partition: readonly Typed[]): string {
    return partition.length === 0 ? '' : `PARTITION BY ${partition.map((value) => this.#sql(value)).join(', ')}`
  }

  #sql(expression: Typed): string {
    return expressionSql(expression, this.#parameters)
  }

  #step(sql: string): string {
    const name = `r${this.steps.length}`
    this.steps.push(`${name} AS (${sql})`)
    return name
  }
}

/** The ids that a condition asks for: `_id = '…'`, `_id in (…)`, or these and more. */
function idsIn(condition: Typed, id: PlanColumn): readonly string[] | undefined {
  if (condition.kind !== 'call') return undefined
  if (condition.name === 'and') {
    for (const part of condition.args) {
      const found = idsIn(part, id)
      if (found) return found
    }
    return undefined
  }
  const [subject, ...values] = condition.args
  const isAboutId = subject?.kind === 'column' && subject.column === id
  if (!isAboutId || (condition.name !== 'eq' && condition.name !== 'in')) return undefined
  const texts = values.map((value) => (value.kind === 'literal' ? value.value : undefined))
  return texts.every((text) => typeof text === 'string') ? texts : undefined
}

function instantSql(ms: number, parameters: Parameters): string {
  return `make_timestamp(${parameters.whole(BigInt(Math.trunc(ms)) * 1000n)})`
}
