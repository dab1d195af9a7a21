import { NAME_CHARS_MAX, PLACE_RADIUS_KM_MAX } from './limits.ts'
import type { AddressFacts, AutonomousSystem, Location } from './types.ts'

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, NAME_CHARS_MAX) : undefined

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** A name in English, or as it stands. */
const nameOf = (value: unknown): string | undefined => textOf(memberOf(memberOf(value, 'names'), 'en')) ?? textOf(value)

/** What a record of a database says of an address, in whichever of three forms: MaxMind's own (GeoIP2 and GeoLite2, which
 * DB-IP has, too), flat ones (`country_code`, `asn`), and IPinfo's. What is no such thing says nothing.
 * @param provider names the database
 * @see https://dev.maxmind.com/geoip/docs/databases (City and Countries, ASN) */
export function readFacts(record: unknown, provider: string): AddressFacts {
  const location = readLocation(record, provider)
  const system = readSystem(record)
  return { ...(location ? { location } : {}), ...(system ? { system } : {}) }
}

function readLocation(record: unknown, provider: string): Location | undefined {
  const country =
    textOf(memberOf(memberOf(record, 'country'), 'iso_code')) ??
    textOf(memberOf(record, 'country_code')) ??
    codeOf(textOf(memberOf(record, 'country')))
  const city = nameOf(memberOf(record, 'city'))
  const subdivisions = memberOf(record, 'subdivisions')
  const region = Array.isArray(subdivisions) ? textOf(memberOf(subdivisions[0], 'iso_code')) : undefined
  const place = readPlace(memberOf(record, 'location') ?? record)
  if (country === undefined && place === undefined) return undefined
  return {
    ...(country === undefined ? {} : { country: country.toUpperCase() }),
    ...(city === undefined ? {} : { city }),
    ...(region === undefined ? {} : { region }),
    ...place,
    provider,
  }
}

const codeOf = (text: string | undefined): string | undefined =>
  text !== undefined && /^[a-z]{2}$/i.test(text) ? text : undefined

/** Coordinates, unless they are but the middle of a country. */
function readPlace(location: unknown): { readonly lat: number; readonly long: number } | undefined {
  const lat = coordinateOf(memberOf(location, 'latitude') ?? memberOf(location, 'lat'), 90)
  const long = coordinateOf(memberOf(location, 'longitude') ?? memberOf(location, 'lng'), 180)
  const radius = numberOf(memberOf(location, 'accuracy_radius')) ?? 0
  if (lat === undefined || long === undefined || radius > PLACE_RADIUS_KM_MAX) return undefined
  return { lat, long }
}

function coordinateOf(value: unknown, max: number): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : numberOf(value)
  return number !== undefined && Math.abs(number) <= max ? number : undefined
}

function readSystem(record: unknown): AutonomousSystem | undefined {
  const stated = memberOf(record, 'autonomous_system_number') ?? memberOf(record, 'asn')
  const number = numberOf(typeof stated === 'string' ? Number(stated.replace(/^AS/i, '')) : stated)
  if (number === undefined || number <= 0 || number >= 2 ** 32 || !Number.isInteger(number)) return undefined
  const name =
    textOf(memberOf(record, 'autonomous_system_organization')) ??
    textOf(memberOf(record, 'as_name')) ??
    textOf(memberOf(record, 'name'))
  return { number, ...(name === undefined ? {} : { name }) }
}
