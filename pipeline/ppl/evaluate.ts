import { matchesLike, readLike } from './like.ts'
import type { Column, Typed } from './plan.ts'
import type { Primitive } from './primitives.ts'
import { compileRegex } from './regex.ts'
import { formatTimestamp, parseTimestamp } from './time.ts'
import { timeText } from './typed.ts'
import { isWhole, type ValueType } from './types.ts'

/** A value while it is computed: timestamps are microseconds as bigint, everything structured is JSON text. */
export type Value = string | number | bigint | boolean | null

/** Computes an expression for one item. */
export type Evaluator<Item> = (item: Item) => Value

/** An expression as a function, for conditions on things that are in memory.
 * @param columnOf how a column's value is found in an item
 * @param refuse is called for what can only be computed by an engine */
export function compileTyped<Item>(
  expression: Typed,
  columnOf: (column: Column) => Evaluator<Item>,
  refuse: (primitive: Primitive) => never,
): Evaluator<Item> {
  const compile = (inner: Typed): Evaluator<Item> => compileTyped(inner, columnOf, refuse)
  switch (expression.kind) {
    case 'column':
      return columnOf(expression.column)
    case 'literal': {
      const value = literalValue(expression)
      return () => value
    }
    case 'cast': {
      const input = compile(expression.input)
      const { type } = expression
      return (item) => castValue(input(item), type)
    }
    case 'interval':
      throw new Error('an interval is resolved where it is added')
    case 'call':
      return compileCall(expression, compile, refuse)
  }
}

function literalValue({ value, type }: Extract<Typed, { kind: 'literal' }>): Value {
  return typeof value === 'bigint' && type !== 'timestamp' ? Number(value) : value
}

function compileCall<Item>(
  call: Extract<Typed, { kind: 'call' }>,
  compile: (inner: Typed) => Evaluator<Item>,
  refuse: (primitive: Primitive) => never,
): Evaluator<Item> {
  const special = compileSpecial(call, compile)
  if (special) return special
  const form = strictForms[call.name]
  if (!form) return refuse(call.name)
  const args = call.args.map(compile)
  return (item) => {
    const values: NonNullable<Value>[] = []
    for (const arg of args) {
      const value = arg(item)
      if (value === null) return null
      values.push(value)
    }
    return form(values, call)
  }
}

/** What does not simply become null with an argument. */
function compileSpecial<Item>(
  call: Extract<Typed, { kind: 'call' }>,
  compile: (inner: Typed) => Evaluator<Item>,
): Evaluator<Item> | undefined {
  const [first, second] = call.args
  switch (call.name) {
    case 'and':
    case 'or': {
      const args = call.args.map(compile)
      const decisive = call.name === 'or'
      return (item) => {
        let result: Value = !decisive
        for (const arg of args) {
          const value = arg(item)
          if (value === decisive) return decisive
          if (value === null) result = null
        }
        return result
      }
    }
    case 'isNull': {
      const args = call.args.map(compile)
      return (item) => args[0]?.(item) === null
    }
    case 'in': {
      const [operand, ...others] = call.args.map(compile)
      return (item) => {
        const value = operand?.(item) ?? null
        if (value === null) return null
        let result: Value = false
        for (const other of others) {
          const candidate = other(item)
          if (candidate === null) result = null
          else if (compareValues(value, candidate) === 0) return true
        }
        return result
      }
    }
    case 'coalesce': {
      const args = call.args.map(compile)
      return (item) => {
        for (const arg of args) {
          const value = arg(item)
          if (value !== null) return value
        }
        return null
      }
    }
    case 'when': {
      const args = call.args.map(compile)
      return (item) => {
        for (let i = 0; i + 1 < args.length; i += 2) if (args[i]?.(item) === true) return args[i + 1]?.(item) ?? null
        return args.at(-1)?.(item) ?? null
      }
    }
    case 'greatest':
    case 'least': {
      const args = call.args.map(compile)
      const sign = call.name === 'greatest' ? 1 : -1
      return (item) =>
        args.reduce<Value>((best, arg) => {
          const value = arg(item)
          if (value === null) return best
          return best === null || compareValues(value, best) * sign > 0 ? value : best
        }, null)
    }
    case 'regexMatch': {
      if (!first || second?.kind !== 'literal') return undefined
      const subject = compile(first)
      const matches = compileRegex(String(second.value))
      return (item) => {
        const value = subject(item)
        return value === null ? null : matches(String(value))
      }
    }
    case 'like': {
      if (!first || second?.kind !== 'literal') return undefined
      const subject = compile(first)
      const parts = readLike(String(second.value))
      return (item) => {
        const value = subject(item)
        return value === null ? null : matchesLike(String(value), parts)
      }
    }
    default:
      return undefined
  }
}

type StrictForm = (args: readonly NonNullable<Value>[], call: Extract<Typed, { kind: 'call' }>) => Value

const math =
  (compute: (x: number, y: number) => number): StrictForm =>
  ([x, y]) => {
    const value = compute(Number(x), Number(y ?? 0))
    return Number.isNaN(value) ? null : value
  }
const words =
  (compute: (text: string, other: string) => Value): StrictForm =>
  ([text, other]) =>
    compute(String(text), String(other ?? ''))
const comparing =
  (holds: (order: number) => boolean): StrictForm =>
  ([a = '', b = '']) =>
    holds(compareValues(a, b))

const strictForms: Readonly<Partial<Record<Primitive, StrictForm>>> = {
  not: ([x]) => x !== true,
  eq: comparing((order) => order === 0),
  ne: comparing((order) => order !== 0),
  lt: comparing((order) => order < 0),
  le: comparing((order) => order <= 0),
  gt: comparing((order) => order > 0),
  ge: comparing((order) => order >= 0),

  add: math((x, y) => x + y),
  subtract: math((x, y) => x - y),
  multiply: math((x, y) => x * y),
  divide: math((x, y) => (y === 0 ? Number.NaN : x / y)),
  quotient: math((x, y) => (y === 0 ? Number.NaN : Math.trunc(x / y))),
  modulo: math((x, y) => (y === 0 ? Number.NaN : x % y)),
  negate: math((x) => -x),
  abs: math(Math.abs),
  ceil: math(Math.ceil),
  floor: math(Math.floor),
  round: math((x, digits) => Math.sign(x) * (Math.round(Math.abs(x) * 10 ** digits) / 10 ** digits)),
  sqrt: math(Math.sqrt),
  pow: math((x, y) => x ** y),
  sign: math(Math.sign),

  concat: (args) => args.map(String).join(''),
  length: words((text) => [...text].length),
  lower: words((text) => text.toLowerCase()),
  upper: words((text) => text.toUpperCase()),
  trim: words((text) => text.replace(/^ +| +$/g, '')),
  ltrim: words((text) => text.replace(/^ +/, '')),
  rtrim: words((text) => text.replace(/ +$/, '')),
  position: words(
    (part, text) =>
      (part === '' ? 1 : [...text.slice(0, text.indexOf(part))].length + 1) * (text.includes(part) ? 1 : 0),
  ),
  substring: ([text, start, length]) =>
    substring([...String(text)], Number(start), length === undefined ? undefined : Number(length)),
  contains: words((text, part) => text.includes(part)),
  startsWith: words((text, part) => text.startsWith(part)),
  endsWith: words((text, part) => text.endsWith(part)),

  addMicros: ([time, micros]) => BigInt(time ?? 0) + BigInt(Math.trunc(Number(micros))),
  addMonths: ([time, months]) => addMonths(BigInt(time ?? 0), Number(months)),
  microsOf: ([time]) => Number(time),
  fromMicros: ([micros]) => BigInt(Math.trunc(Number(micros))),
}

/** Numbers by value, truths false first, texts by their bytes in UTF-8, as the stores do. */
function compareValues(a: NonNullable<Value>, b: NonNullable<Value>): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (typeof a === typeof b || (typeof a !== 'string' && typeof b !== 'string')) return a < b ? -1 : a > b ? 1 : 0
  // Values whose types nobody knew before: a text and a number meet as numbers where the text is one.
  const [x, y] = [Number(a), Number(b)]
  if (Number.isNaN(x) || Number.isNaN(y)) return compareTexts(String(a), String(b))
  return x < y ? -1 : x > y ? 1 : 0
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  // UTF-16 orders surrogates before some characters that UTF-8 puts behind them.
  if (/[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : 1
}

function castValue(value: Value, type: ValueType): Value {
  if (value === null) return null
  switch (type) {
    case 'boolean':
      return truthOf(value)
    case 'float':
    case 'double':
      return numberOf(value)
    case 'timestamp':
      return typeof value === 'bigint'
        ? value
        : typeof value === 'string'
          ? (parseTimestamp(value.trim()) ?? null)
          : null
    case 'date':
      return textOf(value, 'timestamp')?.slice(0, 10) ?? null
    case 'time':
      return typeof value === 'string' ? (timeText(value) ?? null) : null
    case 'any':
    case 'null':
      return value
  }
  if (!isWhole(type)) return textOf(value, type)
  const number = numberOf(value)
  return number === null
    ? null
    : typeof value === 'string'
      ? Math.sign(number) * Math.round(Math.abs(number))
      : Math.trunc(number)
}

function textOf(value: NonNullable<Value>, type: ValueType): string | null {
  if (typeof value === 'bigint') return formatTimestamp(value)
  if (type === 'timestamp') return typeof value === 'string' && parseTimestamp(value) !== undefined ? value : null
  return typeof value === 'boolean' ? String(value).toUpperCase() : String(value)
}

function numberOf(value: NonNullable<Value>): number | null {
  if (typeof value === 'string' && !/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value)) return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

function truthOf(value: NonNullable<Value>): boolean | null {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  const text = String(value).trim().toLowerCase()
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : null
}

/** Counts from 1, or from the end when negative.   @see DuckDB, substring */
function substring(chars: readonly string[], start: number, length: number | undefined): string {
  const first = start < 0 ? Math.max(chars.length + start, 0) : start - 1
  const end = length === undefined ? chars.length : first + length
  return chars.slice(Math.max(0, first), Math.max(0, end)).join('')
}

function addMonths(micros: bigint, months: number): bigint {
  const ms = Number(micros / 1000n)
  const from = new Date(ms)
  const to = new Date(ms)
  to.setUTCDate(1)
  to.setUTCMonth(to.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(from.getUTCDate(), lastDay))
  return BigInt(to.getTime()) * 1000n + (micros % 1000n)
}
