import { compileTextPattern, type KeyValues, matchesText, type TemplatePart, type TextPattern } from './text-pattern.ts'
import { matchesWildcardIn } from './wildcard.ts'

/** Fields of a name that are compared one by one; what follows the fifth `:` is the sixth, whatever it holds. */
const FIELDS = 6

/** A resource name and where its first five fields end, found once per request: the fields are compared in place. */
export interface ResourceName {
  readonly text: string
  /** Offsets of the five `:` that separate the six fields. */
  readonly colons: readonly [number, number, number, number, number]
}

/** The account field of a name. */
export function accountField({ text, colons }: ResourceName): string {
  return text.slice(colons[3] + 1, colons[4])
}

/** The fields of a name, or undefined for a text with fewer than six: only the pattern `*` matches such a one. */
export function splitResource(text: string): ResourceName | undefined {
  const a = text.indexOf(':')
  const b = text.indexOf(':', a + 1)
  const c = text.indexOf(':', b + 1)
  const d = text.indexOf(':', c + 1)
  const e = text.indexOf(':', d + 1)
  if (a < 0 || b <= a || c <= b || d <= c || e <= d) return undefined
  return { text, colons: [a, b, c, d, e] }
}

/** A pattern of resource names. Each of the first five fields is matched alone, so that a `*` in one cannot swallow
 * the next: `arn:rampart:*:*:000000000001:*` never matches a name of another account. */
export type ArnPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'fields'; readonly fields: readonly { readonly index: number; readonly pattern: TextPattern }[] }

/** A string says what is wrong. */
export function compileArnPattern(parts: readonly TemplatePart[]): ArnPattern | string {
  const [only] = parts
  if (parts.length === 1 && only && 'wildcard' in only && only.wildcard === '*') return { kind: 'any' }
  const split = splitParts(parts)
  if (split.length < FIELDS) {
    return 'a resource pattern is `*` or has the six fields arn:<partition>:<service>:<region>:<account>:<resource>'
  }
  const fields = split.flatMap((field, index) => {
    const [part] = field
    const anything = field.length === 1 && part && 'wildcard' in part && part.wildcard === '*'
    return anything ? [] : [{ index, pattern: compileTextPattern(field, false) }]
  })
  return { kind: 'fields', fields: cheapestFirst(fields) }
}

export function matchesArn(pattern: ArnPattern, name: ResourceName | undefined, keys: KeyValues): boolean {
  if (pattern.kind === 'any') return true
  if (name === undefined) return false
  const { text, colons } = name
  for (const { index, pattern: wanted } of pattern.fields) {
    const from = index === 0 ? 0 : (colons[index - 1] ?? 0) + 1
    const to = index === FIELDS - 1 ? text.length : (colons[index] ?? 0)
    const matches =
      wanted.kind === 'fixed'
        ? matchesWildcardIn(wanted.wildcard, text, from, to)
        : matchesText(wanted, text.slice(from, to), keys)
    if (!matches) return false
  }
  return true
}

/** Whether what a pattern matches depends on who asks. */
export function hasVariable(pattern: ArnPattern): boolean {
  return pattern.kind === 'fields' && pattern.fields.some((field) => field.pattern.kind === 'variable')
}

/** Only text of the policy splits; what a variable will stand for stays in its field. */
function splitParts(parts: readonly TemplatePart[]): TemplatePart[][] {
  const fields: TemplatePart[][] = [[]]
  for (const part of parts) {
    if (!('literal' in part)) {
      fields.at(-1)?.push(part)
      continue
    }
    let rest = part.literal
    while (fields.length < FIELDS) {
      const colon = rest.indexOf(':')
      if (colon === -1) break
      if (colon > 0) fields.at(-1)?.push({ literal: rest.slice(0, colon) })
      fields.push([])
      rest = rest.slice(colon + 1)
    }
    if (rest) fields.at(-1)?.push({ literal: rest })
  }
  return fields
}

/** `arn` and the partition are nearly always equal, so they are compared last. */
function cheapestFirst<T extends { readonly index: number }>(fields: readonly T[]): T[] {
  const order = [2, 5, 4, 3, 1, 0]
  return [...fields].sort((a, b) => order.indexOf(a.index) - order.indexOf(b.index))
}
