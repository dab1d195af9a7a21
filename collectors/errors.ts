import { defineErrors } from '../platform/base/index.ts'

/** What collectors refuse, and why. */
export const collectError = defineErrors({
  'collect.body.malformed': { status: 400, title: 'Body cannot be taken apart' },
  'collect.body.tooLarge': { status: 413, title: 'Body too large' },
  'collect.body.busy': { status: 429, title: 'Too many bytes in flight' },
  'collect.contentType.unsupported': { status: 415, title: 'Unsupported content type' },
  'collect.contentEncoding.unsupported': { status: 415, title: 'Unsupported content encoding' },
  'collect.records.tooMany': { status: 413, title: 'Too many records' },
  'collect.pipe.reserved': { status: 403, title: 'The platform alone writes here' },
  'collect.syslog.cannotListen': { status: 500, title: 'Cannot listen for syslog' },
})
