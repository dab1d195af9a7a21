/** Answers that are remembered for keys asked for lately: at most twice `max`, in two generations, so that forgetting costs
 * nothing. */
export class RecentlyAsked<Answer> {
  readonly #max: number
  #young = new Map<string, Answer>()
  #old = new Map<string, Answer>()

  constructor(max: number) {
    this.#max = max
  }

  get(key: string, answer: () => Answer): Answer {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const known = this.#old.get(key) ?? answer()
    if (this.#young.size >= this.#max) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, known)
    return known
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}
