/** Part of a plain file: the lines, or the chunks, that begin in it. */
export interface FileRange {
  readonly from: number
  readonly to: number
}

/** How a file is visited: by its lines, all of it at once, or by chunks of so many bytes from a place on. */
export type Way = 'lines' | 'document' | { readonly from: number; readonly bytes: number }

export interface FileVisitor {
  /** Where the bytes of plain files are read into. */
  readonly space: Buffer
  /** For a part that is not the first. */
  readonly way: Way
  /** The file's first bytes, `HEAD_BYTES` of them at least unless `isWhole`; not called for a part that is not the first.
   * @returns undefined to leave it */
  begin(head: Buffer, isWhole: boolean): Way | undefined
  /** Whole lines with their ends; the bytes are valid only during the call. */
  block(bytes: Buffer): void
  /** A single line without its end; its bytes are valid only during the call. */
  line(bytes: Buffer): void
  /** A line over `LINE_BYTES_MAX`, which is passed over. */
  tooLong(): void
  /** A chunk, or what there is of the last; its bytes are valid only during the call. */
  chunk(bytes: Buffer): void
  /** All of a file. @returns false to have its lines visited instead */
  document(bytes: Buffer): boolean
  /** Bytes of the file, as it lies on disk, that were read. */
  progress(bytes: number): void
}
