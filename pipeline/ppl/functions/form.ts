import { QueryProblem, type Span } from '../errors.ts'
import type { Typed } from '../plan.ts'
import type { Primitive } from '../primitives.ts'
import type { Scope } from '../scope.ts'
import { call, cast } from '../typed.ts'
import { isMoment, isNumber, isWhole, type ValueType } from '../types.ts'

/** Where a function is called. */
export interface CallPlace {
  readonly name: string
  readonly span: Span
  /** Of each argument. */
  readonly spans: readonly Span[]
  readonly scope: Scope
}

/** A function or operator of PPL: how many arguments it takes, and what it means in primitives. */
export interface FunctionForm {
  readonly least: number
  readonly most: number
  /** Intervals are among what it can take. */
  readonly takesIntervals?: boolean
  resolve(args: readonly Typed[], place: CallPlace): Typed
}

/** What an argument must be. Texts are read as numbers and instants where these are wanted, and anything is text. */
export type Wanted = 'any' | 'boolean' | 'number' | 'whole' | 'string' | 'timestamp' | 'ip'

/** A function that is one primitive over arguments of fixed types. */
export function form(
  primitive: Primitive,
  wanted: readonly Wanted[],
  type: ValueType | ((args: readonly Typed[]) => ValueType),
  least = wanted.length,
): FunctionForm {
  return {
    least,
    most: wanted.length,
    resolve: (args, place) => {
      const fitted = args.map((arg, i) => want(arg, wanted[i] ?? 'any', place, i))
      return call(primitive, fitted, typeof type === 'function' ? type(fitted) : type)
    },
  }
}

/** `arg` as what is wanted.
 * @throws pipeline.query.wrongType when it can be no such thing */
export function want(arg: Typed, wanted: Wanted, place: CallPlace, index: number): Typed {
  const { type } = arg
  switch (wanted) {
    case 'any':
      return arg
    case 'string':
      return type === 'interval' ? refuse(arg, wanted, place, index) : cast(arg, 'string')
    case 'boolean':
      if (type === 'boolean') return arg
      return type === 'null' || type === 'any' ? cast(arg, 'boolean') : refuse(arg, wanted, place, index)
    case 'number':
      if (isNumber(type)) return arg
      if (type === 'string' || type === 'null' || type === 'any') return cast(arg, 'double')
      return type === 'boolean' ? cast(arg, 'integer') : refuse(arg, wanted, place, index)
    case 'whole':
      if (isWhole(type)) return arg
      if (isNumber(type) || type === 'string' || type === 'null' || type === 'any') return cast(arg, 'long')
      return refuse(arg, wanted, place, index)
    case 'timestamp':
      if (type === 'timestamp') return arg
      if (type === 'string' || isMoment(type) || type === 'null' || type === 'any') {
        return momentOf(arg, 'timestamp', place, index)
      }
      return refuse(arg, wanted, place, index)
    case 'ip':
      return type === 'ip' || type === 'string' || type === 'null' || type === 'any'
        ? arg
        : refuse(arg, wanted, place, index)
  }
}

/** `arg` as a moment; a literal that is none is an error here, not a null in each row. */
export function momentOf(arg: Typed, type: 'date' | 'time' | 'timestamp', place: CallPlace, index: number): Typed {
  const moment = cast(arg, type)
  if (moment.kind === 'literal' && moment.value === null && arg.kind === 'literal' && arg.value !== null) {
    throw new QueryProblem(
      'pipeline.query.badValue',
      place.spans[index] ?? place.span,
      `this is no ${type}; write it like ${type === 'time' ? "'23:59:59'" : "'2024-02-29 23:59:59'"}`,
    )
  }
  return moment
}

/** The text of a literal argument: a pattern or a format, which must be known before the search.
 * @throws pipeline.query.badValue */
export function literalText(arg: Typed, what: string, place: CallPlace, index: number): string {
  if (arg.kind === 'literal' && typeof arg.value === 'string' && arg.type === 'string') return arg.value
  throw new QueryProblem(
    'pipeline.query.badValue',
    place.spans[index] ?? place.span,
    `${what} must be a text in quotes`,
  )
}

function refuse(arg: Typed, wanted: Wanted, place: CallPlace, index: number): never {
  throw new QueryProblem(
    'pipeline.query.wrongType',
    place.spans[index] ?? place.span,
    `\`${place.name}\` needs a ${wanted === 'whole' ? 'whole number' : wanted} here, and this is of type ${arg.type}`,
  )
}
