import { defineErrors, RampartError } from '../../../platform/index.ts'
import type { StoreLimits } from './limits.ts'

/** What the event store can refuse or fail with. */
export const storeError = defineErrors({
  'pipeline.store.locked': { status: 503, title: 'The event store is in use' },
  'pipeline.store.closed': { status: 503, title: 'The event store is closed' },
  'pipeline.store.unreadable': { status: 500, title: 'The event store cannot be opened' },
  'pipeline.store.full': { status: 503, title: 'The disk has no room' },
  'pipeline.store.failed': { status: 503, title: 'The event store failed' },
  'pipeline.scan.busy': { status: 429, title: 'Too many readings of stored events at a time' },
  'pipeline.scan.closed': { status: 409, title: 'The reading of stored events was ended' },
  'pipeline.query.busy': { status: 429, title: 'Too many searches at a time' },
  'pipeline.query.tooSlow': { status: 422, title: 'The search takes too long' },
  'pipeline.query.tooHeavy': { status: 422, title: 'The search needs too much memory' },
  'pipeline.query.overflow': { status: 422, title: 'A number is too large' },
  'pipeline.query.failed': { status: 422, title: 'The search cannot be run' },
  'pipeline.query.badCursor': { status: 422, title: 'Not the cursor of this search' },
  'pipeline.query.staleCursor': { status: 409, title: 'The cursor is no longer valid' },
  'pipeline.store.tooManyFields': { status: 422, title: 'Too many fields for a pipe' },
})

/** True when DuckDB will do nothing more with the database until it is opened again. */
export function isFatal(error: unknown): boolean {
  const cause = error instanceof RampartError ? error.cause : error
  return cause instanceof Error && /^FATAL|has been invalidated/i.test(cause.message)
}

/** DuckDB's failure as ours. Its texts can quote data and paths, so they stay in `cause`. */
export function translateWriteFailure(error: unknown, doing: string): RampartError {
  if (error instanceof RampartError) return error
  const text = error instanceof Error ? error.message : String(error)
  if (/no space left|could not write|disk full|ENOSPC|file too large/i.test(text)) {
    return storeError('pipeline.store.full', `the event store could not ${doing}: the disk has no room; free some`, {
      cause: error,
      retryAfterSec: 10,
    })
  }
  return storeError('pipeline.store.failed', `the event store could not ${doing}; the log tells why`, { cause: error })
}

/** What a search failed with. DuckDB's texts can quote events, so they stay in `cause`. */
export function translateSearchFailure(error: unknown, timedOut: boolean, limits: StoreLimits): RampartError {
  const text = error instanceof Error ? error.message : String(error)
  if (timedOut) {
    return storeError(
      'pipeline.query.tooSlow',
      `the search was ended after ${limits.searchMsMax / 1000} seconds; narrow the time range or the condition`,
      { cause: error },
    )
  }
  if (/^INTERRUPT/i.test(text)) return storeError('pipeline.store.closed', 'the event store closes', { cause: error })
  if (/Out of Memory|max_temp_directory_size/i.test(text)) {
    return storeError(
      'pipeline.query.tooHeavy',
      'the search needs more memory than the event store has; narrow the time range, or group by fewer values',
      { cause: error },
    )
  }
  if (/^Out of Range Error|overflow/i.test(text)) {
    return storeError('pipeline.query.overflow', 'a number became larger than 64 bits hold; use cast(… as double)', {
      cause: error,
    })
  }
  if (/^(Conversion|Invalid Input|Binder|Not implemented|Parser) Error/i.test(text)) {
    return storeError('pipeline.query.failed', 'the search cannot be run on these events; the log tells why', {
      cause: error,
    })
  }
  return storeError('pipeline.store.failed', 'the event store failed to search; the log tells why', { cause: error })
}
