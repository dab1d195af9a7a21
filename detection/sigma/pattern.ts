import { PLACEHOLDER_VARIANTS_MAX } from '../limits.ts'

/** `?`: one character. A number, so that patterns can be stored and sent to threads. */
export const ONE = 1
/** `*`: any text, even none. */
export const MANY = 2

export interface Placeholder {
  readonly placeholder: string
}

export type PatternPart = string | typeof MANY | typeof ONE | Placeholder

/** A value of a rule: literal pieces and wildcards. */
export type Pattern = readonly PatternPart[]

/** Reads the wildcards of a Sigma string. A backslash escapes only `*`, `?` and itself; before anything else it is one.
 * @see Sigma specification 2.0, Escaping */
export function parsePattern(text: string): Pattern {
  const parts: PatternPart[] = []
  let literal = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '\\') {
      const next = text[i + 1]
      if (next === '*' || next === '?' || next === '\\') {
        literal += next
        i++
      } else literal += char
    } else if (char === '*' || char === '?') {
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push(char === '*' ? MANY : ONE)
    } else literal += char
  }
  if (literal !== '') parts.push(literal)
  return parts
}

/** Joins neighbouring literals and neighbouring `*`. */
export function simplifyPattern(pattern: Pattern): Pattern {
  const parts: PatternPart[] = []
  for (const part of pattern) {
    const last = parts.at(-1)
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part
    else if (part === MANY && last === MANY) continue
    else if (part !== '') parts.push(part)
  }
  return parts
}

export const beginsOpen = (pattern: Pattern): boolean => pattern[0] === MANY
export const endsOpen = (pattern: Pattern): boolean => pattern.at(-1) === MANY

/** The text of a pattern that is one literal (or empty); undefined when it has wildcards. */
export function literalOf(pattern: Pattern): string | undefined {
  let text = ''
  for (const part of pattern) {
    if (typeof part !== 'string') return undefined
    text += part
  }
  return text
}

/** A pattern as it would be written in a rule. */
export function printPattern(pattern: Pattern): string {
  return pattern
    .map((part, index) => {
      if (part === MANY) return '*'
      if (part === ONE) return '?'
      if (typeof part !== 'string') return `%${part.placeholder}%`
      const escaped = part.replace(/\\(?=[*?\\])|[*?]/g, (found) => `\\${found}`)
      return typeof pattern[index + 1] === 'number' && part.endsWith('\\') ? `${escaped}\\` : escaped
    })
    .join('')
}

/** The name of the first placeholder that nobody filled. */
export function placeholderIn(pattern: Pattern): string | undefined {
  return pattern.find((part) => typeof part === 'object')?.placeholder
}

/** The pattern once for each combination of what its placeholders stand for; those that `valuesOf` does not know stay.
 * Undefined when there are more than `PLACEHOLDER_VARIANTS_MAX`. */
export function fillPlaceholders(
  pattern: Pattern,
  valuesOf: (name: string) => readonly Pattern[] | undefined,
): readonly Pattern[] | undefined {
  let variants: Pattern[] = [[]]
  for (const part of pattern) {
    const alternatives: readonly Pattern[] = (typeof part === 'object' ? valuesOf(part.placeholder) : undefined) ?? [
      [part],
    ]
    if (variants.length * alternatives.length > PLACEHOLDER_VARIANTS_MAX) return undefined
    variants = variants.flatMap((variant) => alternatives.map((alternative) => [...variant, ...alternative]))
  }
  return variants
}

/** Turns `%name%` into placeholders, and `\%` into a plain percent sign. */
export function insertPlaceholders(pattern: Pattern): Pattern {
  return pattern.flatMap((part): PatternPart[] => {
    if (typeof part !== 'string') return [part]
    const parts: PatternPart[] = []
    let last = 0
    for (const found of part.matchAll(/(?<!\\)%([^%]+)%/g)) {
      parts.push(part.slice(last, found.index).replaceAll('\\%', '%'), { placeholder: found[1] ?? '' })
      last = found.index + found[0].length
    }
    parts.push(part.slice(last).replaceAll('\\%', '%'))
    return parts.filter((piece) => piece !== '')
  })
}
