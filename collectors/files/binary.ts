/** First bytes of files that are no text, what they are, and what to do with those that hold logs. */
const magics: readonly (readonly [bytes: string, what: string])[] = [
  ['\x89PNG\r\n', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['GIF8', 'a GIF picture'],
  ['%PDF-', 'a PDF document'],
  ['PK\x03\x04', 'a ZIP archive: unpack it first'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive: unpack it first'],
  ['BZh', 'packed with bzip2: unpack it first'],
  ['\xfd7zXZ\x00', 'packed with xz: unpack it first'],
  ['\x1f\x8b', 'packed with gzip: give it the ending .gz'],
  ['\x28\xb5\x2f\xfd', 'packed with zstd: give it the ending .zst'],
  ['\x7fELF', 'a program'],
  ['LPKSHHRH', 'a journal of systemd: `journalctl --file FILE -o json` tells its events'],
  ['SQLite format 3\x00', 'a SQLite database'],
  ['\xd4\xc3\xb2\xa1', 'a packet capture'],
  ['\xa1\xb2\xc3\xd4', 'a packet capture'],
  ['\x0a\x0d\x0d\x0a', 'a packet capture'],
]
const TAR_MAGIC_AT = 257

const UTF16 = 'UTF-16 text without a mark: turn it into UTF-8 first, as with `iconv -f UTF-16 -t UTF-8`'

/** Of other bytes than zero, so many in a hundred may be control characters: packed data has ten, text none. */
const CONTROL_PERCENT_MAX = 4
const ZERO_PERCENT_MAX = 30

/** What a file is that begins so and holds no lines of text; undefined for text. Zero bytes alone are no sign: a machine
 * that loses its power leaves stretches of them in its logs. */
export function tellBinary(head: Buffer): string | undefined {
  const front = head.toString('latin1', 0, 16)
  for (const [bytes, what] of magics) if (front.startsWith(bytes)) return what
  if (head.toString('latin1', TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar') return 'a tar archive: unpack it first'
  if (front.startsWith('\xff\xfe') || front.startsWith('\xfe\xff')) return UTF16
  let controls = 0
  const zeros = [0, 0]
  for (let i = 0; i < head.length; i++) {
    const byte = head[i] as number
    if (byte === 0) zeros[i & 1] = (zeros[i & 1] as number) + 1
    else if (byte === 0x7f || (byte < 0x20 && !isTextControl(byte))) controls++
  }
  const [even = 0, odd = 0] = zeros
  const others = head.length - even - odd
  if (others === 0 && head.length > 0) return 'nothing but zero bytes'
  if (controls * 100 > others * CONTROL_PERCENT_MAX) return 'no text'
  // Every second byte: letters of ASCII in two bytes each.
  const isSided = Math.min(even, odd) * 20 < Math.max(even, odd)
  return (even + odd) * 100 > head.length * ZERO_PERCENT_MAX && isSided ? UTF16 : undefined
}

/** Bell, backspace, the white spaces, and what begins a colour. */
function isTextControl(byte: number): boolean {
  return (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b
}
