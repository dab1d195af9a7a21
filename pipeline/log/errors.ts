import { defineErrors, RampartError } from '../../platform/index.ts'
import { errorCode, isNoRoom } from './disk.ts'

/** What the embedded log can refuse or fail with. */
export const logError = defineErrors({
  'pipeline.log.busy': { status: 429, title: 'Too many bytes wait to be written' },
  'pipeline.log.full': { status: 503, title: 'The disk has no room' },
  'pipeline.log.failed': { status: 503, title: 'The disk failed' },
  'pipeline.log.closed': { status: 503, title: 'The log is closed' },
  'pipeline.log.tooLarge': { status: 413, title: 'Too large for the log' },
  'pipeline.log.badAddress': { status: 400, title: 'Not the address of a shard' },
  'pipeline.log.badConsumer': { status: 400, title: 'Not a consumer of the log' },
  'pipeline.log.unreadable': { status: 500, title: 'The log cannot be opened' },
})

const FAILED_RETRY_AFTER_SEC = 5

/** Runs `work`, whose errors of the operating system become the log's own. */
export async function translated<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason = errorCode(error)
    if (error instanceof RampartError || reason === '') throw error
    const code = isNoRoom(error) ? 'pipeline.log.full' : 'pipeline.log.failed'
    throw logError(code, `cannot ${doing}: ${reason}; look at the disk and who may use it`, {
      retryAfterSec: FAILED_RETRY_AFTER_SEC,
      cause: error,
    })
  }
}
