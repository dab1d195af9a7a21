import type { JsonValue } from '../../../pipeline/index.ts'
import type { Draft } from '../../ocsf/event.ts'
import { isObject } from '../json.ts'
import { set, setIfFree } from '../members.ts'

/** A Windows event in the flat shape that Sigma rules address: System and EventData members at the top. */
export interface WindowsEvent {
  readonly fields: Draft
  readonly channel: string
  readonly eventId: number
}

/** A member as EVTX readers write it: attributes beside (`#attributes`) and the text inside (`#text`). Attribute `Y` of
 * member `X` becomes `X_Y`; an unnamed list of texts is joined by a space. */
function lift(target: Draft, name: string, value: JsonValue): void {
  if (!isObject(value)) {
    setIfFree(target, name, value)
    return
  }
  const attributes = value['#attributes']
  if (isObject(attributes)) {
    for (const key of Object.keys(attributes)) setIfFree(target, `${name}_${key}`, attributes[key])
  }
  const text = value['#text']
  if (text !== undefined) setIfFree(target, name, Array.isArray(text) ? text.join(' ') : text)
  else if (!isObject(attributes)) setIfFree(target, name, value)
}

function liftAll(target: Draft, members: JsonValue | undefined): void {
  if (!isObject(members)) return
  for (const name of Object.keys(members)) {
    const value = members[name]
    if (name !== '#attributes' && value !== undefined) lift(target, name, value)
  }
}

function numberOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : undefined
}

/** `Event.System` and `Event.EventData`, as evtx_dump and its kin write them. */
function fromNested(record: Draft): Draft | undefined {
  const event = record.Event
  if (!isObject(event) || !isObject(event.System)) return undefined
  const fields: Draft = {}
  liftAll(fields, event.System)
  liftAll(fields, event.EventData)
  if (isObject(event.UserData)) {
    // UserData holds one element of the provider's own name around its members.
    for (const name of Object.keys(event.UserData)) liftAll(fields, event.UserData[name])
  }
  if (isObject(event.RenderingInfo)) liftAll(fields, event.RenderingInfo)
  for (const name of Object.keys(record)) {
    const value = record[name]
    if (name !== 'Event' && value !== undefined) setIfFree(fields, name, value)
  }
  return fields
}

/** Winlogbeat 7 and later (`winlog.*`) and 6 (`event_data` and its siblings at the top): its members stay, the flat
 * ones join them. */
function fromWinlogbeat(record: Draft): Draft | undefined {
  const winlog = record.winlog
  const inner = isObject(winlog) ? winlog : record
  const eventId = numberOf(inner.event_id)
  const channel = inner.channel ?? inner.log_name
  if (eventId === undefined || typeof channel !== 'string') return undefined
  const fields: Draft = {}
  for (const name of Object.keys(record)) {
    const value = record[name]
    if (value !== undefined) set(fields, name, value)
  }
  setIfFree(fields, 'EventID', eventId)
  setIfFree(fields, 'Channel', channel)
  setIfFree(fields, 'Computer', inner.computer_name)
  setIfFree(fields, 'Provider_Name', inner.provider_name ?? inner.source_name)
  setIfFree(fields, 'EventRecordID', inner.record_id ?? inner.record_number)
  liftAll(fields, inner.event_data)
  liftAll(fields, inner.user_data)
  return fields
}

/** The flat form of a Windows event in any of the JSON shapes; undefined when the record is none. A record that is flat
 * already keeps its members as they are.
 * @see reference of the shapes: evtx_dump JSON, winlogbeat exported fields, NXLog im_msvistalog */
export function tryFlatten(record: Draft): WindowsEvent | undefined {
  let fields: Draft | undefined
  if (record.Event !== undefined) fields = fromNested(record)
  else if (record.EventID !== undefined) fields = record
  else if (record.winlog !== undefined || record.event_id !== undefined) fields = fromWinlogbeat(record)
  if (fields === undefined) return undefined
  const eventId = numberOf(fields.EventID)
  const channel = fields.Channel
  if (eventId === undefined || typeof channel !== 'string') return undefined
  return { fields, channel, eventId }
}
