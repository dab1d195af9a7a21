/** Characters of a window of text. */
export const WINDOW_CHARS = 4
/** Marks of windows that are looked for: most windows of a text are none, and cost no more than a look at these. */
const MARKS = 1 << 14

/** Things by a text that has to stand somewhere in another: found by a window of it, so that a text costs its length and not
 * how many things there are. What is found may still be wrong, and is to be compared.   @see Karp, Rabin (1987) */
export class TextIndex<T> {
  readonly #byWindow = new Map<number, T[]>()
  readonly #marks = new Uint16Array(MARKS)

  /** The window of a text that the fewest things have; undefined where the text is shorter than a window. */
  windowOf(text: string): number | undefined {
    let best: number | undefined
    eachWindow(text, (window) => {
      if (best === undefined || this.countAt(window) < this.countAt(best)) best = window
    })
    return best
  }

  countAt(window: number): number {
    return this.#byWindow.get(window)?.length ?? 0
  }

  add(window: number, thing: T): void {
    const there = this.#byWindow.get(window)
    if (there) there.push(thing)
    else {
      this.#byWindow.set(window, [thing])
      this.#mark(window, 1)
    }
  }

  remove(window: number, thing: T): void {
    const left = this.#byWindow.get(window)?.filter((each) => each !== thing) ?? []
    if (left.length > 0) this.#byWindow.set(window, left)
    else if (this.#byWindow.delete(window)) this.#mark(window, -1)
  }

  get isEmpty(): boolean {
    return this.#byWindow.size === 0
  }

  /** Calls back with what may have to stand in this text, some of it more than once. */
  find(text: string, take: (thing: T) => void): void {
    eachWindow(text, (window) => {
      if (this.#marks[window & (MARKS - 1)] === 0) return
      for (const thing of this.#byWindow.get(window) ?? []) take(thing)
    })
  }

  #mark(window: number, by: 1 | -1): void {
    const at = window & (MARKS - 1)
    // One that is full stays marked.
    if (this.#marks[at] !== 0xffff) this.#marks[at] = (this.#marks[at] ?? 0) + by
  }
}

const FACTOR = 0x01000193
const LEAVING = Math.imul(Math.imul(FACTOR, FACTOR), Math.imul(FACTOR, FACTOR))

/** Hashes of all windows of a text, each made of the last. */
function eachWindow(text: string, take: (window: number) => void): void {
  let hash = 0
  for (let at = 0; at < text.length; at++) {
    hash = (Math.imul(hash, FACTOR) + text.charCodeAt(at)) | 0
    if (at >= WINDOW_CHARS) hash = (hash - Math.imul(text.charCodeAt(at - WINDOW_CHARS), LEAVING)) | 0
    if (at >= WINDOW_CHARS - 1) take((hash ^ (hash >>> 15)) >>> 0)
  }
}
