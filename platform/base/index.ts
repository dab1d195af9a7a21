export { type AccountId, type Arn, type ArnParts, formatArn, iamArn, parseAccountId, parseArn, REGION } from './arn.ts'
export { assert, unreachable } from './assert.ts'
export { createFileOnce, syncDir, writeFileAtomic } from './atomic-file.ts'
export { type Clock, formatInstant, systemClock } from './clock.ts'
export {
  defineErrors,
  type ErrorEntry,
  type ErrorOptions,
  type FieldError,
  listErrors,
  RampartError,
} from './errors.ts'
export { uuidv7 } from './ids.ts'
export {
  clockTime,
  digits,
  eventTime,
  instant,
  parseEpoch,
  parseIso,
  parseTime,
  zoneMinutes,
} from './instants.ts'
export { nearest } from './nearest.ts'
export { printable } from './printable.ts'
export {
  type BootstrapCredentials,
  findBootstrapCredentials,
  findRuntime,
  type RuntimeInfo,
} from './published.ts'
export { err, ok, type Result } from './result.ts'
export { Secret } from './secret.ts'
export { withoutEnvironment } from './without-environment.ts'
