import type { FieldType } from '../types.ts'

/** The type of an expression. `null` has only the value null: a field that no event ever had. `any` is only known
 * when the value is there: a member of a list's items. */
export type ValueType = FieldType | 'null' | 'any' | 'interval'

const aliases: Readonly<Record<string, FieldType>> = {
  boolean: 'boolean',
  byte: 'byte',
  tinyint: 'byte',
  short: 'short',
  smallint: 'short',
  int: 'integer',
  integer: 'integer',
  long: 'long',
  bigint: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  keyword: 'string',
  text: 'string',
  timestamp: 'timestamp',
  date: 'date',
  time: 'time',
  ip: 'ip',
  binary: 'binary',
  struct: 'struct',
  object: 'struct',
  array: 'array',
  nested: 'array',
  json: 'string',
}

/** The type that a name means, `bigint` and `int` included; undefined when it is none.
 * @see PPL reference, data types */
export function parseFieldType(name: string): FieldType | undefined {
  return Object.hasOwn(aliases, name) ? aliases[name] : undefined
}

/** The names that `parseFieldType` knows. */
export const fieldTypeNames: readonly string[] = Object.keys(aliases)

const wholes: readonly ValueType[] = ['byte', 'short', 'integer', 'long']
const numbers: readonly ValueType[] = [...wholes, 'float', 'double']
const moments: readonly ValueType[] = ['date', 'time', 'timestamp']

export function isWhole(type: ValueType): boolean {
  return wholes.includes(type)
}

export function isNumber(type: ValueType): boolean {
  return numbers.includes(type)
}

export function isMoment(type: ValueType): boolean {
  return moments.includes(type)
}

/** The type that values of both can be said in. */
export function commonType(a: ValueType, b: ValueType): ValueType {
  if (a === b || b === 'null') return a
  if (a === 'null') return b
  if (isNumber(a) && isNumber(b)) return numbers.indexOf(a) > numbers.indexOf(b) ? a : b
  if ((a === 'date' && b === 'timestamp') || (a === 'timestamp' && b === 'date')) return 'timestamp'
  return a === 'any' || b === 'any' ? 'any' : 'string'
}

/** `typeof` names types the way SQL does.   @see PPL reference, typeof */
export function typeName(type: ValueType): string {
  switch (type) {
    case 'byte':
      return 'TINYINT'
    case 'short':
      return 'SMALLINT'
    case 'integer':
      return 'INT'
    case 'long':
      return 'BIGINT'
    case 'null':
    case 'any':
      return 'UNDEFINED'
    default:
      return type.toUpperCase()
  }
}
