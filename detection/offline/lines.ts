import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { LINE_BYTES_MAX } from '../limits.ts'
import type { InputFile } from './input-file.ts'

const NEWLINE = 10

/** Part of a plain file: the lines that begin in it. */
export interface FileRange {
  readonly from: number
  readonly to: number
}

export interface LineVisitor {
  /** Where the bytes of plain files are read into. */
  readonly space: Buffer
  /** Whole lines with their ends; the bytes are valid only during the call. */
  block(bytes: Buffer): void
  /** A single line without its end; its bytes are valid only during the call. */
  line(bytes: Buffer): void
  /** A line over `LINE_BYTES_MAX`, which is passed over. */
  tooLong(): void
  /** Bytes of the file, as it lies on disk, that were read. */
  progress(bytes: number): void
}

/** Visits the lines of a file, or those that begin in a range of it, inflating as it goes.
 * @throws what reading and inflating throw */
export async function readLines(file: InputFile, range: FileRange | undefined, visitor: LineVisitor): Promise<void> {
  const splitter = new LineSplitter(visitor, range)
  // One byte back: a line begins at `from` only if the one before ends there.
  const start = range ? Math.max(0, range.from - 1) : 0
  const chunks = file.compression === 'none' ? readPlain(file, start, visitor) : inflate(file, visitor)
  for await (const chunk of chunks) if (splitter.push(chunk)) break
  splitter.end()
}

/** The file's bytes, all in one buffer, which the next chunk overwrites. */
async function* readPlain(file: InputFile, start: number, visitor: LineVisitor): AsyncGenerator<Buffer> {
  await using handle = await open(file.path)
  const buffer = visitor.space
  for (let position = start; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    visitor.progress(bytesRead)
    yield buffer.subarray(0, bytesRead)
  }
}

async function* inflate(file: InputFile, visitor: LineVisitor): AsyncGenerator<Buffer> {
  const source = createReadStream(file.path, { highWaterMark: visitor.space.length })
  source.on('data', (chunk) => visitor.progress(chunk.length))
  const options = { chunkSize: visitor.space.length }
  const inflater = file.compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  try {
    yield* pipeline(source, inflater, () => undefined) as AsyncIterable<Buffer>
  } finally {
    source.destroy()
    inflater.destroy()
  }
}

class LineSplitter {
  readonly #visitor: LineVisitor
  readonly #to: number
  #position: number
  #skipping: boolean
  #rest: Buffer[] = []
  #restBytes = 0
  #tooLong = false

  constructor(visitor: LineVisitor, range: FileRange | undefined) {
    this.#visitor = visitor
    this.#position = range && range.from > 0 ? range.from - 1 : 0
    this.#skipping = range !== undefined && range.from > 0
    this.#to = range?.to ?? Number.POSITIVE_INFINITY
  }

  /** @returns whether the range is done */
  push(chunk: Buffer): boolean {
    const isDone = this.#take(chunk)
    this.#position += chunk.length
    return isDone
  }

  #take(chunk: Buffer): boolean {
    let from = 0
    if (this.#skipping) {
      from = chunk.indexOf(NEWLINE) + 1
      if (from === 0) return false
      this.#skipping = false
    }
    if (this.#restBytes > 0) {
      const end = chunk.indexOf(NEWLINE, from)
      if (end < 0) {
        this.#keep(chunk.subarray(from))
        return false
      }
      this.#emit(chunk.subarray(from, end))
      from = end + 1
    }
    if (this.#position + from >= this.#to) return true
    // The last line that begins before `to` ends at the first newline from `to` - 1 on.
    const last = Math.max(from, this.#to - 1 - this.#position)
    const cut = last < chunk.length ? chunk.indexOf(NEWLINE, last) : -1
    const end = (cut < 0 ? Math.max(from - 1, chunk.lastIndexOf(NEWLINE)) : cut) + 1
    if (end > from) this.#visitor.block(chunk.subarray(from, end))
    if (cut >= 0) return true
    if (end < chunk.length) this.#keep(chunk.subarray(end))
    return false
  }

  end(): void {
    if (this.#restBytes > 0) this.#emit(Buffer.alloc(0))
  }

  #keep(piece: Buffer): void {
    this.#restBytes += piece.length
    if (this.#restBytes > LINE_BYTES_MAX) {
      this.#tooLong = true
      this.#rest = []
    } else this.#rest.push(Buffer.from(piece))
  }

  #emit(piece: Buffer): void {
    if (this.#tooLong || this.#restBytes + piece.length > LINE_BYTES_MAX) this.#visitor.tooLong()
    else if (this.#restBytes === 0) this.#visitor.line(piece)
    else this.#visitor.line(Buffer.concat([...this.#rest, piece]))
    this.#rest = []
    this.#restBytes = 0
    this.#tooLong = false
  }
}
