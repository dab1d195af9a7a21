import type { Comparison, RegexFlags, TextPosition, TimePart } from '../match/expression.ts'
import type { Pattern } from './pattern.ts'

/** A value of a detection item while its modifiers are applied, one after the other. */
export type Value =
  | { readonly kind: 'text'; readonly pattern: Pattern; readonly cased: boolean }
  /** What UTF-16 encodings make of a text; only Base64 can be matched against the text of a field when it is no ASCII. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  /** Pieces of a regular expression, and placeholders between them. */
  | { readonly kind: 'regex'; readonly pattern: Pattern; readonly flags: RegexFlags }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly value: number }
  | { readonly kind: 'network'; readonly cidr: string }
  | { readonly kind: 'fieldRef'; readonly other: string; readonly position: TextPosition; readonly cased: boolean }
  | { readonly kind: 'exists'; readonly wanted: boolean }
  | { readonly kind: 'time'; readonly part: TimePart; readonly comparison: Comparison; readonly value: number }
  | { readonly kind: 'anyOf'; readonly values: readonly Value[] }

/** What a modifier knows beside the value. */
export interface ModifierContext {
  /** Modifiers applied before this one, by name. */
  readonly applied: readonly string[]
  readonly field: string
  /** The values of a placeholder; undefined when nobody gave any. */
  readonly placeholder: (name: string) => readonly string[] | undefined
}

/** Applies to one value; a string says why it cannot. */
export type ValueModifier = (value: Value, context: ModifierContext) => Value | string

/** What the value is called in a message. */
export function nameOfValue(value: Value): string {
  switch (value.kind) {
    case 'text':
      return 'a text'
    case 'bytes':
      return 'encoded bytes'
    case 'number':
      return 'a number'
    case 'boolean':
      return '`true` or `false`'
    case 'null':
      return '`null`'
    case 'regex':
      return 'a regular expression'
    case 'compare':
      return 'a comparison'
    case 'network':
      return 'a network'
    case 'fieldRef':
      return 'a field'
    case 'exists':
      return '`exists`'
    case 'time':
      return 'a part of a time'
    case 'anyOf':
      return 'several values'
  }
}

/** Lifts a modifier of single values over the variants that an earlier one made. */
export function overVariants(modifier: ValueModifier): ValueModifier {
  return function apply(value, context): Value | string {
    if (value.kind !== 'anyOf') return modifier(value, context)
    const values: Value[] = []
    for (const variant of value.values) {
      const changed = apply(variant, context)
      if (typeof changed === 'string') return changed
      values.push(changed)
    }
    return { kind: 'anyOf', values }
  }
}
