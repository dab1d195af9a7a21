import { unitsFoldingTo } from './fold.ts'

/** A literal to look for, folded. `atStart` and `atEnd` tie it to the text's ends. */
export interface Needle {
  readonly text: string
  readonly atStart: boolean
  readonly atEnd: boolean
  /** What is told when it is found. */
  readonly target: number
}

const OTHER = 0
const START = 1
const END = 2
const FIRST_CHAR = 3
const HAS_OUTPUT = 0x40000000
const OFFSET = 0x3fffffff
const ASCII = 128

/** Finds all of many literals in one pass over a text, whatever their number, and without regard to case: characters are
 * folded by the table that maps them to columns. State × column → next state is one look-up in a flat table.
 * @see Aho, Corasick: Efficient string matching (1975) */
export class Automaton {
  /** Row offset of the next state, with HAS_OUTPUT where something ends there. */
  readonly #next: Int32Array
  readonly #columns: number
  readonly #ascii: Uint8Array
  readonly #wide: ReadonlyMap<number, number>
  readonly #startRow: number
  readonly #outputs: readonly (readonly number[] | undefined)[]

  constructor(needles: readonly Needle[]) {
    const columnOf = assignColumns(needles)
    this.#columns = columnOf.count
    this.#ascii = columnOf.ascii
    this.#wide = columnOf.wide
    const trie = buildTrie(needles, columnOf)
    this.#outputs = trie.outputs
    this.#next = trie.next
    this.#startRow = (trie.next[START] ?? 0) & OFFSET
  }

  /** Adds the target of each needle in `text` to `found`, repeats included; returns how many now are there. */
  scan(text: string, found: number[], count: number): number {
    const next = this.#next
    const ascii = this.#ascii
    let row = this.#startRow
    let total = count
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      const step = next[row + (code < ASCII ? (ascii[code] as number) : this.#column(code))] as number
      row = step & OFFSET
      if (step >= HAS_OUTPUT) total = this.#tell(row, found, total)
    }
    const last = next[row + END] as number
    return last >= HAS_OUTPUT ? this.#tell(last & OFFSET, found, total) : total
  }

  #tell(row: number, found: number[], count: number): number {
    const targets = this.#outputs[row / this.#columns]
    let total = count
    if (targets) for (let i = 0; i < targets.length; i++) found[total++] = targets[i] as number
    return total
  }

  #column(code: number): number {
    return this.#wide.get(code) ?? OTHER
  }

  /** Bytes of the tables. */
  get sizeBytes(): number {
    return this.#next.byteLength + this.#ascii.byteLength
  }
}

interface Columns {
  readonly count: number
  readonly ascii: Uint8Array
  readonly wide: ReadonlyMap<number, number>
  /** The column of a folded unit. */
  readonly of: ReadonlyMap<number, number>
}

function assignColumns(needles: readonly Needle[]): Columns {
  const of = new Map<number, number>()
  for (const { text } of needles) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (!of.has(code)) of.set(code, FIRST_CHAR + of.size)
    }
  }
  const ascii = new Uint8Array(ASCII)
  const wide = new Map<number, number>()
  for (const [code, column] of of) {
    for (const unit of unitsFoldingTo(code)) {
      if (unit < ASCII) ascii[unit] = column
      else wide.set(unit, column)
    }
  }
  return { count: FIRST_CHAR + of.size, ascii, wide, of }
}

/** Goto and failure function in one table, row by row. */
function buildTrie(
  needles: readonly Needle[],
  columns: Columns,
): { next: Int32Array; outputs: (readonly number[] | undefined)[] } {
  const width = columns.count
  let table = new Int32Array(width * 64)
  let states = 1
  const outputs: (number[] | undefined)[] = [undefined]
  const step = (row: number, column: number): number => {
    const known = table[row + column] as number
    if (known !== 0) return known
    const made = states * width
    states++
    if (made + width > table.length) {
      const larger = new Int32Array(table.length * 2)
      larger.set(table)
      table = larger
    }
    table[row + column] = made
    return made
  }
  // The row after START always is there: scans begin in it.
  step(0, START)
  for (const needle of needles) {
    let row = 0
    if (needle.atStart) row = step(row, START)
    for (let i = 0; i < needle.text.length; i++) {
      row = step(row, columns.of.get(needle.text.charCodeAt(i)) ?? OTHER)
    }
    if (needle.atEnd) row = step(row, END)
    const state = row / width
    const list = outputs[state]
    if (list) list.push(needle.target)
    else outputs[state] = [needle.target]
  }
  return { next: link(table.slice(0, states * width), outputs, width, states), outputs }
}

/** Breadth first: a missing step goes where the longest proper suffix's step goes, and what ends there ends here, too. */
function link(
  table: Int32Array<ArrayBuffer>,
  outputs: (number[] | undefined)[],
  width: number,
  states: number,
): Int32Array {
  const fail = new Int32Array(states)
  const queue = new Int32Array(states)
  let head = 0
  let tail = 0
  for (let column = 0; column < width; column++) {
    const row = table[column] as number
    if (row !== 0) queue[tail++] = row / width
  }
  while (head < tail) {
    const state = queue[head++] as number
    const failRow = (fail[state] as number) * width
    const own = outputs[state]
    const inherited = outputs[fail[state] as number]
    if (inherited) outputs[state] = own ? [...own, ...inherited] : inherited
    for (let column = 0; column < width; column++) {
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
