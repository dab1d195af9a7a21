import { type Clock, type Context, requireMatch, uuidv7 } from '../platform/index.ts'
import { changesOf } from './alert-changes.ts'
import { isClosed, requireMove } from './alert-state.ts'
import { caseError } from './errors.ts'
import { COMMENT_CHARS_MAX, COMMENTS_PER_ALERT_MAX, VALUE_CHARS_MAX } from './limits.ts'
import { setCounting } from './risk/keep-risk.ts'
import { countsAsRisk } from './risk/score.ts'
import type { AlertTransaction } from './store.ts'
import { keepText } from './text.ts'
import { type Alert, type AlertChange, type AlertMove, type AlertPatch, alertStates, verdicts } from './types.ts'

export interface AlertUpdate {
  readonly ctx: Context
  readonly workspace: string
  readonly id: string
  readonly patch: AlertPatch
  readonly options: UpdateOptions
}

export interface UpdateOptions {
  /** The entity tags under which the change is meant. */
  readonly ifMatch?: string | undefined
  /** The same key changes an alert once, however often it comes. */
  readonly onceKey?: string | undefined
}

/** Changes an alert within one transaction and writes down who moved what. Asking for what is already so changes
 * nothing. */
export async function updateAlertIn(
  tx: AlertTransaction,
  update: AlertUpdate,
  clock: Clock,
): Promise<{ readonly alert: Alert; readonly changes: readonly AlertChange[] }> {
  const { ctx, workspace, patch, options } = update
  const before = await tx.findAlert({ account: ctx.principal.account, workspace }, update.id)
  if (!before) throw alertNotFound(workspace, update.id)
  if (options.onceKey !== undefined && !(await tx.claimUpdate(before, options.onceKey, ctx.now))) {
    return { alert: before, changes: [] }
  }
  requireMatch(options.ifMatch, before.revision)

  const slotTaken = await tx.isCollecting(before, before.dedupKey)
  const patched = applyPatch(before, patch, { now: ctx.now, slotTaken })
  const text = patch.comment === undefined ? '' : keepText(patch.comment, COMMENT_CHARS_MAX)
  const moves = movesOf(before, patched).map((move) => ({
    ...move,
    id: uuidv7(clock),
    at: ctx.now,
    who: ctx.principal.arn,
    reason: text,
    requestId: ctx.requestId,
  }))
  if (moves.length === 0 && text === '') return { alert: before, changes: [] }

  const alert = { ...patched, revision: before.revision + 1 }
  await tx.updateAlert(alert)
  await tx.addMoves(alert, moves)
  const counts = countsAsRisk(alert)
  if (counts !== countsAsRisk(before)) await setCounting(tx.risk, alert, alert.id, { counts, now: ctx.now })
  if (text !== '') {
    if ((await tx.countComments(alert)) >= COMMENTS_PER_ALERT_MAX) {
      throw caseError(
        'cases.alert.tooManyComments',
        `an alert holds ${COMMENTS_PER_ALERT_MAX} comments; go on in another place`,
      )
    }
    await tx.addComment(alert, { id: uuidv7(clock), at: ctx.now, author: ctx.principal.arn, text }, ctx.requestId)
  }
  const changes = changesOf(before, alert, clock)
  await tx.addChanges(changes, ctx.now)
  return { alert, changes }
}

export function alertNotFound(workspace: string, id: string) {
  return caseError('cases.alert.notFound', `no alert \`${id}\` in workspace \`${workspace}\``)
}

function applyPatch(before: Alert, patch: AlertPatch, at: { now: number; slotTaken: boolean }): Alert {
  const { verdict: oldVerdict, owner: oldOwner, closedAt: oldClosedAt, ...kept } = before
  const state = parseWord('state', alertStates, patch.state) ?? before.state
  const closed = isClosed(state)
  const reopened = isClosed(before.state) && !closed
  // What was judged is judged anew once it is open again.
  const judged = parseWord('verdict', verdicts, patch.verdict ?? undefined)
  const verdict = patch.verdict === undefined ? (reopened ? undefined : oldVerdict) : judged
  requireMove({ from: before.state, to: state, verdict })
  const owner = patch.owner === undefined ? oldOwner : patch.owner && keepText(patch.owner, VALUE_CHARS_MAX)
  const closedAt = closed ? (oldClosedAt ?? at.now) : undefined
  return {
    ...kept,
    state,
    collecting: reopened ? !at.slotTaken : before.collecting && !closed,
    ...(verdict === undefined ? {} : { verdict }),
    ...(owner ? { owner } : {}),
    ...(closedAt === undefined ? {} : { closedAt }),
  }
}

/** Playbooks bring words of their own; the API's were judged by its schema. */
function parseWord<Word extends string>(
  member: string,
  words: readonly Word[],
  text: string | undefined,
): Word | undefined {
  if (text === undefined) return undefined
  const word = words.find((known) => known === text)
  if (word) return word
  const known = words.map((each) => `\`${each}\``).join(', ')
  throw caseError('cases.alert.invalid', `\`${keepText(text, 100)}\` is no ${member} of an alert; there are ${known}`, {
    errors: [{ path: `/${member}`, message: `must be one of ${words.join(', ')}` }],
  })
}

function movesOf(before: Alert, after: Alert): Pick<AlertMove, 'member' | 'from' | 'to'>[] {
  const members = ['state', 'verdict', 'owner'] as const
  return members
    .map((member) => ({ member, from: before[member] ?? '', to: after[member] ?? '' }))
    .filter((move) => move.from !== move.to)
}
