/** Hashes of the text's suffixes: of the whole first, then, where asked for, of what follows each dot. */
export class SuffixHashes {
  /** Where each suffix begins. */
  readonly starts = new Uint16Array(SUFFIXES_MAX)
  readonly slots = new Uint32Array(SUFFIXES_MAX)
  readonly prints = new Uint32Array(SUFFIXES_MAX)
  count = 0
}

/** Labels of a domain, and the whole. */
const SUFFIXES_MAX = 128

const DOT = 46

/** HalfSipHash-1-3 under a key of 64 bits, over the characters from the last to the first, so that one pass gives the
 * hashes of all parent domains. Keyed, so that nobody can make values that collide. Text is ASCII.
 * @see Aumasson, Bernstein, SipHash (2012), and its half variant */
export function hashText(
  text: string,
  tag: number,
  keys: readonly [number, number],
  withSuffixes: boolean,
  into: SuffixHashes,
): void {
  let v0 = keys[0] ^ tag
  let v1 = keys[1] ^ 0xee
  let v2 = 0x6c796765 ^ keys[0]
  let v3 = 0x74656462 ^ keys[1]
  let word = 0
  let count = 0
  const end = text.length
  for (let at = end - 1; at >= 0; at--) {
    const char = text.charCodeAt(at)
    if (withSuffixes && char === DOT && count < SUFFIXES_MAX - 1)
      finish(into, count++, at + 1, end - at - 1, word, v0, v1, v2, v3)
    word = (word << 8) | char
    if (((end - at) & 3) === 0) {
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
      word = 0
    }
  }
  finish(into, count, 0, end, word, v0, v1, v2, v3)
  into.count = count + 1
}

function finish(
  into: SuffixHashes,
  index: number,
  start: number,
  length: number,
  word: number,
  a: number,
  b: number,
  c: number,
  d: number,
): void {
  const last = (length << 24) | (word & 0xffffff)
  let v0 = a
  let v1 = b
  let v2 = c
  let v3 = d ^ last
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    if (round === 0) {
      v0 ^= last
      v2 ^= 0xee
    }
  }
  into.starts[index] = start
  into.slots[index] = v1 ^ v3
  into.prints[index] = v0 ^ v2
}
