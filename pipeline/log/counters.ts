/** What the log has done since it was opened; each only grows, but for `waitingBytes` and `freeBytes`. */
export interface LogCounters {
  appendedRecords: number
  /** Records with their heads, before compression. */
  appendedBytes: number
  /** What went to the disk for them. */
  writtenBytes: number
  /** Writes, each with its sync: `appendedRecords / groups` tells how well they are shared. */
  groups: number
  /** Of this moment: what waits for its sync. */
  waitingBytes: number
  /** Of this moment: what the disk had when it was last asked; -1 before. */
  freeBytes: number
  /** Calls refused. */
  refusedBusy: number
  refusedFull: number
  refusedFailed: number
  segmentsCreated: number
  /** Segments given up after an error of the disk; nothing acknowledged is lost by it. */
  segmentsAbandoned: number
  segmentsDropped: number
  droppedBytes: number
  /** Segments dropped under the hard cap although a consumer still needed them. */
  segmentsDroppedUnread: number
  readRecords: number
  readBytes: number
  /** Damaged stretches met while recovering or reading, each time. */
  gaps: number
  /** Bytes of unfinished writes cut off when the log was opened. */
  tornBytes: number
}

export function zeroCounters(): LogCounters {
  return {
    appendedRecords: 0,
    appendedBytes: 0,
    writtenBytes: 0,
    groups: 0,
    waitingBytes: 0,
    freeBytes: -1,
    refusedBusy: 0,
    refusedFull: 0,
    refusedFailed: 0,
    segmentsCreated: 0,
    segmentsAbandoned: 0,
    segmentsDropped: 0,
    droppedBytes: 0,
    segmentsDroppedUnread: 0,
    readRecords: 0,
    readBytes: 0,
    gaps: 0,
    tornBytes: 0,
  }
}
