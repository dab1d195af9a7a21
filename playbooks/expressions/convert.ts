import { Optional } from '@marcbachmann/cel-js'
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator'
import { PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX } from '../limits.ts'
import type { Json } from '../types.ts'
import { parseDurationMs } from './duration.ts'
import type { ValueType } from './value-type.ts'

/** A JSON value as the expression library wants it for its declared type: whole numbers of type int are BigInt,
 * instants Date, durations Duration. Numbers inside `dyn` stay doubles. */
export function fromJson(type: ValueType, value: unknown): unknown {
  if (value === null || value === undefined) return value
  switch (type) {
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
    case 'timestamp':
      return typeof value === 'string' ? new Date(value) : value
    case 'duration':
      return typeof value === 'string' ? Duration.fromMilliseconds(parseDurationMs(value) ?? 0) : value
    case 'string':
    case 'double':
    case 'bool':
    case 'dyn':
      return value
  }
  if ('list' in type) return Array.isArray(value) ? value.map((item) => fromJson(type.list, item)) : value
  if (typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, member]) => {
    const memberType = 'map' in type ? type.map : (type.fields[key] ?? 'dyn')
    return [key, fromJson(memberType, member)] as const
  })
  return Object.fromEntries(entries.filter(([, member]) => member !== undefined))
}

/** A value that an expression gave, as JSON.
 * @throws Error when it is none, nests deeper than `depthMax`, or is larger than a payload may be */
export function toJson(value: unknown, depthMax: number = PAYLOAD_DEPTH_MAX): Json {
  return convert(value, depthMax, { left: PAYLOAD_BYTES_MAX })
}

function convert(value: unknown, depth: number, size: { left: number }): Json {
  size.left -= 4
  if (depth < 0) throw new Error(`the value nests deeper than ${PAYLOAD_DEPTH_MAX}`)
  if (size.left < 0) throw new Error(`the value is larger than ${PAYLOAD_BYTES_MAX} bytes`)
  switch (typeof value) {
    case 'string':
      size.left -= value.length
      if (size.left < 0) throw new Error(`the value is larger than ${PAYLOAD_BYTES_MAX} bytes`)
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw new Error(`${value} is no number of JSON`)
      return value
    case 'bigint':
      return safeInteger(value)
    case 'undefined':
      return null
    case 'object':
      return convertObject(value, depth, size)
    default:
      throw new Error(`a ${typeof value} is no value of JSON`)
  }
}

function convertObject(value: object | null, depth: number, size: { left: number }): Json {
  if (value === null) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Duration) return durationText(value)
  if (value instanceof UnsignedInt) return safeInteger(BigInt(value.valueOf()))
  if (value instanceof Optional) {
    throw new Error('the value may be absent; end the expression with .orValue(…)')
  }
  if (value instanceof Uint8Array) throw new Error('bytes are no value of JSON; use string(…) or .base64()')
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => convert(item, depth - 1, size))
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const members: Record<string, Json> = {}
  for (const [key, member] of entries as [unknown, unknown][]) {
    if (member === undefined) continue
    const name = typeof key === 'string' ? key : String(key)
    size.left -= name.length
    Object.defineProperty(members, name, {
      value: convert(member, depth - 1, size),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return members
}

function safeInteger(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new Error(`${value} is beyond 2^53 and would lose digits`)
  return number
}

function durationText(duration: Duration): string {
  const ms = Number(duration.seconds) * 1000 + Math.trunc(duration.nanos / 1e6)
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
