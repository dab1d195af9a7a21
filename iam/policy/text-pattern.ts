import type { ContextValue } from '../../platform/index.ts'
import { canonicalKey, findContextKey } from './context-keys.ts'
import { compileWildcard, matchesWildcard, type Wildcard, type WildcardPart, wildcardParts } from './wildcard.ts'

/** Where a condition or a variable gets its values, by canonical key. */
export interface KeyValues {
  /** @param spelled how the policy spells the key, which is most often how a request does */
  get(canonicalKey: string, spelled?: string): ContextValue | undefined
}

/** A pattern that may hold variables. What a variable stands for is literal: a user named `*` matches only itself. */
export type TextPattern =
  | { readonly kind: 'fixed'; readonly wildcard: Wildcard }
  | { readonly kind: 'variable'; readonly parts: readonly TemplatePart[]; readonly fold: boolean }

export type TemplatePart = WildcardPart | Variable

export interface Variable {
  readonly variable: string
  readonly fallback?: string
}

/** The parts of a policy text: `${key}`, `${key, 'default'}`, the escapes `${*}`, `${?}`, `${$}`, wildcards where they
 * mean something, and text. A string says what is wrong. */
export function parseTemplate(text: string, options: { readonly wildcards: boolean }): TemplatePart[] | string {
  const parts: TemplatePart[] = []
  const plain = (piece: string) => {
    if (piece) parts.push(...(options.wildcards ? wildcardParts(piece) : [{ literal: piece }]))
  }
  let from = 0
  for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', from)) {
    plain(text.slice(from, at))
    const close = text.indexOf('}', at)
    if (close === -1) return `\`\${\` without its \`}\`; write \`\${$}{\` for the characters themselves`
    const part = parseVariable(text.slice(at + 2, close))
    if (typeof part === 'string') return part
    parts.push(part)
    from = close + 1
  }
  plain(text.slice(from))
  return parts
}

function parseVariable(inner: string): TemplatePart | string {
  if (inner === '*' || inner === '?' || inner === '$') return { literal: inner }
  const found = /^\s*([A-Za-z0-9_.-]+(?::[A-Za-z0-9_+=,.@:/-]+|\.[A-Za-z0-9_.-]+))\s*(?:,\s*'([^']*)'\s*)?$/.exec(inner)
  if (!found?.[1])
    return `\`\${${inner}}\` is not a variable; the form is \`\${g:UserName}\` or \`\${g:UserName, 'default'}\``
  const variable = canonicalKey(found[1])
  if (findContextKey(variable)?.type === 'strings') return `\`${found[1]}\` has many values and cannot be a variable`
  return found[2] === undefined ? { variable } : { variable, fallback: found[2] }
}

/** `fold` compares without case. */
export function compileTextPattern(parts: readonly TemplatePart[], fold: boolean): TextPattern {
  const folded = fold ? parts.map(foldPart) : parts
  if (folded.some((part) => 'variable' in part)) return { kind: 'variable', parts: folded, fold }
  return { kind: 'fixed', wildcard: compileWildcard(folded as readonly WildcardPart[]) }
}

function foldPart(part: TemplatePart): TemplatePart {
  return 'literal' in part ? { literal: part.literal.toLowerCase() } : part
}

/** `text` is already folded where the pattern folds. A variable without value and default matches nothing. */
export function matchesText(pattern: TextPattern, text: string, keys: KeyValues): boolean {
  if (pattern.kind === 'fixed') return matchesWildcard(pattern.wildcard, text)
  const resolved: WildcardPart[] = []
  for (const part of pattern.parts) {
    if (!('variable' in part)) resolved.push(part)
    else {
      const value = resolveVariable(part, keys)
      if (value === undefined) return false
      if (value) resolved.push({ literal: pattern.fold ? value.toLowerCase() : value })
    }
  }
  return matchesWildcard(compileWildcard(resolved), text)
}

function resolveVariable(part: Variable, keys: KeyValues): string | undefined {
  const value = keys.get(part.variable)
  if (value === undefined || typeof value === 'object') return part.fallback
  return String(value)
}

/** Whether a pattern can fail to have a value. */
export function hasBareVariable(parts: readonly TemplatePart[]): boolean {
  return parts.some((part) => 'variable' in part && part.fallback === undefined)
}
