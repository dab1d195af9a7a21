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

/** Whether a row goes on after this line of it: a quoted field is open at its end.
 * @param isOpen whether one is at its beginning */
export function isOpenAfter(line: Buffer, delimiter: number, isOpen: boolean): boolean {
  for (let at = isOpen ? closeOfQuoted(line, 0) : 0; at >= 0; ) {
    const quote = findByte(line, QUOTE, at)
    if (quote < 0) return false
    at = quote === 0 || line[quote - 1] === delimiter ? closeOfQuoted(line, quote + 1) : quote + 1
  }
  return true
}

/** The byte after the quote that closes a field, from inside of it; -1 when there is none. */
function closeOfQuoted(bytes: Buffer, from: number): number {
  let close = findByte(bytes, QUOTE, from)
  while (close >= 0 && bytes[close + 1] === QUOTE) close = findByte(bytes, QUOTE, close + 2)
  return close < 0 ? -1 : close + 1
}

/** The byte after a quoted field's closing quote; the end of the bytes when there is none. */
function endOfQuoted(bytes: Buffer, at: number): number {
  const close = closeOfQuoted(bytes, at + 1)
  return close < 0 ? bytes.length : close
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
