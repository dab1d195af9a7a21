import { findByte } from './find-byte.ts'
import type { Span } from './json-array.ts'

const QUOTE = 0x22
const LF = 0x0a
const CR = 0x0d

/** Calls `onRow` with the place of each row, its line end left out; rows end at a line end outside of quotes. Only a
 * quote at the start of a field opens one, so a stray quote costs nothing.
 * @see RFC 4180 2 */
export function scanCsvRows(bytes: Buffer, delimiter: number, onRow: (span: Span) => void): void {
  let start = 0
  let i = 0
  let isFieldStart = true
  while (start < bytes.length) {
    const byte = bytes[i]
    if (i < bytes.length && byte === QUOTE && isFieldStart) {
      i = endOfQuoted(bytes, i)
      isFieldStart = false
      continue
    }
    if (i >= bytes.length || byte === LF) {
      const end = bytes[i - 1] === CR && i > start ? i - 1 : i
      if (end > start) onRow({ start, end })
      start = i + 1
    }
    isFieldStart = byte === delimiter || byte === LF
    i += 1
  }
}

/** The byte after a quoted field's closing quote; the end of the bytes when there is none. */
function endOfQuoted(bytes: Buffer, at: number): number {
  let close = findByte(bytes, QUOTE, at + 1)
  while (close >= 0 && bytes[close + 1] === QUOTE) close = findByte(bytes, QUOTE, close + 2)
  return close < 0 ? bytes.length : close + 1
}

const delimiters = [',', ';', '\t', '|'] as const

/** The delimiter that a header uses most; a comma when it uses none. */
export function delimiterOf(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, '')
  let best: string = ','
  let bestCount = 0
  for (const delimiter of delimiters) {
    const count = bare.split(delimiter).length - 1
    if (count > bestCount) {
      best = delimiter
      bestCount = count
    }
  }
  return best
}
