import type { FieldType } from '../types.ts'
import { checkCondition } from './check-expression.ts'
import { didYouMean, QueryProblem, withPlaces } from './errors.ts'
import { compileTyped, type Evaluator, type Value } from './evaluate.ts'
import { queryLimits } from './limits.ts'
import { parseCondition } from './parse.ts'
import type { Column } from './plan.ts'
import type { Scope } from './scope.ts'
import { cast } from './typed.ts'

interface FilterOptions {
  /** The members that items have, with their types: then another name is an error that names the nearest, and instants
   * are compared as such. Left out, any name goes, and a value is taken as what it is compared with. */
  readonly fields?: Readonly<Record<string, FieldType>>
  /** What `now()` is, ms. */
  readonly now?: number
}

/** A PPL condition, as after `where`, as a test of objects: `state = 'new' and severity in ('high', 'critical')`.
 * Members of members are named with dots. False and null are no match.
 * @throws pipeline.query.* (422 with line and column)   @see contract, Conventions, `filter` */
export function compileFilter(text: string, options: FilterOptions = {}): (item: object) => boolean {
  return withPlaces(text, () => {
    const names = new Map<number, string>()
    const scope: Scope = {
      limits: queryLimits,
      now: options.now ?? 0,
      field: (name, span) => {
        const { fields } = options
        if (fields && !Object.hasOwn(fields, name)) {
          const known = Object.keys(fields)
          throw new QueryProblem(
            'pipeline.query.unknownField',
            span,
            `unknown member \`${name}\`${didYouMean(name, known) || `; there are ${known.map((each) => `\`${each}\``).join(', ')}`}`,
          )
        }
        const column: Column = { id: names.size, type: 'any' }
        names.set(column.id, name)
        const value = { kind: 'column', column, type: 'any' } as const
        const type = fields?.[name]
        return type === undefined ? value : cast(value, type)
      },
    }
    const parsed = parseCondition(text, queryLimits)
    const condition = checkCondition(parsed, scope)
    const evaluate = compileTyped<object>(
      condition,
      (column) => memberReader(names.get(column.id) ?? ''),
      (primitive) => {
        throw new QueryProblem(
          'pipeline.query.unknownFunction',
          parsed.span,
          `\`${primitive}\` cannot be used in a filter`,
        )
      },
    )
    return (item) => evaluate(item) === true
  })
}

/** Finds a member by its whole name, or member by member. */
function memberReader(name: string): Evaluator<object> {
  const path = name.split('.')
  return (item) => {
    const whole = member(item, name)
    if (whole !== undefined) return memberValue(whole)
    let at: unknown = item
    for (const part of path) {
      if (typeof at !== 'object' || at === null || Array.isArray(at)) return null
      at = member(at, part)
    }
    return memberValue(at)
  }
}

function member(item: object, name: string): unknown {
  return Object.hasOwn(item, name) ? (item as Readonly<Record<string, unknown>>)[name] : undefined
}

function memberValue(value: unknown): Value {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    default:
      return value === undefined || value === null ? null : JSON.stringify(value)
  }
}
