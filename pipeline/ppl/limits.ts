/** The bounds of a query. They hold before anything is looked up or run. */
export interface QueryLimits {
  readonly queryCharsMax: number
  /** Words, numbers, strings and signs of a query. Each becomes some SQL: more makes planning slow, not searching. */
  readonly tokensMax: number
  readonly commandsMax: number
  /** Brackets and subsearches inside each other. Checking recurses; DuckDB gives up at 1,000. */
  readonly depthMax: number
  /** Values after `in`. */
  readonly listMax: number
  /** A regular expression's text. */
  readonly regexCharsMax: number
  /** Sum of the repetition counts in a pattern, `a{100}b{100}` = 200: a linear-time engine writes each out. Inside each
   * other they may multiply to 1,000, which the engine itself sees to. */
  readonly regexRepeatMax: number
  /** Rows of an answer, and of a sort or dedup that feeds nothing further.   @see PPL, plugins.query.size_limit */
  readonly rowsMax: number
}

export const queryLimits: QueryLimits = {
  queryCharsMax: 64 * 1024,
  tokensMax: 10_000,
  commandsMax: 100,
  depthMax: 64,
  listMax: 2_000,
  regexCharsMax: 2_000,
  regexRepeatMax: 2_000,
  rowsMax: 10_000,
}
