import { findByte } from './find-byte.ts'

/** A stretch of bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** The first byte from `at` on that is no white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let i = at
  while (i < bytes.length && isSpace(bytes[i])) i += 1
  return i
}

/** The byte after the string whose opening quote is at `at`; -1 when it does not end. */
function endOfString(bytes: Buffer, at: number): number {
  for (let quote = findByte(bytes, QUOTE, at + 1); quote >= 0; quote = findByte(bytes, QUOTE, quote + 1)) {
    let slashes = 0
    while (bytes[quote - 1 - slashes] === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return quote + 1
  }
  return -1
}

/** The byte after the value that starts at `at`, by its brackets and strings alone; -1 when it does not end. Nesting
 * costs a counter, not stack. */
export function endOfValue(bytes: Buffer, at: number): number {
  const first = bytes[at]
  if (first === QUOTE) return endOfString(bytes, at)
  let i = at
  if (first !== OPEN_ARRAY && first !== OPEN_OBJECT) {
    while (i < bytes.length) {
      const byte = bytes[i]
      if (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isSpace(byte)) break
      i += 1
    }
    return i
  }
  let depth = 0
  while (i < bytes.length) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = endOfString(bytes, i)
      if (i < 0) return -1
      continue
    }
    i += 1
    if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth += 1
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth -= 1
      if (depth === 0) return i
    }
  }
  return -1
}

/** Where an array could not be taken apart. */
export interface ArrayProblem {
  readonly offset: number
  readonly problem: string
}

/** Calls `onElement` with the place of each element of the array whose bracket is at `at`, without parsing any. Gives
 * the byte after the array, or the problem. */
export function scanArray(
  bytes: Buffer,
  at: number,
  onElement: (span: Span) => void,
): { readonly end: number } | ArrayProblem {
  let i = skipSpace(bytes, at + 1)
  if (bytes[i] === CLOSE_ARRAY) return { end: i + 1 }
  for (;;) {
    const start = i
    const byte = bytes[start]
    if (start >= bytes.length) return { offset: start, problem: 'the array does not end' }
    if (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      return { offset: start, problem: 'an element is missing' }
    }
    const end = endOfValue(bytes, start)
    if (end < 0) return { offset: start, problem: 'an element does not end' }
    onElement({ start, end })
    i = skipSpace(bytes, end)
    if (bytes[i] === CLOSE_ARRAY) return { end: i + 1 }
    if (bytes[i] !== COMMA) {
      return { offset: i, problem: i >= bytes.length ? 'the array does not end' : 'a comma is missing' }
    }
    i = skipSpace(bytes, i + 1)
  }
}

/** Where the array of a CloudTrail file (`{"Records":[…]}`) opens; undefined for any other object. */
export function findRecordsArray(bytes: Buffer, at: number): number | undefined {
  const front = /^\{\s{0,8}"Records"\s{0,8}:\s{0,8}\[/.exec(bytes.toString('latin1', at, at + 64))
  return front === null ? undefined : at + front[0].length - 1
}
