export interface LetterModelState {
  /** Pairs of letters in a row, by code, and how often they came. */
  readonly counts: readonly (readonly [string, number])[]
}

/** Weight of the shorter context in a longer one's estimate. */
const BACK_OFF = 4
const START = '^'
const END = '$'
/** Letters, digits, the hyphen, the end, and one for all else. */
const ALPHABET = 39

/** How likely a word is, letter by letter, given words learned: trigrams, backed off to bigrams, letters and at last an
 * even spread, each by P(z|xy) = (c(xyz) + k P(z|y)) / (c(xy) + k), k = 4. Holds at most 39³ counts.
 * @see Witten, Bell: The Zero-Frequency Problem, IEEE Trans. Inf. Theory 37, 1991 (back-off by interpolation) */
export class LetterModel {
  readonly #counts: Map<string, number>

  constructor(state?: LetterModelState) {
    this.#counts = new Map(state?.counts)
  }

  learn(word: string): void {
    for (const [two, one, letter] of contexts(word)) {
      for (const context of [two, one, '']) {
        this.#add(`${context}>`)
        this.#add(`${context}>${letter}`)
      }
    }
  }

  /** Mean surprise a letter, in nats: 0 = certain. */
  surprise(word: string): number {
    let sum = 0
    let letters = 0
    for (const [two, one, letter] of contexts(word)) {
      let likely = 1 / ALPHABET
      for (const context of ['', one, two]) {
        const seen = this.#counts.get(`${context}>${letter}`) ?? 0
        likely = (seen + BACK_OFF * likely) / ((this.#counts.get(`${context}>`) ?? 0) + BACK_OFF)
      }
      sum -= Math.log(likely)
      letters += 1
    }
    return sum / letters
  }

  #add(gram: string): void {
    this.#counts.set(gram, (this.#counts.get(gram) ?? 0) + 1)
  }

  save(): LetterModelState {
    return { counts: [...this.#counts] }
  }
}

/** Each letter of the word and its end, with the two and the one letter before. */
function* contexts(word: string): Generator<readonly [two: string, one: string, letter: string]> {
  const letters = [...word.toLowerCase()].map((letter) => (/^[a-z0-9-]$/.test(letter) ? letter : '?'))
  let two = START + START
  for (const letter of [...letters, END]) {
    yield [two, two.slice(1), letter]
    two = two.slice(1) + letter
  }
}
