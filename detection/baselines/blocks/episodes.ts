export interface EpisodesState {
  readonly quietRows: number
  readonly peak: number
}

/** Rows after a told one within which only a clearly larger surprise is told. */
const QUIET_ROWS = 100
const CLEARLY = 1.1
/** Surprise, in decades, that is told at all. */
const TOLD_MIN = 2
/** The surprise at which the score is one half: once in a million. */
const HALF_DECADES = 6

/** Turns surprise, in decades, into a score, and tells an episode once: s/(s+6), so 0.5 is once in a million rows and 0.33
 * once in a thousand; in the 100 rows after a told row only what surprises 10 % more than it is told again. */
export class Episodes {
  #quietRows: number
  #peak: number

  constructor(state?: EpisodesState) {
    this.#quietRows = state?.quietRows ?? 0
    this.#peak = state?.peak ?? 0
  }

  score(decades: number): number {
    this.#quietRows = Math.max(0, this.#quietRows - 1)
    const least = this.#quietRows > 0 ? this.#peak * CLEARLY : TOLD_MIN
    if (decades <= least) return 0
    this.#quietRows = QUIET_ROWS
    this.#peak = decades
    return decades / (decades + HALF_DECADES)
  }

  save(): EpisodesState {
    return { quietRows: this.#quietRows, peak: this.#peak }
  }
}
