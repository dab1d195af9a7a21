import { hasPlaceholder, insertPlaceholders, type Pattern, type PatternPart, parsePattern } from '../pattern.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** `expand`: `%name%` stands for values that the installation gives. A rule whose placeholder nobody filled is refused:
 * matching it as plain text would be silently wrong.   @see Sigma specification 2.0, Placeholders */
export const expandModifiers: Readonly<Record<string, ValueModifier>> = {
  expand: (value, context) => {
    if (value.kind !== 'text') return `works on texts, not on ${nameOfValue(value)}`
    const pattern = insertPlaceholders(value.pattern)
    if (!hasPlaceholder(pattern)) return value
    let variants: Pattern[] = [[]]
    for (const part of pattern) {
      const alternatives = alternativesOf(part, context.placeholder)
      if (typeof alternatives === 'string') return alternatives
      variants = variants.flatMap((variant) => alternatives.map((alternative) => [...variant, ...alternative]))
    }
    return { kind: 'anyOf', values: variants.map((variant) => ({ ...value, pattern: variant })) }
  },
}

function alternativesOf(
  part: PatternPart,
  valuesOf: (name: string) => readonly string[] | undefined,
): readonly Pattern[] | string {
  if (typeof part !== 'object') return [[part]]
  const values = valuesOf(part.placeholder)
  if (values === undefined) return `names the placeholder %${part.placeholder}%, which has no values here; give it some`
  return values.map(parsePattern)
}
