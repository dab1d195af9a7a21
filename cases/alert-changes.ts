import { type Clock, uuidv7 } from '../platform/index.ts'
import { snapshotAlert } from './alert-forms.ts'
import { type Alert, type AlertChange, type AlertChangeKind, severities } from './types.ts'

/** What to tell of an alert that was written: `before` is undefined for a new one. A change of state and a raised
 * severity are told apart; anything else is one `updated`. */
export function changesOf(before: Alert | undefined, after: Alert, clock: Clock): AlertChange[] {
  const alert = snapshotAlert(after)
  return kindsOf(before, after).map((change) => ({
    id: uuidv7(clock),
    account: after.account,
    workspace: after.workspace,
    change,
    revision: after.revision,
    alert,
  }))
}

function kindsOf(before: Alert | undefined, after: Alert): AlertChangeKind[] {
  if (!before) return ['created']
  const kinds: AlertChangeKind[] = []
  if (before.state !== after.state) kinds.push('status_changed')
  if (severities.indexOf(after.severity) > severities.indexOf(before.severity)) kinds.push('severity_raised')
  return kinds.length > 0 ? kinds : ['updated']
}
