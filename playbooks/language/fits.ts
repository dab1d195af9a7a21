import { parseDurationMs } from '../expressions/duration.ts'
import { typeWords, type ValueType } from '../expressions/value-type.ts'
import type { Json } from '../types.ts'

/** Why a plain value may not stand where `type` is wanted, or undefined. */
export function misfit(value: Json, type: ValueType): string | undefined {
  if (type === 'dyn') return undefined
  if (typeof type === 'string') return fitsPlain(value, type) ? undefined : `must be ${typeWords(type)}`
  if ('list' in type) {
    if (!Array.isArray(value)) return `must be ${typeWords(type)}`
    for (const [index, item] of (value as readonly Json[]).entries()) {
      const problem = misfit(item, type.list)
      if (problem) return `${problem} at index ${index}`
    }
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `must be ${typeWords(type)}`
  for (const [key, member] of Object.entries(value as { [key: string]: Json })) {
    const wanted = 'map' in type ? type.map : type.fields[key]
    const problem = wanted === undefined ? 'is unknown' : misfit(member, wanted)
    if (problem) return `${problem} at \`${key}\``
  }
  return undefined
}

function fitsPlain(value: Json, type: 'string' | 'int' | 'double' | 'bool' | 'timestamp' | 'duration'): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string'
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value)
    case 'double':
      return typeof value === 'number'
    case 'bool':
      return typeof value === 'boolean'
    case 'timestamp':
      return typeof value === 'string' && isInstant(value)
    case 'duration':
      return typeof value === 'string' && parseDurationMs(value) !== undefined
  }
}

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/

/** True for an RFC 3339 instant. */
export function isInstant(text: string): boolean {
  return INSTANT.test(text) && !Number.isNaN(Date.parse(text))
}
