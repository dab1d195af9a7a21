const ROWS = 3
const WIDTH = 16_384

export interface CountMinState {
  readonly cells: string
  readonly added: number
}

/** How often a thing was added, at the least that and seldom more, in 48 kB however many things there are: Count-Min with
 * conservative update, 3 rows of 16,384 counters up to 255, halved all together after a stretch of additions so that it
 * forgets. Rows are told apart by two halves of one 52-bit hash under a secret key.
 * @see Cormode, Muthukrishnan: An Improved Data Stream Summary, J. Algorithms 55, 2005; Estan, Varghese 2002
 * (conservative update); Kirsch, Mitzenmacher 2006 (double hashing) */
export class CountMin {
  readonly #cells: Uint8Array
  #added: number

  constructor(state?: CountMinState) {
    this.#cells = state ? new Uint8Array(Buffer.from(state.cells, 'base64')) : new Uint8Array(ROWS * WIDTH)
    this.#added = state?.added ?? 0
  }

  add(hash: number): void {
    const least = this.count(hash)
    if (least < 255) {
      for (let row = 0; row < ROWS; row++) {
        const place = placeOf(hash, row)
        if (this.#cells[place] === least) this.#cells[place] = least + 1
      }
    }
    this.#added += 1
    if (this.#added < 4 * WIDTH) return
    this.#added = 0
    for (let i = 0; i < this.#cells.length; i++) this.#cells[i] = (this.#cells[i] ?? 0) >>> 1
  }

  count(hash: number): number {
    let least = 255
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#cells[placeOf(hash, row)] ?? 0)
    return least
  }

  save(): CountMinState {
    return { cells: Buffer.from(this.#cells).toString('base64'), added: this.#added }
  }
}

function placeOf(hash: number, row: number): number {
  const low = hash % 2 ** 32
  const high = Math.floor(hash / 2 ** 32)
  return row * WIDTH + ((low + row * high) % WIDTH)
}
