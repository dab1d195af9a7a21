import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { joinParts, readingState, splitParts } from '../../online/shard-state.ts'
import type { Savable, Saved } from '../blocks/savable.ts'
import { SAVED_PIECE_CHARS, STATE_PIECE_BYTES_MAX } from '../limits.ts'

/** A line of a piece: the table's name, the entry's place in the order of use, its key and value, and when a newcomer was met.
 * @see Saved */
type Line = readonly [table: string, rank: number, ...Saved<unknown>[number]]

/** Saves what a model has learned, as it is when this is made, little by little while the model learns on. */
export class GradualSave {
  readonly #tables: (() => boolean)[]
  readonly #pieces: Uint8Array[] = []
  #lines: string[] = []
  #chars = 0
  /** Written since it was asked last. */
  #written = 0

  /** @param head is kept beside the model */
  constructor(head: object, { rest, tables }: Savable) {
    this.#push(JSON.stringify([head, rest]))
    this.#tables = Object.entries(tables).map(([name, table]) => {
      const quoted = JSON.stringify(name)
      return table.walk((key, value, rank, met) =>
        this.#push(`[${quoted},${rank},${JSON.stringify(key)},${JSON.stringify(value)},${met}]`),
      )
    })
  }

  /** Goes on until all is written, or somewhat more than `charsMax` since it was called last.
   * @returns the state when it is whole, and the characters that are left */
  step(charsMax: number): { readonly bytes?: Uint8Array; readonly left: number } {
    for (let next = this.#tables[0]; next !== undefined; next = this.#tables[0]) {
      while (this.#written < charsMax && next());
      if (this.#written >= charsMax) {
        this.#written = 0
        return { left: 0 }
      }
      this.#tables.shift()
    }
    this.#close()
    const bytes = joinParts({}, new Map(this.#pieces.map((piece, i) => [String(i), piece])))
    return { bytes, left: charsMax - this.#written }
  }

  #push(line: string): void {
    this.#lines.push(line)
    this.#chars += line.length
    this.#written += line.length
    if (this.#chars >= SAVED_PIECE_CHARS) this.#close()
  }

  #close(): void {
    const text = this.#lines.join('\n')
    this.#pieces.push(zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }))
    this.#lines = []
    this.#chars = 0
  }
}

/** What was saved: the head, and the model whole.
 * @param readHead gives undefined for what is no head
 * @throws detection.state.unreadable */
export function readSaved<Head>(
  bytes: Uint8Array,
  readHead: (json: unknown) => Head | undefined,
): { readonly head: Head; readonly model: Record<string, unknown> } {
  return readingState(() => {
    const { parts } = splitParts(bytes)
    const lines = [...parts.values()].flatMap((piece) =>
      zstdDecompressSync(piece, { maxOutputLength: STATE_PIECE_BYTES_MAX })
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== ''),
    )
    const [first, rest] = JSON.parse(lines.shift() ?? '') as [unknown, Record<string, unknown>]
    const head = readHead(first)
    if (head === undefined) return undefined
    const tables = new Map<string, (readonly [rank: number, ...Saved<unknown>[number]])[]>()
    for (const line of lines) {
      const [table, ...entry] = JSON.parse(line) as Line
      const entries = tables.get(table)
      if (entries) entries.push(entry)
      else tables.set(table, [entry])
    }
    const model: Record<string, unknown> = { ...rest }
    for (const [name, entries] of tables) model[name] = entries.sort(([a], [b]) => a - b).map(([, ...entry]) => entry)
    return { head, model }
  })
}
