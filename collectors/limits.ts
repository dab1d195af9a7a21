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

/** Bounds of one request to the record API. One request is one append, so that it is acknowledged whole or not at all;
 * the log's own bound of a call (32 MiB with all frames) lies above these. */
export const RECORDS_LIMITS = {
  /** The body as sent. */
  bodyBytesMax: 16 * 1024 * 1024,
  /** The body with its encoding taken off. */
  decodedBytesMax: 16 * 1024 * 1024,
  /** Window of a zstd frame: what a decoder must hold beside its output. Covers all levels but `--ultra` and `--long`. */
  zstdWindowLogMax: 23,
  /** Frames of one zstd body. Each costs a decoder of its own; parallel compressors make one a megabyte or so. */
  zstdFramesMax: 1_000,
  /** One record. Longer ones are rejected by index, the rest of the request is taken. */
  recordBytesMax: PARSE_LIMITS.recordBytesMax,
  /** Records of one request; each costs the log a frame. */
  recordsMax: 100_000,
  /** The header line of a CSV, which is stored with each of its rows. */
  csvHeaderBytesMax: 8 * 1024,
  /** Payloads and CSV headers of all records together: a one-byte row must not store 8 KiB a hundred thousand times. */
  storedBytesMax: 20 * 1024 * 1024,
  /** Bodies received and not yet answered, all requests together: above it new bytes are refused with 429. */
  inFlightBytesMax: 128 * 1024 * 1024,
  /** Bodies decoded at a time; each may need `decodedBytesMax`. The others wait. */
  decodesMax: 4,
} as const

/** Bounds of the syslog listeners. */
export interface SyslogLimits {
  /** One message. Longer ones are cut here, marked and counted; the rest is read and thrown away. */
  readonly frameBytesMax: number
  /** Open TCP connections. Above it the one that was silent longest is closed. */
  readonly connectionsMax: number
  /** A connection silent for longer is closed: its sender is gone, or will connect again. */
  readonly idleMs: number
  /** Memory of messages whose end has not arrived, all connections together. Above it the connection that has kept its
   * message open longest is closed. */
  readonly partialBytesMax: number
  /** What one connection may have taken and not durable; above it the connection is not read. */
  readonly connectionWaitingBytesMax: number
  /** The same for all TCP connections together; above it none is read. */
  readonly tcpWaitingBytesMax: number
  /** The same for UDP; above it datagrams are dropped and counted. */
  readonly udpWaitingBytesMax: number
  /** What a record costs in memory beside its payload, so that many short ones count. */
  readonly recordOverheadBytes: number
  /** One append. */
  readonly batchBytesMax: number
  /** Asked of the kernel for datagrams not read yet; `net.core.rmem_max` caps it in silence. */
  readonly udpReceiveBytes: number
  /** Pause before an append that was refused is tried again: the first, doubling up to the last. */
  readonly retryMsMin: number
  readonly retryMsMax: number
  /** At the end: what arrives within this after the last byte is still taken. */
  readonly drainQuietMs: number
  /** At the end: when to leave, durable or not. */
  readonly drainMsMax: number
}

const MiB = 1024 * 1024

export const syslogLimitDefaults: SyslogLimits = {
  frameBytesMax: 64 * 1024,
  connectionsMax: 10_000,
  idleMs: 60 * 60 * 1000,
  partialBytesMax: 64 * MiB,
  connectionWaitingBytesMax: 4 * MiB,
  tcpWaitingBytesMax: 64 * MiB,
  udpWaitingBytesMax: 32 * MiB,
  recordOverheadBytes: 256,
  batchBytesMax: 4 * MiB,
  udpReceiveBytes: 8 * MiB,
  retryMsMin: 50,
  retryMsMax: 2_000,
  drainQuietMs: 100,
  drainMsMax: 6_000,
}
/** Nesting of elements, templates and values in an event of a Windows event log. */
export const EVTX_DEPTH_MAX = 32
/** What is read and written of one chunk of such a log, in tokens and in sixteenths of characters: an event may name the same
 * template, or the same value, over and over again. An ordinary chunk takes some 50,000. */
export const EVTX_STEPS_MAX = 1_000_000
