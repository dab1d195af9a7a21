import type { JsonObject, JsonValue } from '../../pipeline/index.ts'

/** Where sources write when something happened, best first. */
const timeFields = [
  '@timestamp',
  'eventTime',
  'UtcTime',
  'TimeCreated',
  'TimeCreated_SystemTime',
  'EventTime',
  'timestamp',
  'time',
  'published',
  'requestReceivedTimestamp',
  'createdDateTime',
  'activityDateTime',
  'ts',
]

/** When an event of a log file happened, ms since the epoch; undefined where it does not say. Text without a zone is UTC;
 * numbers are seconds, milliseconds, microseconds or nanoseconds by their size. */
export function eventTime(event: JsonObject): number | undefined {
  for (const field of timeFields) {
    const time = timeOf(event[field])
    if (time !== undefined) return time
  }
  return undefined
}

function timeOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return epochMs(value)
  if (typeof value !== 'string' || value.length > 64) return undefined
  if (/^\d{9,19}(?:\.\d+)?$/.test(value)) return epochMs(Number(value))
  const found = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?$/.exec(value)
  if (!found) return undefined
  const zone = found[4] === undefined ? 'Z' : found[4].replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')
  const ms = Date.parse(`${found[1]}T${found[2]}${(found[3] ?? '').slice(0, 4)}${zone}`)
  return Number.isNaN(ms) ? undefined : ms
}

function epochMs(value: number): number | undefined {
  if (!(value > 1e8)) return undefined
  if (value < 1e11) return value * 1e3
  if (value < 1e14) return value
  return value < 1e17 ? value / 1e3 : value / 1e6
}
