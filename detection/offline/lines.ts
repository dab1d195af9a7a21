import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { DOCUMENT_BYTES_MAX, HEAD_BYTES, LINE_BYTES_MAX } from '../limits.ts'
import { ChunkSplitter } from './chunks.ts'
import type { FileRange, FileVisitor, Way } from './file-visitor.ts'
import type { InputFile } from './input-file.ts'

const NEWLINE = 10

/** Visits the lines or the chunks of a file, or those that begin in a range of it, inflating as it goes.
 * @throws what reading and inflating throw, and for a document over `DOCUMENT_BYTES_MAX` */
export async function visitFile(file: InputFile, range: FileRange | undefined, visitor: FileVisitor): Promise<void> {
  // One byte back: a line begins at `from` only if the one before ends there.
  const start = range ? Math.max(0, range.from - 1) : 0
  const read = chunksOf(file, start, visitor)
  let chunks = read
  try {
    let front: Front = { pieces: [], marked: 0, isWhole: false }
    let way: Way | undefined = visitor.way
    if (start === 0) {
      front = await takeFront(chunks)
      const encoding = wideEncodingOf(front)
      if (encoding) {
        chunks = decodeWide(front.pieces, chunks, encoding, visitor.space.length)
        front = await takeFront(chunks)
      }
      const { pieces, isWhole } = front
      const [first] = pieces
      way = visitor.begin(first && pieces.length === 1 ? first : Buffer.concat(pieces), isWhole)
      if (way === undefined) return
      if (way === 'document') front = { ...front, pieces: await takeDocument(pieces, chunks, visitor) }
    }
    const splitter =
      typeof way === 'object'
        ? new ChunkSplitter(visitor, range, { ...way, position: start })
        : new LineSplitter(visitor, range, front.marked)
    const isDone = front.pieces.some((piece) => splitter.push(piece))
    if (!isDone) for await (const chunk of chunks) if (splitter.push(chunk)) break
    splitter.end()
  } finally {
    await read.return(undefined)
  }
}

/** The file's bytes in pieces no larger than the visitor's space. Each is valid until the next. */
function chunksOf(file: InputFile, start: number, visitor: FileVisitor): AsyncGenerator<Buffer, void, undefined> {
  if (file.stream) return readStream(file.stream, visitor)
  return file.compression === 'none' ? readPlain(file, start, visitor) : inflate(file, visitor)
}

/** What was read to know the form of a file. */
interface Front {
  readonly pieces: readonly Buffer[]
  /** Bytes of the byte order mark, which is left out. */
  readonly marked: number
  readonly isWhole: boolean
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf])

async function takeFront(chunks: AsyncGenerator<Buffer, void>): Promise<Front> {
  const pieces: Buffer[] = []
  let isWhole = false
  for (let bytes = 0; bytes < HEAD_BYTES && !isWhole; ) {
    const { value, done } = await chunks.next()
    if (done) isWhole = true
    else {
      bytes += value.length
      // The next overwrites it.
      pieces.push(bytes < HEAD_BYTES ? Buffer.from(value) : value)
    }
  }
  const [first] = pieces
  if (!first?.subarray(0, MARK.length).equals(MARK)) return { pieces, marked: 0, isWhole }
  return { pieces: [first.subarray(MARK.length), ...pieces.slice(1)], marked: MARK.length, isWhole }
}

/** UTF-16 with its mark, as PowerShell and the tools of Windows write it. */
function wideEncodingOf({ pieces }: Front): 'utf-16le' | 'utf-16be' | undefined {
  const [low, high] = pieces[0] ?? []
  if (low === 0xff && high === 0xfe) return 'utf-16le'
  return low === 0xfe && high === 0xff ? 'utf-16be' : undefined
}

/** As UTF-8, in pieces of at most `size` bytes: two bytes become three at most. */
async function* decodeWide(
  front: readonly Buffer[],
  chunks: AsyncGenerator<Buffer, void>,
  encoding: 'utf-16le' | 'utf-16be',
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new TextDecoder(encoding)
  const step = size >>> 1
  const decode = function* (bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += step) {
      yield Buffer.from(decoder.decode(bytes.subarray(at, at + step), { stream: true }))
    }
  }
  for (const piece of front) yield* decode(piece)
  for await (const chunk of chunks) yield* decode(chunk)
  yield Buffer.from(decoder.decode())
}

/** Has the visitor take all bytes at once. @returns those that are to be visited as lines after all, in pieces */
async function takeDocument(
  front: readonly Buffer[],
  chunks: AsyncGenerator<Buffer, void>,
  visitor: FileVisitor,
): Promise<readonly Buffer[]> {
  const pieces = front.map((piece) => Buffer.from(piece))
  let bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > DOCUMENT_BYTES_MAX) {
      const limit = DOCUMENT_BYTES_MAX / 1024 / 1024
      throw new Error(
        `JSON that has not an event a line is read up to ${limit} MiB; give it one a line, as with \`jq -c '.[]'\` or \`jq -c '.Records[]'\``,
      )
    }
    pieces.push(Buffer.from(chunk))
  }
  const whole = Buffer.concat(pieces)
  if (visitor.document(whole)) return []
  const size = visitor.space.length
  return Array.from({ length: Math.ceil(bytes / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size))
}

/** The file's bytes, all in one buffer, which the next chunk overwrites. Read at once: handing a read to another thread takes
 * longer than the read. */
async function* readPlain(
  file: InputFile,
  start: number,
  visitor: FileVisitor,
): AsyncGenerator<Buffer, void, undefined> {
  const handle = openSync(file.path, 'r')
  try {
    const buffer = visitor.space
    for (let position = start; ; ) {
      // From the beginning without a place: a pipe has none.
      const bytesRead = readSync(handle, buffer, 0, buffer.length, start === 0 ? null : position)
      if (bytesRead === 0) return
      position += bytesRead
      visitor.progress(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    closeSync(handle)
  }
}

async function* readStream(
  stream: NonNullable<InputFile['stream']>,
  visitor: FileVisitor,
): AsyncGenerator<Buffer, void, undefined> {
  const size = visitor.space.length
  for await (const piece of stream) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : (piece as Buffer)
    visitor.progress(chunk.length)
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
  }
}

async function* inflate(file: InputFile, visitor: FileVisitor): AsyncGenerator<Buffer, void, undefined> {
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
  readonly #visitor: FileVisitor
  readonly #to: number
  #position: number
  #skipping: boolean
  #rest: Buffer[] = []
  #restBytes = 0
  #tooLong = false

  /** @param skipped bytes in front that are not given to it */
  constructor(visitor: FileVisitor, range: FileRange | undefined, skipped: number) {
    this.#visitor = visitor
    this.#position = range && range.from > 0 ? range.from - 1 : skipped
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
