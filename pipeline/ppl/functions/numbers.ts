import type { Typed } from '../plan.ts'
import type { Primitive } from '../primitives.ts'
import { call, cast, literal, nothing } from '../typed.ts'
import { commonType, isNumber, isWhole, type ValueType } from '../types.ts'
import { type CallPlace, type FunctionForm, form, want } from './form.ts'
import { momentArithmetic } from './times.ts'

/** A result that is whole where all arguments are. Below the surface whole numbers have 64 bits; leaving these is an
 * error, not a wrong number. */
function widest(args: readonly Typed[]): ValueType {
  return args.reduce<ValueType>((type, arg) => commonType(type, arg.type), args[0]?.type ?? 'double')
}

function arithmetic(sign: string, primitive: Primitive): FunctionForm {
  return {
    least: 2,
    most: 2,
    takesIntervals: sign === '+' || sign === '-',
    resolve: (args, place) => {
      const [left = nothing, right = nothing] = args
      if (sign === '+' && left.type === 'string' && right.type === 'string') return call('concat', args, 'string')
      const moment = sign === '+' || sign === '-' ? momentArithmetic(left, right, sign, place) : undefined
      if (moment) return moment
      const numbers = args.map((arg, i) => want(arg, 'number', place, i))
      return call(primitive, numbers, widest(numbers))
    },
  }
}

// Two whole numbers give a whole one, as PPL has it for as long as its legacy syntax is preferred.
const divide: FunctionForm = {
  least: 2,
  most: 2,
  resolve: (args, place) => {
    const numbers = args.map((arg, i) => want(arg, 'number', place, i))
    return numbers.every((number) => isWhole(number.type))
      ? call('quotient', numbers, widest(numbers))
      : call('divide', numbers, 'double')
  },
}

const negative: FunctionForm = {
  least: 1,
  most: 1,
  resolve: ([arg = nothing], place) => {
    const number = want(arg, 'number', place, 0)
    return call('negate', [number], number.type)
  },
}

const same = (args: readonly Typed[]): ValueType => args[0]?.type ?? 'double'
const real = (primitive: Primitive): FunctionForm => form(primitive, ['number'], 'double')

/** `log(x)` is natural, `log(b, x)` to a base. */
const log: FunctionForm = {
  least: 1,
  most: 2,
  resolve: (args, place) => {
    const numbers = args.map((arg, i) => want(arg, 'number', place, i))
    return call(numbers.length === 1 ? 'ln' : 'log', numbers, 'double')
  },
}

/** Numbers before texts for `max`, after them for `min`, as values of mixed types are ordered. */
function extreme(primitive: 'greatest' | 'least'): FunctionForm {
  return {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    resolve: (args) => {
      const numbers = args.filter((arg) => isNumber(arg.type))
      const others = args.filter((arg) => !isNumber(arg.type))
      const counted = primitive === 'least' && numbers.length > 0 ? numbers : others.length > 0 ? others : numbers
      const type = widest(counted)
      return call(
        primitive,
        counted.map((arg) => (isNumber(type) ? arg : cast(arg, type))),
        type,
      )
    },
  }
}

function total(args: readonly Typed[], place: CallPlace): Typed {
  const numbers = args.map((arg, i) => want(arg, 'number', place, i))
  return numbers.reduce((sum, number) => call('add', [sum, number], widest([sum, number])))
}

const constant = (value: number): FunctionForm => ({ least: 0, most: 0, resolve: () => literal(value, 'double') })

export const numberForms: readonly (readonly [string, FunctionForm])[] = [
  ['+', arithmetic('+', 'add')],
  ['-', arithmetic('-', 'subtract')],
  ['*', arithmetic('*', 'multiply')],
  ['/', divide],
  ['%', arithmetic('%', 'modulo')],
  ['add', arithmetic('+', 'add')],
  ['subtract', arithmetic('-', 'subtract')],
  ['multiply', arithmetic('*', 'multiply')],
  ['divide', divide],
  ['mod', arithmetic('%', 'modulo')],
  ['modulus', arithmetic('%', 'modulo')],
  ['negative', negative],
  ['abs', form('abs', ['number'], same)],
  ['ceil', form('ceil', ['number'], same)],
  ['ceiling', form('ceil', ['number'], same)],
  ['floor', form('floor', ['number'], same)],
  ['round', form('round', ['number', 'whole'], same, 1)],
  ['rint', form('round', ['number'], same)],
  ['sign', form('sign', ['number'], same)],
  ['signum', form('sign', ['number'], same)],
  ['sqrt', real('sqrt')],
  ['cbrt', real('cbrt')],
  ['exp', real('exp')],
  ['ln', real('ln')],
  ['log', log],
  ['log2', real('log2')],
  ['log10', real('log10')],
  ['pow', form('pow', ['number', 'number'], 'double')],
  ['power', form('pow', ['number', 'number'], 'double')],
  ['sin', real('sin')],
  ['cos', real('cos')],
  ['tan', real('tan')],
  ['asin', real('asin')],
  ['acos', real('acos')],
  [
    'atan',
    { least: 1, most: 2, resolve: (args, place) => real(args.length === 1 ? 'atan' : 'atan2').resolve(args, place) },
  ],
  ['atan2', form('atan2', ['number', 'number'], 'double')],
  ['pi', constant(Math.PI)],
  ['e', constant(Math.E)],
  ['max', extreme('greatest')],
  ['min', extreme('least')],
  ['sum', { least: 1, most: Number.POSITIVE_INFINITY, resolve: total }],
  [
    'avg',
    {
      least: 1,
      most: Number.POSITIVE_INFINITY,
      resolve: (args, place) => call('divide', [total(args, place), literal(args.length, 'double')], 'double'),
    },
  ],
]
