import type { JsonValue } from '../../../pipeline/index.ts'
import { parseTime } from '../../../platform/base/index.ts'
import { type Draft, severityIds, startEvent } from '../../ocsf/event.ts'
import { device, integerOf, put, textOf } from '../../ocsf/objects.ts'
import type { Reading } from '../reading.ts'
import { logsourceOf } from './channels.ts'
import { tryFlatten, type WindowsEvent } from './flatten.ts'
import { normalisePowershell } from './powershell.ts'
import { normaliseSecurity } from './security.ts'
import { normaliseSysmon } from './sysmon.ts'
import { normaliseSystem } from './system.ts'

function normalise(event: WindowsEvent, service: string | undefined): Draft | undefined {
  switch (service) {
    case 'sysmon':
      return normaliseSysmon(event)
    case 'security':
      return normaliseSecurity(event)
    case 'system':
      return normaliseSystem(event)
    case 'powershell':
      return normalisePowershell(event)
    default:
      return undefined
  }
}

/** Sysmon's own time first, as it is that of the act; then the log's; then the shipper's. */
function timeOf(fields: Draft): { readonly time: number; readonly text: JsonValue } | undefined {
  for (const name of ['UtcTime', 'TimeCreated_SystemTime', 'TimeCreated', 'EventTime', '@timestamp']) {
    const text = fields[name]
    const time = parseTime(text)
    if (time !== undefined && text !== undefined) return { time, text }
  }
  return undefined
}

/** `Level`: 1 critical, 2 error, 3 warning, 4 and 0 information. */
function severityOf(fields: Draft): number {
  switch (integerOf(fields.Level)) {
    case 1:
      return severityIds.critical
    case 2:
      return severityIds.high
    case 3:
      return severityIds.medium
    default:
      return severityIds.informational
  }
}

/** A Windows event of any JSON shape, flattened and normalised; undefined when the record is none. */
export function tryReadWindows(record: Draft): Reading | undefined {
  const event = tryFlatten(record)
  if (event === undefined) return undefined
  const { fields, channel, eventId } = event
  const logsource = logsourceOf(channel, eventId)
  const ocsf = normalise(event, logsource.service) ?? startEvent(0, 99, `Event ${eventId}`)
  if (ocsf.severity_id === undefined) ocsf.severity_id = severityOf(fields)
  put(ocsf, 'device', device(fields.Computer ?? fields.Hostname))
  const time = timeOf(fields)
  const provider = textOf(fields.Provider_Name) ?? textOf(fields.SourceName)
  const metadata: Draft = {
    ...(ocsf.metadata as Draft | undefined),
    product: { name: provider ?? 'Windows', vendor_name: 'Microsoft' },
    event_code: String(eventId),
    log_name: channel,
  }
  put(metadata, 'log_provider', provider)
  put(metadata, 'original_event_uid', textOf(fields.EventRecordID ?? fields.RecordNumber))
  if (typeof time?.text === 'string') metadata.original_time = time.text
  ocsf.metadata = metadata
  return { original: fields, logsource, time: time?.time, ocsf }
}
