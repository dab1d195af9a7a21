import type { Expression } from './expression.ts'
import { fold } from './fold.ts'

const WINDOW_MAX = 8
const GRAM = 3
/** Three characters of seven bits each; what lies outside of ASCII shares entries, which only blurs the guess. */
const GRAMS = 1 << 21
const MASK = 0x7f
/** Rules that tell as much about what is common as all would. */
const SAMPLE = 1_000

/** A stretch of a literal and how rare it is. */
export interface RareWindow {
  readonly text: string
  readonly cost: number
}

/** How common pieces of text are among the literals of a rule set. What many rules name (`\windows\system32\`) is what
 * events are full of; what one rule names is a good sign that it may match. */
export class Rarity {
  /** In how many literals each three characters in a row stand. */
  #counts: Uint16Array | undefined
  readonly #expressions: readonly Expression[]
  readonly #windows = new Map<string, RareWindow>()

  /** Counts when it is first asked. */
  constructor(expressions: readonly Expression[]) {
    this.#expressions = expressions
  }

  /** Counts in a sample, spread evenly, where there are many. */
  #count(): Uint16Array {
    const counts = new Uint16Array(GRAMS)
    const seen = new Set<string>()
    const each = Math.max(1, Math.floor(this.#expressions.length / SAMPLE))
    for (let at = 0; at < this.#expressions.length; at += each)
      this.#learn(this.#expressions[at] as Expression, each, counts, seen)
    return counts
  }

  #learn(expression: Expression, weight: number, counts: Uint16Array, seen: Set<string>): void {
    if (expression.kind === 'and' || expression.kind === 'or')
      for (const part of expression.of) this.#learn(part, weight, counts, seen)
    else if (expression.kind === 'not') this.#learn(expression.of, weight, counts, seen)
    else if (expression.kind === 'text') {
      const text = fold(expression.text)
      if (seen.has(text)) return
      seen.add(text)
      for (let at = 0; at + GRAM <= text.length; at++) {
        const gram = gramAt(text, at)
        counts[gram] = Math.min(0xffff, (counts[gram] as number) + weight)
      }
    }
  }

  /** The stretch of at most `WINDOW_MAX` characters of a folded literal that is rarest; the whole of a short one. Its cost is
   * the share of texts it may be guessed to stand in, for comparison only: lower is rarer. */
  rarestWindow(text: string): RareWindow {
    const known = this.#windows.get(text)
    if (known) return known
    const found = this.#findWindow(text)
    this.#windows.set(text, found)
    return found
  }

  #findWindow(text: string): RareWindow {
    const { length } = text
    if (length < GRAM) return { text, cost: length === 2 ? 100 : 300 }
    const width = Math.min(length, WINDOW_MAX)
    const grams = width - GRAM + 1
    this.#counts ??= this.#count()
    const counts = new Array<number>(length - GRAM + 1)
    for (let at = 0; at < counts.length; at++) counts[at] = this.#counts[gramAt(text, at)] as number
    let best = 0
    let bestCost = Number.POSITIVE_INFINITY
    for (let from = 0; from + width <= length; from++) {
      let least = Number.POSITIVE_INFINITY
      let sum = 0
      for (let at = from; at < from + grams; at++) {
        const count = counts[at] as number
        if (count < least) least = count
        sum += count
      }
      const cost = (least + sum / grams / 4 + 1) / Math.min(width - 1, 8)
      if (cost >= bestCost) continue
      best = from
      bestCost = cost
    }
    return { text: text.slice(best, best + width), cost: bestCost }
  }
}

function gramAt(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) & MASK) << 14) | ((text.charCodeAt(at + 1) & MASK) << 7) | (text.charCodeAt(at + 2) & MASK)
  )
}
