import { foldUnit, unitsFoldingTo } from './fold.ts'
import type { Literal } from './trie.ts'

const BLOCK = 2
const LITERAL_CHARS_MIN = 5
const LITERALS_MAX = 48
const CODES = 256

/** Finds all of some long literals by looking at few characters of a text: pairs of characters that stand in no literal, or
 * only near its beginning, let it skip ahead. Without regard to case. Good for few literals over much text, where an
 * automaton would look at every character.   @see Wu, Manber: A fast algorithm for multi-pattern searching (1994) */
export class SkipScanner {
  /** The length of the shortest literal: shorter texts hold none. */
  readonly shortest: number
  /** By the low bytes of two characters: how far no literal can end. Characters that share a low byte share an entry, which
   * costs a look and misses nothing. */
  readonly #shift: Uint8Array
  readonly #byEnd = new Map<number, Literal[]>()

  /** @param literals that `fits` */
  constructor(literals: readonly Literal[]) {
    this.shortest = literals.reduce((least, { text }) => Math.min(least, text.length), Number.POSITIVE_INFINITY)
    const longest = Math.min(this.shortest - BLOCK + 1, 255)
    this.#shift = new Uint8Array(CODES * CODES).fill(longest)
    for (const literal of literals) {
      for (let end = BLOCK; end <= this.shortest; end++) {
        for (const first of unitsFoldingTo(literal.text.charCodeAt(end - 2))) {
          for (const second of unitsFoldingTo(literal.text.charCodeAt(end - 1))) {
            const at = (first & 255) * CODES + (second & 255)
            this.#shift[at] = Math.min(this.#shift[at] as number, this.shortest - end)
          }
        }
      }
      const key = pairKey(literal.text.charCodeAt(this.shortest - 2), literal.text.charCodeAt(this.shortest - 1))
      const list = this.#byEnd.get(key)
      if (list) list.push(literal)
      else this.#byEnd.set(key, [literal])
    }
  }

  /** True when these literals are better looked for this way: few and long. */
  static fits(literals: readonly Literal[]): boolean {
    return literals.length <= LITERALS_MAX && literals.every(({ text }) => text.length >= LITERAL_CHARS_MIN)
  }

  /** Adds the target of each literal in `text` to `found`, repeats included; returns how many now are there. */
  scan(text: string, found: number[], count: number): number {
    const shift = this.#shift
    const { length } = text
    let total = count
    let at = this.shortest - 1
    while (at < length) {
      const step = shift[(text.charCodeAt(at - 1) & 255) * CODES + (text.charCodeAt(at) & 255)] as number
      if (step > 0) at += step
      else {
        total = this.#compare(text, at, found, total)
        at++
      }
    }
    return total
  }

  #compare(text: string, at: number, found: number[], count: number): number {
    const candidates = this.#byEnd.get(pairKey(foldCode(text, at - 1), foldCode(text, at)))
    if (!candidates) return count
    let total = count
    for (const { text: literal, target } of candidates) {
      if (matchesAt(text, at + 1 - this.shortest, literal)) found[total++] = target
    }
    return total
  }
}

function matchesAt(text: string, from: number, literal: string): boolean {
  if (from + literal.length > text.length) return false
  for (let i = 0; i < literal.length; i++) if (foldCode(text, from + i) !== literal.charCodeAt(i)) return false
  return true
}

function foldCode(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code
  return foldUnit(code)
}

const pairKey = (first: number, second: number): number => first * 65536 + second
