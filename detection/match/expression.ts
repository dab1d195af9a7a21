import type { Pattern } from '../sigma/pattern.ts'

/** The field of a keyword: any value of the event. */
export const ANY_FIELD = ''

/** Where a literal has to stand in the field's text. */
export type TextPosition = 'equals' | 'startsWith' | 'endsWith' | 'contains'

export const comparisons = ['lt', 'lte', 'gt', 'gte', 'eq', 'neq'] as const
export type Comparison = (typeof comparisons)[number]

export const timeParts = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const
export type TimePart = (typeof timeParts)[number]

export interface RegexFlags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
}

/** One comparison of one field. Every kind but `null` and `exists: false` fails on a missing field; a field that is a list
 * passes when one of its elements does. */
export type Predicate =
  | {
      readonly kind: 'text'
      readonly field: string
      readonly position: TextPosition
      readonly text: string
      readonly cased: boolean
    }
  /** What literals and positions cannot say: `?`, or `*` inside. */
  | { readonly kind: 'glob'; readonly field: string; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'number'; readonly field: string; readonly value: number; readonly text: string }
  | { readonly kind: 'compare'; readonly field: string; readonly comparison: Comparison; readonly value: number }
  | {
      readonly kind: 'time'
      readonly field: string
      readonly part: TimePart
      readonly comparison: Comparison
      readonly value: number
    }
  | { readonly kind: 'network'; readonly field: string; readonly cidr: string }
  | { readonly kind: 'regex'; readonly field: string; readonly source: string; readonly flags: RegexFlags }
  | {
      readonly kind: 'fieldRef'
      readonly field: string
      readonly other: string
      readonly position: TextPosition
      readonly cased: boolean
    }
  | { readonly kind: 'exists'; readonly field: string; readonly wanted: boolean }
  | { readonly kind: 'null'; readonly field: string }

export type Expression =
  | { readonly kind: 'and'; readonly of: readonly Expression[] }
  | { readonly kind: 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'constant'; readonly value: boolean }
  | Predicate

export const TRUE: Expression = { kind: 'constant', value: true }
export const FALSE: Expression = { kind: 'constant', value: false }

/** The conjunction, without needless levels and constants. */
export function and(expressions: readonly Expression[]): Expression {
  const of: Expression[] = []
  for (const expression of expressions) {
    if (expression.kind === 'constant') {
      if (!expression.value) return FALSE
    } else if (expression.kind === 'and') of.push(...expression.of)
    else of.push(expression)
  }
  if (of.length === 0) return TRUE
  return of.length === 1 ? (of[0] as Expression) : { kind: 'and', of }
}

/** The disjunction, without needless levels and constants. */
export function or(expressions: readonly Expression[]): Expression {
  const of: Expression[] = []
  for (const expression of expressions) {
    if (expression.kind === 'constant') {
      if (expression.value) return TRUE
    } else if (expression.kind === 'or') of.push(...expression.of)
    else of.push(expression)
  }
  if (of.length === 0) return FALSE
  return of.length === 1 ? (of[0] as Expression) : { kind: 'or', of }
}

export function not(expression: Expression): Expression {
  if (expression.kind === 'constant') return expression.value ? FALSE : TRUE
  return expression.kind === 'not' ? expression.of : { kind: 'not', of: expression }
}
