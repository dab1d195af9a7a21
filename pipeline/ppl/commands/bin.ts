import { QueryProblem } from '../errors.ts'
import type { Aggregate, Typed } from '../plan.ts'
import type { BinCommand, BinWidth } from '../query.ts'
import type { Reader } from '../reader.ts'
import {
  columnValue,
  extended,
  fieldValue,
  newColumn,
  type PlanContext,
  type Relation,
  withChanges,
} from '../relation.ts'
import { instantOf } from '../relative-time.ts'
import { unitMicros, unitMonths } from '../span.ts'
import { quoteName, quoteString } from '../tokens.ts'
import { call, cast, literal, text, whole } from '../typed.ts'
import { isMoment } from '../types.ts'
import { bucketOf, parseLength } from './aggregation.ts'
import type { CommandForm } from './command.ts'
import { parseFieldName } from './field-list.ts'

export const bin: CommandForm<BinCommand> = {
  parse: (reader) => {
    const first = reader.peek()
    const field = parseFieldName(reader)
    const options = parseOptions(reader)
    const alias = reader.takeWord('as') ? reader.expectName('a name').name : undefined
    const { start, end } = options
    const width = options.span ?? options.minspan ?? options.bins ?? { kind: 'range' as const, start, end }
    return { kind: 'bin', field, width, alignTime: options.alignTime, alias, span: reader.spanFrom(first) }
  },
  print: ({ field, width, alignTime, alias }) => {
    const parts = [`bin ${quoteName(field.name)}`, ...printWidth(width)]
    if (alignTime !== undefined) parts.push(`aligntime=${quoteString(alignTime)}`)
    if (alias !== undefined) parts.push(`as ${quoteName(alias)}`)
    return parts.join(' ')
  },
  plan: (command, relation, context) => {
    const value = fieldValue(relation, command.field.name, command.field.span, context)
    const name = command.alias ?? command.field.name
    if (isMoment(value.type)) return planTime(command, name, value, relation, context)
    return planNumber(command, name, value.type === 'string' ? cast(value, 'double') : value, relation, context)
  },
}

function parseOptions(reader: Reader) {
  const options: {
    span?: BinWidth
    minspan?: BinWidth
    bins?: BinWidth
    start?: number
    end?: number
    alignTime?: string
  } = {}
  while (reader.isSign('=', 1)) {
    const names = ['span', 'minspan', 'bins', 'start', 'end', 'aligntime']
    const option = names.find((word) => reader.isWord(word))
    if (option === undefined) reader.fail(`one of ${names.map((each) => `\`${each}\``).join(', ')}`)
    reader.next()
    reader.next()
    if (option === 'span') options.span = parseSpan(reader)
    else if (option === 'minspan') options.minspan = { kind: 'minspan', length: parseLength(reader) }
    else if (option === 'bins') options.bins = { kind: 'bins', count: reader.expectWhole('a number of bins', 2) }
    else if (option === 'start') options.start = parseNumber(reader)
    else if (option === 'end') options.end = parseNumber(reader)
    else options.alignTime = reader.next().value
  }
  return options
}

function parseSpan(reader: Reader): BinWidth {
  const log = /^(\d+(?:\.\d+)?)?log(\d+(?:\.\d+)?)$/i.exec(reader.peek().text)
  if (!log) return { kind: 'span', length: parseLength(reader) }
  const [factor, base] = [Number(log[1] ?? 1), Number(log[2])]
  if (!(base > 1) || !(factor >= 1 && factor < base)) reader.fail('a logarithmic span such as `log10` or `2log10`')
  reader.next()
  return { kind: 'log', factor, base }
}

function parseNumber(reader: Reader): number {
  const sign = reader.takeSign('-') ? -1 : 1
  if (reader.peek().kind !== 'number') reader.fail('a number')
  return sign * Number(reader.next().value)
}

function printWidth(width: BinWidth): string[] {
  switch (width.kind) {
    case 'span':
      return [`span=${width.length.text}`]
    case 'log':
      return [`span=${width.factor === 1 ? '' : width.factor}log${width.base}`]
    case 'minspan':
      return [`minspan=${width.length.text}`]
    case 'bins':
      return [`bins=${width.count}`]
    case 'range':
      return [
        ...(width.start === undefined ? [] : [`start=${width.start}`]),
        ...(width.end === undefined ? [] : [`end=${width.end}`]),
      ]
  }
}

const real = (value: number): Typed => literal(value, 'double')
const times = (a: Typed, b: Typed): Typed => call('multiply', [a, b], 'double')
const over = (a: Typed, b: Typed): Typed => call('divide', [a, b], 'double')
const plus = (a: Typed, b: Typed): Typed => call('add', [a, b], 'double')
const minus = (a: Typed, b: Typed): Typed => call('subtract', [a, b], 'double')
const floor = (a: Typed): Typed => call('floor', [a], 'double')
const ceil = (a: Typed): Typed => call('ceil', [a], 'double')
const tenTo = (a: Typed): Typed => call('pow', [real(10), a], 'double')
const log10 = (a: Typed): Typed => call('log10', [a], 'double')
const positive = (a: Typed): Typed => call('gt', [a, real(0)], 'boolean')
const when = (condition: Typed, value: Typed, otherwise: Typed): Typed =>
  call('when', [condition, value, otherwise], value.type)

function planNumber(
  { width, span }: BinCommand,
  name: string,
  field: Typed,
  relation: Relation,
  context: PlanContext,
): Relation {
  const value = cast(field, 'double')
  if (value.type !== 'double' || field.type === 'boolean' || field.type === 'array' || field.type === 'struct') {
    throw new QueryProblem('pipeline.query.wrongType', span, `a field of type ${field.type} cannot be put into bins`)
  }
  switch (width.kind) {
    case 'span': {
      if (width.length.unit !== undefined) {
        throw new QueryProblem('pipeline.query.wrongType', span, 'a number has no unit of time; give the span without')
      }
      const size = real(width.length.amount)
      const start = times(floor(over(value, size)), size)
      const shown = Number.isInteger(width.length.amount)
        ? wholeRange(start, size)
        : decimalRange(start, size, decimalsOf(width.length.amount))
      return extended(relation, [{ name, value: shown }], context)
    }
    case 'log': {
      const exponent = floor(call('log', [real(width.base), over(value, real(width.factor))], 'double'))
      const start = times(real(width.factor), call('pow', [real(width.base), exponent], 'double'))
      const end = times(start, real(width.base))
      const shown = call('concat', [fixed(start, 1), text('-'), fixed(end, 1)], 'string')
      return extended(
        relation,
        [{ name, value: when(positive(value), shown, cast(literal(null, 'null'), 'string')) }],
        context,
      )
    }
    default: {
      const { measured, least, most } = measure(relation, value, context)
      const size = widthOf(width, least, most)
      const known = call('gt', [size, real(0)], 'boolean')
      const start = times(floor(over(value, size)), size)
      const isWhole = call('ge', [size, real(1)], 'boolean')
      const shown = when(isWhole, wholeRange(start, size), decimalRange(start, size, 4))
      return extended(measured, [{ name, value: when(known, shown, cast(literal(null, 'null'), 'string')) }], context)
    }
  }
}

/** Powers of ten that fit the data, as PPL picks them. */
function widthOf(width: Exclude<BinWidth, { kind: 'span' | 'log' }>, least: Typed, most: Typed): Typed {
  const range = minus(most, least)
  switch (width.kind) {
    case 'minspan': {
      const usual = tenTo(floor(log10(range)))
      const smallest = 10 ** Math.ceil(Math.log10(width.length.amount))
      return when(call('ge', [usual, real(width.length.amount)], 'boolean'), usual, real(smallest))
    }
    case 'bins': {
      const exponent = ceil(log10(over(range, real(width.count))))
      const size = tenTo(exponent)
      const onEdge = call('eq', [call('modulo', [most, size], 'double'), real(0)], 'boolean')
      const needed = plus(ceil(over(range, size)), when(onEdge, real(1), real(0)))
      const tooMany = call('gt', [needed, real(width.count)], 'boolean')
      return when(tooMany, tenTo(plus(exponent, real(1))), size)
    }
    case 'range': {
      const from = width.start === undefined ? least : call('least', [real(width.start), least], 'double')
      const to = width.end === undefined ? most : call('greatest', [real(width.end), most], 'double')
      const magnitude = log10(minus(to, from))
      const whole = floor(magnitude)
      const isPower = call('lt', [minus(magnitude, whole), real(1e-10)], 'boolean')
      return tenTo(when(isPower, minus(whole, real(1)), whole))
    }
  }
}

/** The rows with the least and the greatest value beside each. */
function measure(relation: Relation, value: Typed, context: PlanContext) {
  const aggregate = (name: 'min' | 'max'): Aggregate => ({
    column: newColumn(context, value.type),
    name,
    args: [value],
    where: undefined,
  })
  const [least, most] = [aggregate('min'), aggregate('max')]
  const plan = { op: 'window', input: relation.plan, aggregates: [least, most], partition: [], order: [] } as const
  return {
    measured: withChanges(relation, { plan, perEvent: false }),
    least: columnValue(least.column),
    most: columnValue(most.column),
  }
}

function wholeRange(start: Typed, size: Typed): Typed {
  const shown = (value: Typed) => cast(cast(value, 'long'), 'string')
  return call('concat', [shown(start), text('-'), shown(plus(start, size))], 'string')
}

function decimalRange(start: Typed, size: Typed, decimals: number): Typed {
  return call('concat', [fixed(start, decimals), text('-'), fixed(plus(start, size), decimals)], 'string')
}

function fixed(value: Typed, decimals: number): Typed {
  return call('fixed', [value, whole(decimals)], 'string')
}

function decimalsOf(size: number): number {
  if (size >= 1) return 1
  return size >= 0.1 ? 2 : size >= 0.01 ? 3 : 4
}

function planTime(
  { width, alignTime, span }: BinCommand,
  name: string,
  value: Typed,
  relation: Relation,
  context: PlanContext,
): Relation {
  if (width.kind !== 'span' || width.length.unit === undefined) {
    throw new QueryProblem('pipeline.query.wrongType', span, 'a time needs a span with a unit, such as `span=5m`')
  }
  const { amount, unit } = width.length
  const isCalendar = unit === 'day' || unitMonths[unit] !== undefined
  if (isCalendar || alignTime === undefined) {
    const bucket = bucketOf(value, width.length, span)
    return extended(relation, [{ name, value: isCalendar ? cast(cast(bucket, 'date'), 'string') : bucket }], context)
  }
  const size = whole(Math.max(1, Math.round(amount * (unitMicros[unit] ?? 1))))
  const moment = cast(value, 'timestamp')
  if (alignTime === 'earliest' || alignTime === 'latest') {
    const { measured, least, most } = measure(relation, call('microsOf', [moment], 'long'), context)
    const origin = alignTime === 'earliest' ? least : most
    return extended(measured, [{ name, value: call('bucketMicros', [moment, size, origin], 'timestamp') }], context)
  }
  const micros = instantOf(alignTime, context.now)
  if (micros === undefined) {
    throw new QueryProblem(
      'pipeline.query.badValue',
      span,
      '`aligntime` is `earliest`, `latest` or a time such as `@d`',
    )
  }
  return extended(
    relation,
    [{ name, value: call('bucketMicros', [moment, size, whole(micros)], 'timestamp') }],
    context,
  )
}
