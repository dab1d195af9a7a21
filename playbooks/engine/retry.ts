import { createHash } from 'node:crypto'
import type { Retry } from '../language/document.ts'
import type { Failure } from '../types.ts'

export interface FailedAttempt {
  readonly error: Failure
  /** Attempts that failed, this one among them; those whose process died do not count. */
  readonly failures: number
  /** The step's key: what spreads the delays of many runs, the same at every look. */
  readonly key: string
  /** What the far side asked for. */
  readonly retryAfterMs?: number
}

/** How long to wait before the next attempt; undefined when there is none. A longer Retry-After wins.
 * @see operations reference 2.4, retry */
export function retryDelayMs(retry: Retry, failed: FailedAttempt): number | undefined {
  if (failed.failures >= retry.max || !retry.on.includes(failed.error.code)) return undefined
  const grown = growth(retry, failed.failures)
  const spread = 1 + retry.jitter * (2 * share(`${failed.key}#${failed.failures}`) - 1)
  return Math.max(Math.round(Math.min(grown, retry.maxDelayMs) * spread), failed.retryAfterMs ?? 0)
}

function growth(retry: Retry, failures: number): number {
  switch (retry.backoff) {
    case 'fixed':
      return retry.initialMs
    case 'linear':
      return retry.initialMs * failures
    case 'exponential':
      return retry.initialMs * retry.factor ** (failures - 1)
  }
}

/** A number from 0 to 1 that the text alone decides. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 0xffffffff
}
