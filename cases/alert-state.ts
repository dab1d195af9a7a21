import { caseError } from './errors.ts'
import type { AlertState, Verdict } from './types.ts'

const MOVES: Readonly<Record<AlertState, readonly AlertState[]>> = {
  new: ['in_progress', 'suppressed'],
  in_progress: ['resolved', 'suppressed'],
  suppressed: [],
  resolved: ['new', 'archived'],
  archived: [],
}

/** A closed alert takes no findings but by the rule for closed ones. */
export function isClosed(state: AlertState): boolean {
  return state === 'resolved' || state === 'archived'
}

/** Refuses a move that the table does not list, naming those it does; staying is no move.
 * @throws cases.alert.wrongMove, cases.alert.verdictMissing
 * @see docs of the alert's life in README.md */
export function requireMove(move: {
  readonly from: AlertState
  readonly to: AlertState
  readonly verdict: Verdict | undefined
}): void {
  const { from, to, verdict } = move
  if (from !== to && !MOVES[from].includes(to)) {
    const allowed = MOVES[from].map((state) => `\`${state}\``).join(' or ')
    throw caseError(
      'cases.alert.wrongMove',
      `an alert that is \`${from}\` does not become \`${to}\`; ${allowed ? `from here it can become ${allowed}` : 'from here it stays'}`,
      { extra: { from, allowed: MOVES[from] } },
    )
  }
  if (isClosed(to) && verdict === undefined) {
    throw caseError('cases.alert.verdictMissing', `an alert becomes \`${to}\` with a verdict only; send one with it`)
  }
}

/** True when the alert was closed as nothing to worry about: more of the same does not wake anybody. */
export function isHarmless(verdict: Verdict | undefined): boolean {
  return verdict === 'false_positive' || verdict === 'benign'
}
