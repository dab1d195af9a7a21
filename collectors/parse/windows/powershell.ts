import { type Draft, startEvent } from '../../ocsf/event.ts'
import { file, put, textOf, user } from '../../ocsf/objects.ts'
import type { WindowsEvent } from './flatten.ts'

const POWERSHELL = 2

/** Script block logging (4104) and module logging (4103) as Script Activity; undefined for other kinds.
 * @see about_Logging_Windows, PowerShell documentation */
export function normalisePowershell({ fields, eventId }: WindowsEvent): Draft | undefined {
  if (eventId !== 4103 && eventId !== 4104) return undefined
  const draft = startEvent(1009, 1)
  const content = textOf(eventId === 4104 ? fields.ScriptBlockText : fields.Payload) ?? textOf(fields.ContextInfo)
  const script: Draft = { type_id: POWERSHELL, type: 'PowerShell', script_content: { value: content ?? '' } }
  put(script, 'uid', textOf(fields.ScriptBlockId))
  put(script, 'file', file(fields.Path, 1))
  draft.script = script
  const acting = user({ name: contextUser(fields) ?? fields.AccountName, uid: fields.Security_UserID ?? fields.UserID })
  draft.actor = acting === undefined ? { app_name: 'PowerShell' } : { user: acting, app_name: 'PowerShell' }
  return draft
}

/** `User = DOMAIN\name` among the lines of a 4103's ContextInfo. */
function contextUser(fields: Draft): string | undefined {
  const context = textOf(fields.ContextInfo)
  return context === undefined ? undefined : /^[ \t]{0,64}User = (.{1,256})$/m.exec(context)?.[1]?.trim()
}
