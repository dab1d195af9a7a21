import { MANY, type Pattern, type PatternPart, parsePattern } from '../pattern.ts'
import type { Value } from '../value.ts'

export type TextValue = Extract<Value, { kind: 'text' }>

/** A text as the regular expressions and maps of pipelines see it: wildcards and placeholders as they are written, `*` and
 * `?` that stand for themselves with a backslash, every other backslash single. */
export function plainText(pattern: Pattern): string {
  return plainParts(pattern).text
}

/** The same, and for each of its UTF-16 units what it is in the pattern: a backslash that was added, and the rest of a
 * placeholder's name, are nothing. */
export function plainParts(pattern: Pattern): { readonly text: string; readonly parts: readonly PatternPart[] } {
  let text = ''
  const parts: PatternPart[] = []
  for (const part of pattern) {
    if (typeof part === 'object') {
      const name = `%${part.placeholder}%`
      text += name
      parts.push(part, ...new Array<string>(name.length - 1).fill(''))
    } else if (typeof part === 'number') {
      text += part === MANY ? '*' : '?'
      parts.push(part)
    } else {
      for (const unit of part.split('')) {
        const escaped = unit === '*' || unit === '?'
        text += escaped ? `\\${unit}` : unit
        if (escaped) parts.push('')
        parts.push(unit)
      }
    }
  }
  return { text, parts }
}

/** What a value that pipelines made is: numbers are looked for as numbers, `null` as a missing field. */
export function valueFrom(plain: unknown): Value | undefined {
  switch (typeof plain) {
    case 'string':
      return { kind: 'text', pattern: parsePattern(plain), cased: false }
    case 'number':
      return Number.isFinite(plain) ? { kind: 'number', value: plain, text: String(plain) } : undefined
    case 'boolean':
      return { kind: 'boolean', value: plain }
    default:
      return plain === null ? { kind: 'null' } : undefined
  }
}
