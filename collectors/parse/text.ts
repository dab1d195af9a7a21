import { isUtf8 } from 'node:buffer'

/** Bytes as text. */
export interface DecodedText {
  readonly text: string
  /** False when the bytes are no UTF-8: then each byte is the character of its number (ISO 8859-1), so that nothing is
   * lost and what is ASCII can still be matched. */
  readonly isUtf8: boolean
}

/** The text of a record; a byte order mark in front is taken off. */
export function decodeText(payload: Uint8Array): DecodedText {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const marked = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const body = marked ? bytes.subarray(3) : bytes
  return isUtf8(body) ? { text: body.toString('utf8'), isUtf8: true } : { text: body.toString('latin1'), isUtf8: false }
}
