import { type Draft, SUCCESS, setStatus, startEvent } from '../../ocsf/event.ts'
import { put, textOf, user } from '../../ocsf/objects.ts'
import type { WindowsEvent } from './flatten.ts'

/** Start types as the Service Control Manager words them. */
const startTypes: ReadonlyMap<string, number> = new Map([
  ['boot start', 1],
  ['system start', 2],
  ['auto start', 3],
  ['demand start', 4],
  ['disabled', 5],
])

const serviceTypes: ReadonlyMap<string, number> = new Map([
  ['kernel mode driver', 1],
  ['file system driver', 2],
  ['user mode service', 3],
])

function withUser(draft: Draft, fields: Draft): void {
  const acting = user({
    name: fields.SubjectUserName ?? fields.AccountName,
    uid: fields.Security_UserID ?? fields.UserID,
  })
  if (acting !== undefined) draft.actor = { user: acting }
}

function serviceMade(fields: Draft): Draft {
  const draft = startEvent(201004, 1)
  withUser(draft, fields)
  const name = textOf(fields.ServiceName)
  if (name !== undefined) {
    const service: Draft = {
      name,
      service_type_id: serviceTypes.get(textOf(fields.ServiceType)?.toLowerCase() ?? '') ?? 0,
      service_start_type_id: startTypes.get(textOf(fields.StartType)?.toLowerCase() ?? '') ?? 0,
    }
    put(service, 'cmd_line', textOf(fields.ImagePath) ?? textOf(fields.ServiceFileName))
    put(service, 'service_start_name', textOf(fields.AccountName))
    draft.win_service = service
  }
  setStatus(draft, SUCCESS)
  return draft
}

/** `param1` names the service, `param2` its new state in the system's language. */
function serviceState(fields: Draft, activity: number, name?: string): Draft {
  const draft = startEvent(201004, activity, name)
  withUser(draft, fields)
  const service = textOf(fields.param1)
  if (service !== undefined) draft.win_service = { name: service, service_type_id: 0 }
  return draft
}

/** The OCSF event of an event of the System channel; undefined for kinds that have no class.
 * @see Service Control Manager events, Windows Server documentation */
export function normaliseSystem({ fields, eventId }: WindowsEvent): Draft | undefined {
  const provider = textOf(fields.Provider_Name) ?? textOf(fields.SourceName) ?? ''
  if (eventId === 104 && provider !== 'Service Control Manager') {
    const draft = startEvent(1008, 1)
    withUser(draft, fields)
    // The cleared log is named inside; `Channel` is the log that tells of it.
    draft.log_name = textOf(fields.Channel_Name) ?? textOf(fields.BackupPath) ?? 'unknown'
    draft.log_type_id = 1
    draft.log_type = 'OS'
    draft.severity_id = 4
    setStatus(draft, SUCCESS)
    return draft
  }
  if (eventId === 7045) return serviceMade(fields)
  if (provider !== 'Service Control Manager') return undefined
  if (eventId === 7040) return serviceState(fields, 2)
  if (eventId !== 7036) return undefined
  const state = textOf(fields.param2)
  return serviceState(fields, state === 'running' ? 3 : state === 'stopped' ? 4 : 99, state)
}
