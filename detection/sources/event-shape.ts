import type { JsonObject, JsonValue, Logsource } from '../../pipeline/index.ts'
import { shapeOcsf } from './ocsf.ts'

/** An event as rules see it: members under the names that rules use, and what it is known to be. */
export interface ShapedEvent {
  readonly root: JsonObject
  /** True for an event of a Windows event log: its Channel and EventID say what it is. */
  readonly windows: boolean
  readonly logsource: Logsource
}

const CLOUDTRAIL: Logsource = { product: 'aws', service: 'cloudtrail' }
const WINDOWS: Logsource = { product: 'windows' }
const LINUX_SYSMON_CHANNEL = 'Linux-Sysmon/Operational'
const linuxSysmonCategories = new Map<string, string>([
  ['1', 'process_creation'],
  ['3', 'network_connection'],
  ['5', 'process_termination'],
  ['9', 'raw_access_thread'],
  ['11', 'file_event'],
  ['23', 'file_delete'],
])

/** Tells by its members what an event is: nested or flat Windows event, CloudTrail record, Sysmon for Linux, OCSF; of any
 * other `known` is what its parser says.   @see Sigma specification 2.0, Field Usage 3 (names of Windows fields) */
export function shapeEvent(event: JsonObject, known: Logsource): ShapedEvent {
  // Asking whether a member is there costs a tenth of reading one that is not.
  if (Object.hasOwn(event, 'Channel')) return shapeFlat(event) ?? { root: event, windows: false, logsource: known }
  if (Object.hasOwn(event, 'Event')) {
    const nested = event.Event
    if (isObject(nested) && isObject(nested.System)) {
      const flat = flattenWindows(nested, nested.System)
      return shapeFlat(flat) ?? { root: flat, windows: false, logsource: known }
    }
  }
  if (Object.hasOwn(event, 'winlog')) {
    const { winlog } = event
    if (isObject(winlog) && typeof winlog.channel === 'string') {
      const flat = flattenWinlog(event, winlog)
      return shapeFlat(flat) ?? { root: flat, windows: false, logsource: known }
    }
  }
  // Winlogbeat 6 renamed every field: Windows it is, yet no rule can address it.
  if (Object.hasOwn(event, 'log_name') && Object.hasOwn(event, 'event_id')) {
    if (isObject(event.event_data) || isObject(event.user_data))
      return { root: event, windows: true, logsource: WINDOWS }
  }
  if (
    Object.hasOwn(event, 'eventSource') &&
    Object.hasOwn(event, 'eventName') &&
    Object.hasOwn(event, 'eventVersion')
  ) {
    return { root: event, windows: false, logsource: CLOUDTRAIL }
  }
  if (Object.hasOwn(event, 'class_uid')) {
    const shape = shapeOcsf(event, known)
    if (shape) return shapeFlat(shape.root) ?? { ...shape, windows: false }
  }
  return { root: event, windows: false, logsource: known }
}

/** An event log's event by its flat members; undefined where it is none. */
function shapeFlat(flat: JsonObject): ShapedEvent | undefined {
  const channel = flat.Channel
  if (typeof channel !== 'string' || !Object.hasOwn(flat, 'EventID')) return undefined
  const eventId = flat.EventID
  if (eventId === undefined || eventId === null) return undefined
  if (channel !== LINUX_SYSMON_CHANNEL) return { root: flat, windows: true, logsource: WINDOWS }
  const category = linuxSysmonCategories.get(String(eventId))
  return {
    root: flat,
    windows: false,
    logsource: { product: 'linux', service: 'sysmon', ...(category === undefined ? {} : { category }) },
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One level: the members of System and of EventData or UserData, an attribute `Y` of member `X` as `X_Y`, `#text` as the
 * member's value, an unnamed list of Data as one text. */
function flattenWindows(event: JsonObject, system: JsonObject): JsonObject {
  const flat: Record<string, JsonValue> = Object.create(null)
  for (const name in system) putMember(flat, name, system[name] as JsonValue)
  const eventData = event.EventData
  if (isObject(eventData)) for (const name in eventData) putMember(flat, name, eventData[name] as JsonValue)
  const userData = event.UserData
  if (isObject(userData)) {
    for (const name in userData) {
      const inner = userData[name] as JsonValue
      if (isObject(inner)) {
        for (const member in inner) if (member !== '#attributes') putMember(flat, member, inner[member] as JsonValue)
      } else if (name !== '#attributes') putMember(flat, name, inner)
    }
  }
  return flat
}

/** Winlogbeat since 7: its own names for System, Windows' names below `event_data`. */
function flattenWinlog(event: JsonObject, winlog: JsonObject): JsonObject {
  const flat: Record<string, JsonValue> = Object.assign(Object.create(null), event)
  for (const part of [winlog.user_data, winlog.event_data]) if (isObject(part)) Object.assign(flat, part)
  const system = {
    Channel: winlog.channel,
    EventID: winlog.event_id,
    Provider_Name: winlog.provider_name,
    Computer: winlog.computer_name,
    EventRecordID: winlog.record_id,
    Task: winlog.task,
  }
  for (const [name, value] of Object.entries(system)) if (value !== undefined) flat[name] = value
  return flat
}

function putMember(flat: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '#attributes') return
  if (!isObject(value)) {
    flat[name] = name === 'Data' && Array.isArray(value) ? value.join(' ') : value
    return
  }
  const attributes = value['#attributes']
  if (isObject(attributes)) for (const key in attributes) flat[`${name}_${key}`] = attributes[key] as JsonValue
  const text = value['#text']
  if (text !== undefined) flat[name] = name === 'Data' && Array.isArray(text) ? text.join(' ') : text
}
