/** A hash of texts that cannot be foreseen without its key: who chooses what is hashed cannot choose where it lands.
 * @see Aumasson, Bernstein: SipHash, a fast short-input PRF (2012); HalfSipHash is its form for words of 32 bits, here with
 * two rounds a word and four at the end */
export class HalfSipHash {
  readonly #low: number
  readonly #high: number

  /** @param key two words of 32 bits */
  constructor([low, high]: readonly [number, number]) {
    this.#low = low | 0
    this.#high = high | 0
  }

  /** Of a number of 32 bits and a text, whose UTF-16 units go two to a word.   @returns 32 bits, unsigned */
  hash(number: number, text: string): number {
    const { length } = text
    const words = 2 + ((length + 1) >> 1)
    let a = this.#low
    let b = this.#high
    let c = this.#low ^ 0x6c796765
    let d = this.#high ^ 0x74656462
    for (let at = 0; at <= words; at++) {
      // Number and length lead, so that no text is the beginning of another.
      let word = at === 0 ? number : length
      if (at === words) {
        word = 0
        c ^= 0xff
      } else if (at > 1) {
        word = text.charCodeAt(2 * at - 4) | ((2 * at - 3 < length ? text.charCodeAt(2 * at - 3) : 0) << 16)
      }
      d ^= word
      for (let rounds = at === words ? 4 : 2; rounds > 0; rounds--) {
        a = (a + b) | 0
        b = ((b << 5) | (b >>> 27)) ^ a
        a = (a << 16) | (a >>> 16)
        c = (c + d) | 0
        d = ((d << 8) | (d >>> 24)) ^ c
        a = (a + d) | 0
        d = ((d << 7) | (d >>> 25)) ^ a
        c = (c + b) | 0
        b = ((b << 13) | (b >>> 19)) ^ c
        c = (c << 16) | (c >>> 16)
      }
      a ^= word
    }
    return (b ^ d) >>> 0
  }
}
