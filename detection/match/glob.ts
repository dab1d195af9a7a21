import { MANY, ONE, type Pattern } from '../sigma/pattern.ts'

type Piece = readonly (string | typeof ONE)[]

/** A test for texts with `*` and `?`. Segments between stars are found leftmost first, which finds a match wherever there
 * is one; no backtracking, so the time is at most text times pattern.
 * @param foldLiteral applied to the literals; give the test texts treated the same */
export function compileGlob(pattern: Pattern, foldLiteral: (literal: string) => string): (text: string) => boolean {
  const segments: Piece[] = []
  let segment: (string | typeof ONE)[] = []
  for (const part of pattern) {
    if (part === MANY) {
      segments.push(segment)
      segment = []
    } else if (part === ONE) segment.push(ONE)
    else if (typeof part === 'string') segment.push(foldLiteral(part))
  }
  const first = segments[0]
  const last = segment
  if (first === undefined) return (text) => matchesAt(text, 0, last) === text.length
  const middle = segments.slice(1).filter((piece) => piece.length > 0)
  return (text) => {
    let at = matchesAt(text, 0, first)
    if (at < 0) return false
    for (const piece of middle) {
      at = find(text, at, piece)
      if (at < 0) return false
    }
    return endsWith(text, at, last)
  }
}

/** Where the piece ends when it begins at `at`; -1 when it does not. */
function matchesAt(text: string, at: number, piece: Piece): number {
  let end = at
  for (const part of piece) {
    if (part === ONE) {
      if (end >= text.length) return -1
      end += widthAt(text, end)
    } else {
      if (!text.startsWith(part, end)) return -1
      end += part.length
    }
  }
  return end
}

/** Where the first occurrence of the piece from `from` on ends; -1 when there is none. */
function find(text: string, from: number, piece: Piece): number {
  const head = piece[0]
  if (typeof head === 'string' && piece.length === 1) {
    const found = text.indexOf(head, from)
    return found < 0 ? -1 : found + head.length
  }
  for (let at = from; at <= text.length; at++) {
    if (typeof head === 'string') {
      at = text.indexOf(head, at)
      if (at < 0) return -1
    }
    const end = matchesAt(text, at, piece)
    if (end >= 0) return end
  }
  return -1
}

/** True when the text from `from` on ends with the piece. */
function endsWith(text: string, from: number, piece: Piece): boolean {
  let end = text.length
  for (let index = piece.length - 1; index >= 0; index--) {
    const part = piece[index] as string | typeof ONE
    if (part === ONE) {
      if (end <= from) return false
      end -= end >= 2 && isPair(text, end - 2) ? 2 : 1
    } else {
      end -= part.length
      if (end < from || !text.startsWith(part, end)) return false
    }
  }
  return end >= from
}

const widthAt = (text: string, at: number): number => (isPair(text, at) ? 2 : 1)

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
