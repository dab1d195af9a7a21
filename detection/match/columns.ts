import { unitsFoldingTo } from './fold.ts'

const ASCII = 128
/** The column of characters that stand in no literal. */
const OTHER = 0
const FIRST = 1

/** Numbers the characters of some folded literals, so that a table has a column for each: characters that differ only in
 * case share one. */
export class Columns {
  /** How many columns there are. */
  readonly count: number
  /** Columns of ASCII characters. */
  readonly ascii: Uint8Array
  readonly #wide = new Map<number, number>()

  constructor(literals: Iterable<string>) {
    this.ascii = new Uint8Array(ASCII)
    let count = FIRST
    for (const literal of literals) {
      for (let i = 0; i < literal.length; i++) {
        const unit = literal.charCodeAt(i)
        if (this.of(unit) !== OTHER) continue
        for (const same of unitsFoldingTo(unit)) {
          if (same < ASCII) this.ascii[same] = count
          else this.#wide.set(same, count)
        }
        count++
      }
    }
    this.count = count
  }

  of(unit: number): number {
    return unit < ASCII ? (this.ascii[unit] as number) : (this.#wide.get(unit) ?? OTHER)
  }
}
