import type { Event, JsonValue } from '../../../pipeline/index.ts'
import type { Usage } from '../entities/first-seen.ts'
import type { Attempt } from '../entities/guessing.ts'
import type { SignIn } from '../entities/travel.ts'
import type { Amount } from '../entities/volume.ts'
import { amountOf, deviceOf, hostOf, memberOf, nameOf, networkOf, oncePerEvent, userOf } from './members.ts'

/** OCSF Authentication, and of its activities those by which somebody comes in. */
const LOGON = 1
const TICKET = 3
const PREAUTH = 6
const SUCCESS = 1
const FAILURE = 2

const isAttempt = ({ ocsf }: Event): boolean =>
  ocsf.activity_id === LOGON || ocsf.activity_id === TICKET || ocsf.activity_id === PREAUTH

const succeeded = ({ ocsf }: Event): boolean => ocsf.activity_id === LOGON && ocsf.status_id === SUCCESS

/** Who signs in; machines' own accounts and the system's are nobody's. */
const personOf = oncePerEvent(({ ocsf }): string | undefined => {
  const name = userOf(ocsf.user)
  return name === undefined || name === 'unknown' || name.endsWith('$') || SYSTEM.has(name) ? undefined : name
})
const SYSTEM = new Set(['system', 'local service', 'network service', 'anonymous logon'])

const sourceNetworkOf = oncePerEvent(({ ocsf }) => networkOf(ocsf.src_endpoint))

/** An attempt of a user to sign in. */
export function readAttempt(event: Event, at: number): Amount | undefined {
  const entity = isAttempt(event) ? personOf(event) : undefined
  return entity === undefined ? undefined : { at, entity, amount: 1 }
}

/** A host that a user signed in to. */
export function readHostUse(event: Event, at: number): Usage | undefined {
  if (!succeeded(event)) return undefined
  const entity = personOf(event)
  const { ocsf } = event
  const value = (hostOf(ocsf.dst_endpoint) ?? deviceOf(event) ?? nameOf(memberOf(ocsf.service, 'name')))?.toLowerCase()
  if (entity === undefined || value === undefined) return undefined
  return { at, entity, peerGroup: groupOf(ocsf.user), value }
}

/** A country that a user signed in from. */
export function readCountryUse(event: Event, at: number): Usage | undefined {
  if (!succeeded(event)) return undefined
  const entity = personOf(event)
  const { ocsf } = event
  const value = nameOf(memberOf(memberOf(ocsf.src_endpoint, 'location'), 'country'))?.toUpperCase()
  if (entity === undefined || value === undefined) return undefined
  return { at, entity, peerGroup: groupOf(ocsf.user), value }
}

/** What the event says of who is alike: a department, else nothing, and groups are learned. */
const groupOf = (user: JsonValue | undefined): string => nameOf(memberOf(memberOf(user, 'org'), 'ou_name')) ?? ''

/** A sign-in that succeeded, from a place the event tells. */
export function readSignIn(event: Event, at: number): SignIn | undefined {
  if (!succeeded(event)) return undefined
  const place = placeOf(event)
  const user = place && personOf(event)
  const network = sourceNetworkOf(event)
  return place === undefined || user === undefined || network === undefined
    ? undefined
    : { at, user, ...place, network }
}

type Found = Pick<SignIn, 'latitude' | 'longitude' | 'accuracyKm'>

/** A place that is off by less than a country is: half of what cities spread over. */
const ACCURACY_KM = 50
/** A place that a database gives for an address is off by no more: it tells none that it is less sure of. */
const LOOKED_UP_KM = 200

/** Okta's and Entra's own members, else OCSF's location, which a database of addresses may have told. */
function placeOf({ ocsf, original }: Event): Found | undefined {
  const location = memberOf(ocsf.src_endpoint, 'location')
  const pair = memberOf(location, 'coordinates')
  return (
    fromPoint(memberOf(memberOf(memberOf(original, 'client'), 'geographicalContext'), 'geolocation')) ??
    fromPoint(memberOf(memberOf(original, 'location'), 'geoCoordinates')) ??
    fromPoint(memberOf(memberOf(memberOf(original, 'properties'), 'location'), 'geoCoordinates')) ??
    (Array.isArray(pair) ? toPlace(pair[1], pair[0]) : undefined) ??
    toPlace(
      memberOf(location, 'lat'),
      memberOf(location, 'long'),
      memberOf(location, 'provider') === undefined ? ACCURACY_KM : LOOKED_UP_KM,
    )
  )
}

const fromPoint = (point: JsonValue | undefined): Found | undefined =>
  toPlace(memberOf(point, 'lat') ?? memberOf(point, 'latitude'), memberOf(point, 'lon') ?? memberOf(point, 'longitude'))

function toPlace(lat: JsonValue | undefined, long: JsonValue | undefined, accuracyKm = ACCURACY_KM): Found | undefined {
  const [latitude, longitude] = [amountOf(lat), amountOf(long)]
  if (latitude === undefined || longitude === undefined) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return undefined
  return { latitude, longitude, accuracyKm }
}

/** An attempt from somewhere, and whether it succeeded. */
export function readGuess(event: Event, at: number): Attempt | undefined {
  const { ocsf } = event
  if (!isAttempt(event) || (ocsf.status_id !== SUCCESS && ocsf.status_id !== FAILURE)) return undefined
  const user = personOf(event)
  const source = hostOf(ocsf.src_endpoint)
  if (user === undefined || source === undefined) return undefined
  return { at, user, source, network: sourceNetworkOf(event) ?? source, succeeded: ocsf.status_id === SUCCESS }
}
