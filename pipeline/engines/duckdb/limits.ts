const MiB = 1024 * 1024

/** The bounds of the DuckDB event store. Each can be set when it is opened. */
export interface StoreLimits {
  /** Columns of one pipe's table. Every column costs each batch about 0.05 ms and each row about 0.1 µs, used or not;
   * what comes later is kept in one JSON column, found all the same, 30 times slower. */
  readonly columnsMax: number
  /** Of these, the columns that members of records may take. The rest is for OCSF's, so that a sender of many names
   * cannot push the normal form out of its columns. */
  readonly recordColumnsMax: number
  /** Members inside members that become names of their own; what is deeper stays JSON. */
  readonly depthMax: number
  /** A longer name is kept in the JSON column. */
  readonly nameCharsMax: number
  /** What DuckDB may hold in memory, all searches and appends together; above it, it spills to `<dir>/spill`. */
  readonly memoryBytesMax: number
  readonly spillBytesMax: number
  readonly threads: number
  /** Write-ahead log that is folded into the database at once. More makes the fold rarer, and a start after a crash
   * longer (about 1 s for each 100 MiB). */
  readonly checkpointBytes: number
  /** Free room on the disk below which nothing more is written: a fold needs some of its own. */
  readonly freeBytesMin: number
  /** Searches running at a time, each on its own connection. */
  readonly searchesMax: number
  /** Searches that wait for one of these; above it, 429. */
  readonly searchesWaitingMax: number
  /** Time of one search, waiting excluded; then it is interrupted. */
  readonly searchMsMax: number
  /** Values of one answer, as JSON text. Above it the answer ends early, with a cursor where one is possible. */
  readonly answerBytesMax: number
}

export const storeLimitDefaults: StoreLimits = {
  columnsMax: 512,
  recordColumnsMax: 384,
  depthMax: 32,
  nameCharsMax: 256,
  memoryBytesMax: 512 * MiB,
  spillBytesMax: 10 * 1024 * MiB,
  threads: 2,
  checkpointBytes: 128 * MiB,
  freeBytesMin: 512 * MiB,
  searchesMax: 2,
  searchesWaitingMax: 32,
  searchMsMax: 30_000,
  answerBytesMax: 64 * MiB,
}
