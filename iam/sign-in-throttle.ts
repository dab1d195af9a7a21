import type { Clock } from '../platform/index.ts'
import { iamError } from './errors.ts'
import { SIGN_IN_FAILURES_MAX, SIGN_IN_FAILURES_OF_USER_MAX, SIGN_IN_LOCKOUT_MS, SIGN_IN_PAIRS_MAX } from './limits.ts'

interface Failures {
  count: number
  /** When the count starts over. */
  until: number
}

/** Counts failed sign-ins by user and address, and by user alone for guesses spread over many addresses. A name that
 * nobody has is counted like any other, so a lock-out tells nothing. */
export class SignInThrottle {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws iam.signIn.lockedOut */
  check(user: string, address: string): void {
    const now = this.#clock.now()
    for (const [key, max] of keysOf(user, address)) {
      const failures = this.#failures.get(key)
      if (!failures || failures.until <= now || failures.count < max) continue
      const seconds = Math.ceil((failures.until - now) / 1000)
      throw iamError(
        'iam.signIn.lockedOut',
        `too many failed sign-ins; try again in ${Math.ceil(seconds / 60)} minutes, or ask an administrator`,
        { retryAfterSec: seconds },
      )
    }
  }

  /** Counted before the password is compared, so that guesses sent at once are all counted; `succeeded` takes it
   * back. */
  attempt(user: string, address: string): void {
    const now = this.#clock.now()
    for (const [key] of keysOf(user, address)) {
      const old = this.#failures.get(key)
      this.#failures.delete(key)
      const count = old && old.until > now ? old.count + 1 : 1
      this.#failures.set(key, { count, until: now + SIGN_IN_LOCKOUT_MS })
    }
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= SIGN_IN_PAIRS_MAX) break
      this.#failures.delete(key)
    }
  }

  succeeded(user: string, address: string): void {
    for (const [key] of keysOf(user, address)) this.#failures.delete(key)
  }
}

function keysOf(user: string, address: string): [string, number][] {
  return [
    [`${user}\n${address}`, SIGN_IN_FAILURES_MAX],
    [user, SIGN_IN_FAILURES_OF_USER_MAX],
  ]
}
