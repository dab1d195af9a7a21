import { Columns } from './columns.ts'
import { type Literal, NONE, ROOT, Trie } from './trie.ts'

const ASCII = 128
/** Set in a step to a state where something ends. */
const HAS_OUTPUT = 0x40000000
const OFFSET = 0x3fffffff

/** Finds all of many literals anywhere in a text in one pass, whatever their number, and without regard to case: characters
 * are folded by the table that maps them to columns. State × column → next state is one look-up in a flat table, whose rows
 * are made when a text first leads to their state: most states of a large automaton are never seen.
 * @see Aho, Corasick: Efficient string matching (1975) */
export class Automaton {
  readonly #columns: Columns
  readonly #trie: Trie
  /** Row after row: the row offset of the next state, or for a state that has no row yet its number, inverted. */
  #table: Int32Array
  /** By the number of a row: its state. */
  readonly #stateOfRow: number[] = []
  readonly #rowOfState: Int32Array

  constructor(literals: readonly Literal[]) {
    this.#columns = new Columns(literals.map(({ text }) => text))
    this.#trie = new Trie(literals, this.#columns)
    this.#table = new Int32Array(this.#columns.count * 16)
    this.#rowOfState = new Int32Array(this.#trie.size).fill(NONE)
    this.#makeRow(ROOT)
  }

  /** Adds the target of each literal in `text` to `found`, repeats included; returns how many now are there. */
  scan(text: string, found: number[], count: number): number {
    const columns = this.#columns
    const { ascii } = columns
    let table = this.#table
    let row = 0
    let total = count
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      const at = row + (code < ASCII ? (ascii[code] as number) : columns.of(code))
      let step = table[at] as number
      if (step < 0) {
        step = this.#stepTo(~step)
        table = this.#table
        table[at] = step
      }
      row = step & OFFSET
      if (step >= HAS_OUTPUT) {
        const targets = this.#trie.outputs[this.#stateOfRow[row / columns.count] as number] as readonly number[]
        for (let j = 0; j < targets.length; j++) found[total++] = targets[j] as number
      }
    }
    return total
  }

  #stepTo(state: number): number {
    const row = this.#makeRow(state)
    return this.#trie.outputs[state] ? row | HAS_OUTPUT : row
  }

  /** A state's row: where its own steps lead, and for all others where the longest proper suffix's steps lead. */
  #makeRow(state: number): number {
    const known = this.#rowOfState[state] as number
    if (known !== NONE) return known
    const trie = this.#trie
    const fallback = state === ROOT ? NONE : this.#makeRow(trie.fail[state] as number)
    const width = this.#columns.count
    const row = this.#stateOfRow.length * width
    if (row + width > this.#table.length) {
      const larger = new Int32Array(this.#table.length * 2)
      larger.set(this.#table)
      this.#table = larger
    }
    if (fallback !== NONE) this.#table.copyWithin(row, fallback, fallback + width)
    for (let child = trie.firstChild[state] as number; child !== NONE; child = trie.nextSibling[child] as number) {
      this.#table[row + (trie.column[child] as number)] = ~child
    }
    this.#stateOfRow.push(state)
    this.#rowOfState[state] = row
    return row
  }
}
