import { type Clock, RampartError } from '../platform/index.ts'
import { iamError } from './errors.ts'
import {
  SIGN_IN_FAILURES_MAX,
  SIGN_IN_FAILURES_OF_USER_MAX,
  SIGN_IN_LOCKOUT_MS,
  SIGN_IN_PAIRS_MAX,
  SIGN_INS_OF_PAIR_MAX,
  SIGN_INS_WAITING_MAX,
} from './limits.ts'

const WRONG_GUESSES = new Set(['iam.signIn.failed', 'iam.mfa.wrongCode'])

interface Failures {
  count: number
  /** When the count starts over. */
  until: number
}

/** What an account wants; default: what stands for all. */
export interface ThrottleLimits {
  readonly failuresMax: number
  readonly lockoutMs: number
}

const STANDING: ThrottleLimits = { failuresMax: SIGN_IN_FAILURES_MAX, lockoutMs: SIGN_IN_LOCKOUT_MS }

interface Turns {
  count: number
  last: Promise<unknown>
}

/** Counts failed sign-ins by user and address, and by user alone for guesses spread over many addresses. A name that
 * nobody has is counted like any other, so a lock-out tells nothing. */
export class SignInThrottle {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()
  /** Attempts under way, by pair. */
  readonly #turns = new Map<string, Turns>()
  #waiting = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `attempt`, which throws where the sign-in fails. Attempts of one pair take turns, so guesses sent at once are
   * counted like guesses sent one by one.
   * @throws iam.signIn.lockedOut, iam.signIn.busy */
  async run<T>(
    user: string,
    address: string,
    attempt: () => Promise<T>,
    limits: ThrottleLimits = STANDING,
  ): Promise<T> {
    const pair = `${user}\n${address}`
    const turns = this.#turns.get(pair) ?? { count: 0, last: Promise.resolve() }
    if (this.#waiting >= SIGN_INS_WAITING_MAX || turns.count >= SIGN_INS_OF_PAIR_MAX) {
      throw iamError('iam.signIn.busy', 'too many sign-ins at once; try again in a moment', { retryAfterSec: 2 })
    }
    const turn = this.#inTurn(turns.last, { user, address, limits }, attempt)
    turns.last = turn
    turns.count++
    this.#turns.set(pair, turns)
    this.#waiting++
    try {
      return await turn
    } finally {
      this.#waiting--
      turns.count--
      if (turns.count === 0) this.#turns.delete(pair)
    }
  }

  async #inTurn<T>(before: Promise<unknown>, who: Who, attempt: () => Promise<T>): Promise<T> {
    await before.catch(() => {})
    this.#check(who)
    try {
      const value = await attempt()
      for (const [key] of keysOf(who)) this.#failures.delete(key)
      return value
    } catch (error) {
      // What failed for want of room says nothing about the password.
      if (error instanceof RampartError && WRONG_GUESSES.has(error.code)) this.#count(who)
      throw error
    }
  }

  #check(who: Who): void {
    const now = this.#clock.now()
    for (const [key, max] of keysOf(who)) {
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

  #count(who: Who): void {
    const now = this.#clock.now()
    for (const [key] of keysOf(who)) {
      const old = this.#failures.get(key)
      this.#failures.delete(key)
      const count = old && old.until > now ? old.count + 1 : 1
      this.#failures.set(key, { count, until: now + who.limits.lockoutMs })
    }
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= SIGN_IN_PAIRS_MAX) break
      this.#failures.delete(key)
    }
  }
}

interface Who {
  readonly user: string
  readonly address: string
  readonly limits: ThrottleLimits
}

function keysOf({ user, address, limits }: Who): [string, number][] {
  return [
    [`${user}\n${address}`, limits.failuresMax],
    [user, SIGN_IN_FAILURES_OF_USER_MAX],
  ]
}
