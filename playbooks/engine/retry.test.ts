import { describe, expect, it } from 'vitest'
import type { Retry } from '../language/document.ts'
import { retryDelayMs } from './retry.ts'

const retry: Retry = {
  max: 4,
  backoff: 'exponential',
  initialMs: 1000,
  factor: 3,
  maxDelayMs: 5000,
  jitter: 0,
  on: ['unavailable'],
}
const failed = (failures: number) => ({ error: { code: 'unavailable', message: '' } as const, failures, key: 'k' })

describe('the delay before the next attempt', () => {
  it.each([
    ['fixed', [1000, 1000, 1000, undefined]],
    ['linear', [1000, 2000, 3000, undefined]],
    ['exponential', [1000, 3000, 5000, undefined]],
  ] as const)('grows %s, up to its bound, as often as there are attempts', (backoff, delays) => {
    expect([1, 2, 3, 4].map((failures) => retryDelayMs({ ...retry, backoff }, failed(failures)))).toEqual(delays)
  })

  it('is none for a failure that is not listed', () => {
    expect(retryDelayMs(retry, { ...failed(1), error: { code: 'invalid', message: '' } })).toBeUndefined()
  })

  it('is what the far side asks for where that is longer', () => {
    expect(retryDelayMs(retry, { ...failed(1), retryAfterMs: 9000 })).toBe(9000)
    expect(retryDelayMs(retry, { ...failed(1), retryAfterMs: 10 })).toBe(1000)
  })

  it('is spread by the key: within its share, the same at every look', () => {
    const spread = { ...retry, jitter: 0.5 }
    const delays = Array.from(
      { length: 200 },
      (_, index) => retryDelayMs(spread, { ...failed(1), key: `${index}` }) ?? 0,
    )
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1500)
    expect(new Set(delays).size).toBeGreaterThan(100)
    expect(retryDelayMs(spread, { ...failed(1), key: '7' })).toBe(delays[7])
  })
})
