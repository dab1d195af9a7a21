/** Hashes of texts under a secret key, so that nobody outside can choose texts that fall together: HalfSipHash-2-4 over
 * UTF-16 code units, 32 or 64 bits. Words of 32 bits are what JavaScript computes with; it is a hash for tables and
 * sketches, not a signature. What it gives is kept with the state of shards. (Indicators have a hash of their own, over
 * ASCII from the last character on: one pass for all parent domains.)
 * @see Aumasson, Bernstein: SipHash, a fast short-input PRF, INDOCRYPT 2012; HalfSipHash of the same authors */
export class KeyedHash {
  readonly #low: number
  readonly #high: number
  /** The other half of the last 64-bit hash. */
  #second = 0

  /** @param key 8 bytes at least */
  constructor(key: Uint8Array) {
    const bytes = Buffer.from(key)
    this.#low = bytes.readInt32LE(0)
    this.#high = bytes.readInt32LE(4)
  }

  /** 32 bits, unsigned. */
  of(text: string): number {
    this.#mix(text)
    return this.#second >>> 0
  }

  /** 52 bits: a whole number that JavaScript and JSON hold exactly. */
  wide(text: string): number {
    const first = this.#mix(text)
    return (first >>> 12) * 2 ** 32 + (this.#second >>> 0)
  }

  /** Two rounds for each word of two letters, and four for either half. They stand here once, in one loop: a function of its
   * own would have the four numbers live on the heap. */
  #mix(text: string): number {
    let v0 = this.#low
    let v1 = this.#high ^ 0xee
    let v2 = this.#low ^ 0x6c796765
    let v3 = this.#high ^ 0x74656462
    const { length } = text
    const wordsEnd = 2 * ((length >>> 1) + 1)
    let first = 0
    let word = 0
    for (let i = 0; i < wordsEnd + 8; i++) {
      if (i < wordsEnd) {
        if ((i & 1) === 0) {
          if (i + 1 < length) word = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
          // The length closes the last word, so that no text is the beginning of another.
          else word = (length << 24) | (i < length ? text.charCodeAt(i) : 0)
          v3 ^= word
        }
      } else if (i === wordsEnd) v2 ^= 0xee
      else if (i === wordsEnd + 4) {
        first = v1 ^ v3
        v1 ^= 0xdd
      }
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
      if (i < wordsEnd && (i & 1) === 1) v0 ^= word
    }
    this.#second = v1 ^ v3
    return first
  }
}
