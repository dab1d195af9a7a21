import type { FileRange, FileVisitor } from './file-visitor.ts'

/** Cuts what is pushed into chunks: those that begin in a range of the file. */
export class ChunkSplitter {
  readonly #visitor: FileVisitor
  readonly #to: number
  readonly #chunk: Buffer
  #filled = 0
  /** Where in the file the next byte stands that is pushed, and the next that is wanted. */
  #position: number
  #wanted: number

  /** @param form from: of the first chunk; bytes: of each; position: of the first byte that will be pushed */
  constructor(
    visitor: FileVisitor,
    range: FileRange | undefined,
    { from, bytes, position }: { readonly from: number; readonly bytes: number; readonly position: number },
  ) {
    this.#visitor = visitor
    this.#to = range?.to ?? Number.POSITIVE_INFINITY
    this.#chunk = Buffer.allocUnsafe(bytes)
    this.#position = position
    this.#wanted = from + bytes * Math.max(0, Math.ceil(((range?.from ?? 0) - from) / bytes))
  }

  /** @returns whether the range is done */
  push(piece: Buffer): boolean {
    let at = Math.min(piece.length, this.#wanted - this.#position)
    this.#position += piece.length
    while (at < piece.length) {
      if (this.#filled === 0 && this.#wanted >= this.#to) return true
      const copied = piece.copy(this.#chunk, this.#filled, at)
      at += copied
      this.#filled += copied
      this.#wanted += copied
      if (this.#filled === this.#chunk.length) this.#emit()
    }
    return false
  }

  end(): void {
    if (this.#filled > 0) this.#emit()
  }

  #emit(): void {
    this.#visitor.chunk(this.#chunk.subarray(0, this.#filled))
    this.#filled = 0
  }
}
