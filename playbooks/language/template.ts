import type { Template, TextPart } from './document.ts'

/** A piece of a text with `${{ }}` in it, and where it begins in the text. */
export type Piece =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'expression'; readonly text: string; readonly offset: number }

/** Cuts a text at its `${{ … }}`; `}}` inside a string or map of the expression does not end it.
 * @returns the offset of an opening that is never closed, where there is one */
export function splitTemplate(text: string): { pieces: Piece[]; unclosed?: number } {
  const pieces: Piece[] = []
  let from = 0
  for (let open = text.indexOf('${{'); open !== -1; open = text.indexOf('${{', from)) {
    if (open > from) pieces.push({ kind: 'literal', text: text.slice(from, open) })
    const close = findEnd(text, open + 3)
    if (close === -1) return { pieces, unclosed: open }
    const inner = text.slice(open + 3, close)
    const lead = inner.length - inner.trimStart().length
    pieces.push({ kind: 'expression', text: inner.trim(), offset: open + 3 + lead })
    from = close + 2
  }
  if (from < text.length) pieces.push({ kind: 'literal', text: text.slice(from) })
  return { pieces }
}

/** Where the `}}` stands that ends an expression beginning at `from`, or -1. */
function findEnd(text: string, from: number): number {
  let braces = 0
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"' || character === "'") {
      at = skipString(text, at, character)
      if (at === -1) return -1
    } else if (character === '{') braces += 1
    else if (character === '}') {
      if (braces > 0) braces -= 1
      else return text[at + 1] === '}' ? at : -1
    }
  }
  return -1
}

/** The offset of the quote that ends the string beginning at `start`, or -1. */
function skipString(text: string, start: number, quote: string): number {
  const raw = /[rR]$/.test(text.slice(Math.max(0, start - 1), start))
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\' && !raw) at += 1
    else if (text[at] === quote) return at
  }
  return -1
}

/** The template of a text that was cut into `pieces`. */
export function templateOf(text: string, pieces: readonly Piece[]): Template {
  const [only] = pieces
  if (pieces.length === 1 && only?.kind === 'expression') return { kind: 'expression', text: only.text }
  if (pieces.every((piece) => piece.kind === 'literal')) return { kind: 'literal', value: text }
  return {
    kind: 'text',
    parts: pieces.map(
      (piece): TextPart => (piece.kind === 'literal' ? { literal: piece.text } : { expression: piece.text }),
    ),
  }
}

/** Every expression of a template, in order. */
export function expressionsOf(template: Template): readonly string[] {
  switch (template.kind) {
    case 'literal':
      return []
    case 'expression':
      return [template.text]
    case 'text':
      return template.parts.flatMap((part) => ('expression' in part ? [part.expression] : []))
    case 'map':
      return template.entries.flatMap(([, member]) => expressionsOf(member))
    case 'list':
      return template.items.flatMap(expressionsOf)
  }
}
