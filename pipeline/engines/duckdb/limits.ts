const MiB = 1024 * 1024

/** The bounds of the DuckDB event store. Each can be set when it is opened. */
export interface StoreLimits {
  /** Columns of one pipe's table. Every one costs each event about 0.1 µs, used or not, while nine tenths of the values
   * of even the most varied sources lie in some two hundred fields. What has no column is kept in one JSON column and
   * found all the same: there a field is slower by its share of the events. */
  readonly columnsMax: number
  /** Of these, the columns that members of records may take. The rest is for OCSF's, so that a sender of many names
   * cannot push the normal form out of its columns. */
  readonly recordColumnsMax: number
  /** As long as a pipe has fewer columns, a new field gets one at once. From there on it has to prove frequent. */
  readonly eagerColumnsMax: number
  /** Frequent is a field with this many values outside a column, */
  readonly frequentCount: number
  /** and in this share of the events since the store was opened. */
  readonly frequentShare: number
  /** Fields whose types are remembered. Values of further names are found as texts. */
  readonly fieldsMax: number
  /** Members inside members that become names of their own; what is deeper stays JSON. */
  readonly depthMax: number
  /** A longer name is kept in the JSON column. */
  readonly nameCharsMax: number
  /** What DuckDB may hold in memory, all searches and appends together; above it, it spills to `<dir>/spill-<pid>`. */
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
  /** Scans open at a time; above it, 429. */
  readonly scansMax: number
  /** Bytes of records that a scan reads at once, and events. One record may be larger. */
  readonly scanBytesMax: number
  readonly scanEventsMax: number
  /** Values of one answer, as JSON text. Above it the answer ends early, with a cursor where one is possible. */
  readonly answerBytesMax: number
}

export const storeLimitDefaults: StoreLimits = {
  columnsMax: 256,
  recordColumnsMax: 192,
  eagerColumnsMax: 128,
  frequentCount: 100,
  frequentShare: 0.01,
  fieldsMax: 2_048,
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
  scansMax: 4,
  scanBytesMax: 4 * MiB,
  scanEventsMax: 4_096,
  answerBytesMax: 64 * MiB,
}
