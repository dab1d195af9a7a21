import type { Comparison } from '../../match/expression.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** `lt`, `lte`, `gt`, `gte`, on numbers and on parts of a time.   @see Sigma modifiers appendix, numeric */
export const numberModifiers: Readonly<Record<string, ValueModifier>> = {
  lt: compare('lt'),
  lte: compare('lte'),
  gt: compare('gt'),
  gte: compare('gte'),
}

function compare(comparison: Comparison): ValueModifier {
  return (value) => {
    if (value.kind === 'time') return { ...value, comparison }
    const number = value.kind === 'number' ? value.value : value.kind === 'text' ? numberOf(value.pattern) : undefined
    if (number === undefined) return `compares numbers; this is ${nameOfValue(value)}`
    return { kind: 'compare', comparison, value: number }
  }
}

function numberOf(pattern: readonly unknown[]): number | undefined {
  const text = pattern.length === 1 ? pattern[0] : undefined
  return typeof text === 'string' && /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}
