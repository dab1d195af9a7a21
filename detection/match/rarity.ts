import type { Expression } from './expression.ts'
import { fold } from './fold.ts'

const GRAM = 3
const WINDOW_MAX = 10

/** How common pieces of text are among the literals of a rule set. What many rules name (`\windows\system32\`) is what
 * events are full of; what one rule names is a good sign that it may match. */
export class Rarity {
  readonly #counts = new Map<string, number>()

  constructor(expressions: Iterable<Expression>) {
    const seen = new Set<string>()
    const visit = (expression: Expression): void => {
      if (expression.kind === 'and' || expression.kind === 'or') for (const part of expression.of) visit(part)
      else if (expression.kind === 'not') visit(expression.of)
      else if (expression.kind === 'text') {
        const text = fold(expression.text)
        if (seen.has(text)) return
        seen.add(text)
        for (const gram of new Set(gramsOf(text))) this.#counts.set(gram, (this.#counts.get(gram) ?? 0) + 1)
      }
    }
    for (const expression of expressions) visit(expression)
  }

  /** The share of texts that a literal may be guessed to stand in, for comparison only: lower is rarer. */
  cost(text: string): number {
    if (text.length < GRAM) return text.length === 0 ? 1000 : text.length === 1 ? 300 : 100
    let least = Number.POSITIVE_INFINITY
    let sum = 0
    let grams = 0
    for (const gram of gramsOf(text)) {
      const count = this.#counts.get(gram) ?? 0
      least = Math.min(least, count)
      sum += count
      grams++
    }
    return (least + sum / grams / 4 + 1) / Math.min(text.length - 1, 8)
  }

  /** The stretch of at most `WINDOW_MAX` characters of a literal that is rarest; the whole of a short one. */
  rarestWindow(text: string): { readonly from: number; readonly to: number } {
    if (text.length <= WINDOW_MAX) return { from: 0, to: text.length }
    let best = 0
    let bestCost = Number.POSITIVE_INFINITY
    for (let from = 0; from + WINDOW_MAX <= text.length; from++) {
      const cost = this.cost(text.slice(from, from + WINDOW_MAX))
      if (cost < bestCost) {
        best = from
        bestCost = cost
      }
    }
    return { from: best, to: best + WINDOW_MAX }
  }
}

function* gramsOf(text: string): Generator<string> {
  for (let at = 0; at + GRAM <= text.length; at++) yield text.slice(at, at + GRAM)
}
