import { Columns } from './columns.ts'

/** A literal to look for, folded, and the number it is told by. */
export interface Literal {
  readonly text: string
  readonly target: number
}

const ROOT = 0
const NONE = -1
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

/** Literals as a tree, each state with its steps, its longest proper suffix, and what ends there. */
class Trie {
  readonly firstChild: Int32Array
  readonly nextSibling: Int32Array
  readonly column: Uint8Array | Uint16Array
  readonly fail: Int32Array
  readonly outputs: (readonly number[] | undefined)[]
  readonly size: number

  constructor(literals: readonly Literal[], columns: Columns) {
    const most = literals.reduce((sum, { text }) => sum + text.length, 1)
    this.firstChild = new Int32Array(most).fill(NONE)
    this.nextSibling = new Int32Array(most).fill(NONE)
    this.column = columns.count < 256 ? new Uint8Array(most) : new Uint16Array(most)
    this.fail = new Int32Array(most)
    this.outputs = []
    let size = 1
    for (const { text, target } of literals) {
      let state = ROOT
      for (let i = 0; i < text.length; i++) {
        const column = columns.of(text.charCodeAt(i))
        const known = this.#step(state, column)
        if (known !== NONE) {
          state = known
          continue
        }
        this.column[size] = column
        this.nextSibling[size] = this.firstChild[state] as number
        this.firstChild[state] = size
        state = size++
      }
      this.outputs[state] = [...(this.outputs[state] ?? []), target]
    }
    this.size = size
    this.#link()
  }

  #step(state: number, column: number): number {
    let child = this.firstChild[state] as number
    while (child !== NONE && this.column[child] !== column) child = this.nextSibling[child] as number
    return child
  }

  /** Breadth first, so that shorter suffixes are done: what ends in a state's suffix ends in the state, too. */
  #link(): void {
    const queue = new Int32Array(this.size)
    let tail = 1
    for (let head = 0; head < tail; head++) {
      const state = queue[head] as number
      for (let child = this.firstChild[state] as number; child !== NONE; child = this.nextSibling[child] as number) {
        queue[tail++] = child
        if (state === ROOT) continue
        const column = this.column[child] as number
        let suffix = this.fail[state] as number
        let next = this.#step(suffix, column)
        while (next === NONE && suffix !== ROOT) {
          suffix = this.fail[suffix] as number
          next = this.#step(suffix, column)
        }
        if (next === NONE) continue
        this.fail[child] = next
        const inherited = this.outputs[next]
        if (inherited) this.outputs[child] = [...(this.outputs[child] ?? []), ...inherited]
      }
    }
  }
}
