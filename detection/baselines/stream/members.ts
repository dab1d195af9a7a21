import type { Event, JsonValue } from '../../../pipeline/index.ts'
import { SUBJECT_CHARS_MAX } from '../limits.ts'

/** Something that may have members; events from outside may have anything anywhere. */
type Place = JsonValue | undefined

/** What `read` gives, which it is asked for once an event: several baselines want it, one after the other. */
export function oncePerEvent<Result>(read: (event: Event) => Result): (event: Event) => Result {
  let last: { readonly event: Event; readonly result: Result } | undefined
  return (event) => {
    if (last?.event !== event) last = { event, result: read(event) }
    return last.result
  }
}

/** A member of an object; undefined where there is no such object or member. */
export const memberOf = (place: Place, name: string): Place =>
  typeof place === 'object' && place !== null && !Array.isArray(place)
    ? (place as { readonly [member: string]: JsonValue })[name]
    : undefined

/** A name: text that is not empty, cut to a bound, or a number written out. */
export function nameOf(value: Place): string | undefined {
  if (typeof value === 'string') {
    if (value === '' || value === '-') return undefined
    return value.length <= SUBJECT_CHARS_MAX ? value : value.slice(0, SUBJECT_CHARS_MAX)
  }
  return typeof value === 'number' ? String(value) : undefined
}

/** A number to reckon with, also one that was written as text. */
export function amountOf(value: Place): number | undefined {
  const number = typeof value === 'string' && value !== '' && value.length <= 24 ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Who an endpoint is: its address, else its name. */
export const hostOf = (endpoint: Place): string | undefined =>
  nameOf(memberOf(endpoint, 'ip')) ?? nameOf(memberOf(endpoint, 'hostname')) ?? nameOf(memberOf(endpoint, 'name'))

/** A user's name in lower case: directories do not tell cases apart. */
export const userOf = (user: Place): string | undefined =>
  (nameOf(memberOf(user, 'name')) ?? nameOf(memberOf(user, 'uid')))?.toLowerCase()

/** The machine an event tells of. */
export function deviceOf({ ocsf }: Event): string | undefined {
  const device = memberOf(ocsf, 'device')
  const name =
    nameOf(memberOf(device, 'hostname')) ?? nameOf(memberOf(device, 'name')) ?? nameOf(memberOf(device, 'ip'))
  return name === 'unknown' ? undefined : name?.toLowerCase()
}

/** The network that an address belongs to: its autonomous system where the event names one, else its first 16 bits (of
 * IPv6 the first 32). */
export function networkOf(endpoint: Place): string | undefined {
  const system = memberOf(endpoint, 'autonomous_system')
  const number = nameOf(memberOf(system, 'number'))
  if (number !== undefined) return `AS${number}`
  const ip = nameOf(memberOf(endpoint, 'ip'))
  if (ip === undefined) return nameOf(memberOf(endpoint, 'svc_name'))
  if (/^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(ip))
    return `${ip.slice(0, ip.indexOf('.', ip.indexOf('.') + 1))}.0.0/16`
  const v6 = /^([0-9a-f]{1,4}:[0-9a-f]{1,4}):/i.exec(ip)
  return v6 ? `${v6[1]?.toLowerCase()}::/32` : ip
}

/** Addresses of the inside, of the machine itself, and of groups.   @see RFC 6890, RFC 4193 */
export const isInside = (ip: string): boolean =>
  /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|2(?:2[4-9]|3\d|[45]\d)\.|0\.|::1$|f[cd]|fe[89ab]|ff)/i.test(
    ip,
  )
