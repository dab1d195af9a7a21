import type { AccountId } from '../../platform/index.ts'
import { iamError } from '../errors.ts'
import { PASSWORD_LENGTH_MIN, SIGN_IN_FAILURES_MAX, SIGN_IN_LOCKOUT_MS } from '../limits.ts'
import { type Passwords, requireGoodPassword } from '../passwords.ts'
import type { PasswordPolicyStore } from './store.ts'

/** What an account demands of passwords, and of those who guess them. */
export interface PasswordPolicy {
  readonly lengthMin: number
  /** How many passwords back none may come again. */
  readonly historyCount: number
  /** 0: passwords do not age. */
  readonly ageDaysMax: number
  /** Failed sign-ins of one user from one address before that pair is locked out, and for how long. */
  readonly failuresMax: number
  readonly lockoutMinutes: number
}

const STANDING: PasswordPolicy = {
  lengthMin: PASSWORD_LENGTH_MIN,
  historyCount: 0,
  ageDaysMax: 0,
  failuresMax: SIGN_IN_FAILURES_MAX,
  lockoutMinutes: SIGN_IN_LOCKOUT_MS / 60_000,
}

const DAY_MS = 24 * 3_600_000

/** The password policies of accounts; never weaker than what stands for all. */
export class PasswordPolicies {
  readonly #store: PasswordPolicyStore
  readonly #passwords: Passwords

  constructor(deps: { readonly store: PasswordPolicyStore; readonly passwords: Passwords }) {
    this.#store = deps.store
    this.#passwords = deps.passwords
  }

  async get(account: AccountId): Promise<PasswordPolicy> {
    const row = await this.#store.find(account)
    if (!row) return STANDING
    return {
      lengthMin: row.length_min,
      historyCount: row.history_count,
      ageDaysMax: row.age_days_max,
      failuresMax: row.failures_max,
      lockoutMinutes: row.lockout_minutes,
    }
  }

  async put(account: AccountId, policy: PasswordPolicy): Promise<PasswordPolicy> {
    await this.#store.put({
      account,
      length_min: policy.lengthMin,
      history_count: policy.historyCount,
      age_days_max: policy.ageDaysMax,
      failures_max: policy.failuresMax,
      lockout_minutes: policy.lockoutMinutes,
    })
    return this.get(account)
  }

  /** @param user of an existing one, whose earlier passwords are looked at
   * @throws iam.password.weak, iam.password.used */
  async requireGood(
    account: AccountId,
    given: { readonly password: string; readonly userName: string; readonly userId?: string },
  ): Promise<void> {
    const { lengthMin, historyCount } = await this.get(account)
    requireGoodPassword(given.password, given.userName)
    if (given.password.length < lengthMin) {
      throw iamError('iam.password.weak', `in this account a password has at least ${lengthMin} characters`)
    }
    if (given.userId === undefined || historyCount === 0) return
    for (const hash of await this.#store.history(account, given.userId, historyCount)) {
      if (await this.#passwords.verify(given.password, hash)) {
        throw iamError('iam.password.used', `the last ${historyCount} passwords of a user do not come again`)
      }
    }
  }
}

/** Whether a password of `changedAt` is too old to sign in with. At the very instant it is. */
export function isExpired({ ageDaysMax }: PasswordPolicy, changedAt: number, now: number): boolean {
  return ageDaysMax > 0 && now >= changedAt + ageDaysMax * DAY_MS
}
