import { foldUnit } from './fold.ts'
import type { Literal } from './trie.ts'

interface Node {
  readonly steps: Map<number, Node>
  readonly targets: number[]
}

/** Finds which of many literals a text begins with, or ends with, without regard to case. It looks at no more characters
 * than the literals have in common with the text. */
export class AnchoredTrie {
  readonly #root: Node
  readonly #end: 'start' | 'end'

  constructor(literals: readonly Literal[], end: 'start' | 'end') {
    this.#root = { steps: new Map(), targets: [] }
    this.#end = end
    for (const { text, target } of literals) {
      let node = this.#root
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(end === 'start' ? i : text.length - 1 - i)
        let next = node.steps.get(unit)
        if (!next) {
          next = { steps: new Map(), targets: [] }
          node.steps.set(unit, next)
        }
        node = next
      }
      node.targets.push(target)
    }
  }

  /** Adds the targets of the literals that `text` begins (or ends) with to `found`; returns how many now are there. */
  scan(text: string, found: number[], count: number): number {
    const { length } = text
    const fromEnd = this.#end === 'end'
    let node = this.#root
    let total = count
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(fromEnd ? length - 1 - i : i)
      const unit = code >= 0x80 ? foldUnit(code) : code >= 0x41 && code <= 0x5a ? code + 0x20 : code
      const next = node.steps.get(unit)
      if (!next) return total
      node = next
      const { targets } = node
      for (let j = 0; j < targets.length; j++) found[total++] = targets[j] as number
    }
    return total
  }
}
