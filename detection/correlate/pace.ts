import {
  CHECKPOINT_AT_ONCE_BYTES,
  CHECKPOINT_SLICE_BYTES,
  CHECKPOINT_SLICE_GROUPS,
  COMPACTION_SLICE_BYTES,
  CORRELATION_SEGMENT_BYTES,
} from '../limits.ts'

/** How much is done on the disk at a time. */
export interface Pace {
  /** Bytes of a file of records before the next one is begun. */
  readonly segmentBytes: number
  /** What a checkpoint does between two batches: groups looked at, and bytes written. */
  readonly sliceGroups: number
  readonly sliceBytes: number
  /** Bytes that are synced at once; for more the disk is not waited for. */
  readonly atOnceBytes: number
  /** Bytes of old records that are looked at between two batches. */
  readonly compactionBytes: number
}

export const usualPace: Pace = {
  segmentBytes: CORRELATION_SEGMENT_BYTES,
  sliceGroups: CHECKPOINT_SLICE_GROUPS,
  sliceBytes: CHECKPOINT_SLICE_BYTES,
  atOnceBytes: CHECKPOINT_AT_ONCE_BYTES,
  compactionBytes: COMPACTION_SLICE_BYTES,
}
