import { iamError } from '../errors.ts'
import type { Review } from '../store.ts'
import { type CompareDeps, compareChange, reviewing, type SeenChange } from './compare-changes.ts'
import { accessRowText } from './compare-policies.ts'
import { NEW_ACCESS_TOLD_MAX } from './limits.ts'

/** Rows of new access in the message itself; all of them are in the member `newAccess`. */
const IN_MESSAGE_MAX = 5

/** Refuses changes that give new access, in accounts that want it so. What could not be compared whole is refused too:
 * deny on doubt. */
export function newAccessGate(deps: CompareDeps): Review {
  return async (account, inside) => {
    if (!(await inside.refusesNewAccess(account))) return undefined
    let seen: SeenChange | undefined
    const judge = await reviewing(deps, (one) => {
      seen = one
    })(account, inside)
    return async (touched) => {
      await judge?.(touched)
      if (!seen) return
      const { gains, complete } = compareChange(deps, seen)
      if (gains.length === 0 && complete) return
      const told = gains.slice(0, IN_MESSAGE_MAX).map((row) => accessRowText(row, 'gain'))
      const rest = gains.length > IN_MESSAGE_MAX ? `; and ${gains.length - IN_MESSAGE_MAX} more` : ''
      const what = complete ? '' : ', and perhaps more than could be compared'
      throw iamError(
        'iam.access.isNew',
        `this would give new access${what}: ${told.join('; ')}${rest}. If it is meant, send X-Rampart-Allow-New-Access: true`,
        { extra: { newAccess: gains.slice(0, NEW_ACCESS_TOLD_MAX), complete } },
      )
    }
  }
}
