import type { Columns } from './columns.ts'

/** A literal to look for, folded, and the number it is told by. */
export interface Literal {
  readonly text: string
  readonly target: number
}

export const ROOT = 0
/** No state. */
export const NONE = -1

/** Literals as a tree, each state with its steps, its longest proper suffix, and what ends there. */
export class Trie {
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
