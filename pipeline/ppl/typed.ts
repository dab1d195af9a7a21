import type { LiteralValue } from './expression.ts'
import { canonicalIp } from './ip.ts'
import type { Typed } from './plan.ts'
import type { Primitive } from './primitives.ts'
import { formatTimestamp, parseTimestamp } from './time.ts'
import { isNumber, isWhole, type ValueType } from './types.ts'

export function literal(value: LiteralValue, type: ValueType): Typed {
  return { kind: 'literal', value, type }
}

export const nothing: Typed = { kind: 'literal', value: null, type: 'null' }

export function call(name: Primitive, args: readonly Typed[], type: ValueType): Typed {
  return { kind: 'call', name, args, type }
}

export function text(value: string): Typed {
  return literal(value, 'string')
}

export function whole(value: number | bigint): Typed {
  return literal(BigInt(value), 'long')
}

/** `and` of all, or what is true of nothing: true. */
export function all(conditions: readonly Typed[]): Typed {
  const [only] = conditions
  if (!only) return literal(true, 'boolean')
  return conditions.length === 1 ? only : call('and', conditions, 'boolean')
}

/** `input` as `type`; literals at once. What cannot be converted is null. */
export function cast(input: Typed, type: ValueType): Typed {
  if (input.type === type) return input
  if (input.kind === 'literal') {
    const value = input.value === null ? null : castLiteral(input.value, input.type, type)
    if (value !== undefined) return literal(value, type)
  }
  // Whole numbers are one type below the surface, and so are the others.
  if (isWhole(input.type) && isWhole(type) && type === 'long') return { ...input, type } as Typed
  return { kind: 'cast', input, type }
}

/** The value of a literal as another type; null when it cannot be, undefined when that is left to the engine. */
function castLiteral(
  value: string | number | bigint | boolean,
  from: ValueType,
  to: ValueType,
): LiteralValue | undefined {
  if (from === 'string' && typeof value === 'string') {
    switch (to) {
      case 'timestamp':
        return parseTimestamp(value.trim()) ?? null
      case 'date': {
        const micros = parseTimestamp(value.trim())
        return micros === undefined ? null : formatTimestamp(micros).slice(0, 10)
      }
      case 'time':
        return timeText(value.trim()) ?? null
      case 'ip':
        return canonicalIp(value.trim()) ?? null
    }
    if (isNumber(to) && !isWhole(to)) {
      return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value.trim()) ? Number(value.trim()) : null
    }
    return undefined
  }
  if (isWhole(from) && isNumber(to) && !isWhole(to)) return Number(value)
  return undefined
}

/** The time of day in a text, as `HH:mm:ss[.S]`. */
export function timeText(value: string): string | undefined {
  const micros = parseTimestamp(value) ?? parseTimestamp(`1970-01-01T${value}`)
  return micros === undefined ? undefined : formatTimestamp(micros).slice(11)
}
