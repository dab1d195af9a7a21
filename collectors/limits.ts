/** Bounds of what one record may cost to understand. Beyond them the record is kept raw with `parseError`. */
export const PARSE_LIMITS = {
  /** Longer records are not looked into: the parsers are linear, but a worker has other shards to serve. */
  recordBytesMax: 1024 * 1024,
  /** Objects and arrays inside one another. Deeper JSON is an attack on recursive readers further on. */
  depthMax: 32,
  /** Members and array elements of one record, at all levels together: each may become a column or a row of an index. */
  membersMax: 2000,
  /** Columns of a CSV header, and members of a structured-data element, CEF or LEEF extension. */
  columnsMax: 1000,
  /** Distinct CSV headers a parser remembers; the oldest is forgotten. */
  csvHeadersMax: 32,
  /** Values listed in `observables`; a script that names thousands of hosts must not become thousands of rows. */
  observablesMax: 64,
  /** An observable is matched against indicators, none of which is longer. */
  observableCharsMax: 4096,
} as const

/** Bounds on the time a record claims. Outside them the receive time is taken and the record is marked. */
export const TIME_LIMITS = {
  /** A sender whose clock is further ahead would hide its events from every "last hour" and hold back watermarks. */
  aheadMsMax: 24 * 60 * 60 * 1000,
  /** 1990-01-01: an earlier instant is a clock that was never set, or no time at all. */
  atMin: Date.UTC(1990, 0, 1),
} as const
