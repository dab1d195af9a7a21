import { Columns, OTHER } from './columns.ts'

/** A literal to look for, folded, and the number it is told by. */
export interface Literal {
  readonly text: string
  readonly target: number
}

const HAS_OUTPUT = 0x40000000
const OFFSET = 0x3fffffff
const ASCII = 128

/** Finds all of many literals anywhere in a text in one pass, whatever their number, and without regard to case: characters
 * are folded by the table that maps them to columns. State × column → next state is one look-up in a flat table.
 * @see Aho, Corasick: Efficient string matching (1975) */
export class Automaton {
  /** Row offset of the next state, with HAS_OUTPUT where something ends there. */
  readonly #next: Int32Array
  readonly #columns: Columns
  readonly #outputs: readonly (readonly number[] | undefined)[]

  constructor(literals: readonly Literal[]) {
    this.#columns = new Columns(literals.map(({ text }) => text))
    const { table, outputs } = buildTrie(literals, this.#columns)
    this.#outputs = outputs
    this.#next = link(table, outputs, this.#columns.count)
  }

  /** Adds the target of each literal in `text` to `found`, repeats included; returns how many now are there. */
  scan(text: string, found: number[], count: number): number {
    const next = this.#next
    const columns = this.#columns
    const { ascii } = columns
    let row = 0
    let total = count
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      const step = next[row + (code < ASCII ? (ascii[code] as number) : columns.of(code))] as number
      row = step & OFFSET
      if (step >= HAS_OUTPUT) {
        const targets = this.#outputs[row / columns.count] as readonly number[]
        for (let j = 0; j < targets.length; j++) found[total++] = targets[j] as number
      }
    }
    return total
  }
}

interface Trie {
  readonly table: Int32Array<ArrayBuffer>
  readonly outputs: (number[] | undefined)[]
}

/** The literals as a tree, a row a state, 0 where there is no step. */
function buildTrie(literals: readonly Literal[], columns: Columns): Trie {
  const width = columns.count
  let table = new Int32Array(width * 64)
  let states = 1
  const outputs: (number[] | undefined)[] = [undefined]
  for (const { text, target } of literals) {
    let row = 0
    for (let i = 0; i < text.length; i++) {
      const at = row + columns.of(text.charCodeAt(i))
      row = table[at] as number
      if (row !== 0) continue
      row = states++ * width
      if (row + width > table.length) {
        const larger = new Int32Array(table.length * 2)
        larger.set(table)
        table = larger
      }
      table[at] = row
    }
    const list = outputs[row / width]
    if (list) list.push(target)
    else outputs[row / width] = [target]
  }
  return { table: table.slice(0, states * width), outputs }
}

/** Breadth first: a missing step goes where the longest proper suffix's step goes, and what ends there ends here, too. */
function link(table: Int32Array<ArrayBuffer>, outputs: (number[] | undefined)[], width: number): Int32Array {
  const states = table.length / width
  const fail = new Int32Array(states)
  const queue = new Int32Array(states)
  let head = 0
  let tail = 0
  for (let column = OTHER; column < width; column++) {
    const row = table[column] as number
    if (row !== 0) queue[tail++] = row / width
  }
  while (head < tail) {
    const state = queue[head++] as number
    const failRow = (fail[state] as number) * width
    const own = outputs[state]
    const inherited = outputs[fail[state] as number]
    if (inherited) outputs[state] = own ? [...own, ...inherited] : inherited
    for (let column = OTHER; column < width; column++) {
      const at = state * width + column
      const child = table[at] as number
      const fallback = table[failRow + column] as number
      if (child === 0) table[at] = fallback
      else {
        fail[child / width] = fallback / width
        queue[tail++] = child / width
      }
    }
  }
  for (let at = 0; at < table.length; at++) {
    const row = table[at] as number
    if (row !== 0 && outputs[row / width]) table[at] = row | HAS_OUTPUT
  }
  return table
}
