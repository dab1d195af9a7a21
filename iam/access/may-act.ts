import type { BreakGlass, User } from '../types.ts'

/** Whether a user may act at all now: enabled, and where it is a break-glass user, opened by its custodians. */
export function mayAct({ enabled, breakGlass }: Pick<User, 'enabled' | 'breakGlass'>, now: number): boolean {
  return enabled && (breakGlass === undefined || isOpen(breakGlass, now))
}

/** At the very instant at which its time is over it is closed. */
export function isOpen({ openUntil }: BreakGlass, now: number): boolean {
  return openUntil !== undefined && now < openUntil
}
