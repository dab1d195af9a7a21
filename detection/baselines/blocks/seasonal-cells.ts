export interface SeasonalCellsState {
  /** By cell; null = never visited. */
  readonly means: readonly (number | null)[]
  readonly visit: { readonly cell: number; readonly sum: number; readonly count: number } | null
}

export interface SeasonalCellsOptions {
  /** The cycle, such as a day. */
  readonly cycleMs: number
  /** The stretch of the cycle that shares one mean. */
  readonly cellMs: number
  /** What share of a cell's mean the latest visit makes up. */
  readonly weight: number
}

/** What is usual at this time of the day (or week): an exponentially weighted mean for each cell of the cycle, in UTC.
 * A visit of a cell counts once it is over, so a value is never compared with itself, nor with its own hour.
 * @see Holt 1957, Winters 1960: exponentially weighted seasonals (level and trend are left to other features) */
export class SeasonalCells {
  readonly #options: SeasonalCellsOptions
  readonly #means: (number | null)[]
  #visit: { cell: number; sum: number; count: number } | null

  constructor(options: SeasonalCellsOptions, state?: SeasonalCellsState) {
    this.#options = options
    this.#means = state
      ? [...state.means]
      : new Array<number | null>(Math.ceil(options.cycleMs / options.cellMs)).fill(null)
    this.#visit = state?.visit ? { ...state.visit } : null
  }

  /** How far `value` is from what is usual at this time, undefined where nothing is yet; then takes it in. */
  residual(at: number, value: number): number | undefined {
    const { cellMs } = this.#options
    const cell = Math.floor(at / cellMs)
    if (this.#visit && this.#visit.cell !== cell) this.#end(this.#visit)
    this.#visit ??= { cell, sum: 0, count: 0 }
    this.#visit.sum += value
    this.#visit.count += 1
    const usual = this.#means[this.#place(cell)]
    return typeof usual === 'number' ? value - usual : undefined
  }

  #end({ cell, sum, count }: { cell: number; sum: number; count: number }): void {
    const place = this.#place(cell)
    const usual = this.#means[place]
    const mean = sum / count
    this.#means[place] = typeof usual === 'number' ? usual + this.#options.weight * (mean - usual) : mean
    this.#visit = null
  }

  #place(cell: number): number {
    const cells = this.#means.length
    return ((cell % cells) + cells) % cells
  }

  save(): SeasonalCellsState {
    return { means: [...this.#means], visit: this.#visit ? { ...this.#visit } : null }
  }
}
