import { defineErrors } from '../../platform/index.ts'

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
