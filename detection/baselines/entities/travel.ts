import { addFew } from '../blocks/few.ts'
import type { QuietestOut } from '../blocks/quietest-out.ts'
import { mapOf, type Savable, type Saved, tableOf } from '../blocks/savable.ts'
import { shortKey } from '../blocks/short-key.ts'
import { ENTITIES_MAX } from '../limits.ts'
import type { Deviation, EntityDetector, LearningState } from '../types.ts'
import { isSound } from './observable.ts'

/** A sign-in that succeeded. */
export interface SignIn {
  readonly at: number
  readonly user: string
  readonly latitude: number
  readonly longitude: number
  /** How far off the place may be; 0 where it is known. */
  readonly accuracyKm: number
  /** Whose network it came from: an autonomous system, a provider. */
  readonly network: string
}

const NAME = 'impossible-travel'
const VERSION = 4
const EARTH_RADIUS_KM = 6371
/** An airliner's speed; what is faster was two people, or one with a proxy. */
const SPEED_KMH_MAX = 900
const DISTANCE_KM_MIN = 500
/** Hours of a flight that nobody flies: to the gate, on the runway, out again. */
const GROUND_HOURS = 1.5
/** Days on which a user came from a network that make it the user's own. */
const OWN_DAYS = 3
/** Users that make a network everybody's. */
const SHARED_USERS = 5
const NETWORKS_HELD = 32
const DAY_MS = 86_400_000
/** Sign-ins closer in time count as this far apart: clocks differ. */
const CLOCK_MS = 60_000

interface Place {
  latitude: number
  longitude: number
}

interface Network extends Place {
  readonly name: string
  days: number
  lastDay: number
}

interface Traveller {
  /** On which the user came in, and the last of them. */
  days: number
  lastDay: number
  /** From elsewhere than everybody's networks. */
  last: SignIn | null
  /** In order of their last use, oldest first. */
  readonly networks: Network[]
}

export interface TravelState {
  readonly latestAt: number
  readonly networks: Saved<readonly string[]>
  readonly travellers: Saved<Traveller>
}

/** Two sign-ins of a user that nobody can have travelled between: great-circle distance (haversine), less what both places
 * may be off, over the time between them less 1.5 hours on the ground, above 900 km/h and 500 km. Places within 500 km of a
 * network that the user came from on three days are the user's own, and nobody is stated for coming home; networks of five
 * users (a tunnel of the firm's, a carrier) say nothing of where one is, and are stepped over. Users of less than three days
 * are not judged. The score is 1 - 900/speed.   @see Sinnott: Virtues of the Haversine, Sky & Telescope 68, 1984 */
export class TravelDetector implements EntityDetector<SignIn> {
  readonly #travellers: QuietestOut<Traveller>
  /** Up to five users of each network. */
  readonly #networks: QuietestOut<string[]>
  #latestAt: number

  constructor(state?: TravelState) {
    this.#latestAt = state?.latestAt ?? 0
    this.#networks = mapOf(ENTITIES_MAX, state?.networks, (users) => [...users])
    this.#travellers = mapOf(ENTITIES_MAX, state?.travellers, copy)
  }

  observe(signIn: SignIn): Deviation | undefined {
    const { at, user, network } = signIn
    if (!isSound(at, signIn.latitude, signIn.longitude, signIn.accuracyKm)) return undefined
    this.#latestAt = Math.max(this.#latestAt, at)
    const traveller = this.#travellers.use(user, fresh, this.#latestAt)
    const users = this.#networks.use(network, nobody, this.#latestAt)
    addFew(users, user, SHARED_USERS)
    const { latitude, longitude } = signIn
    const day = Math.floor(at / DAY_MS)
    const use = useOf(traveller.networks, signIn)
    if (use.lastDay !== day) {
      use.days += 1
      use.lastDay = day
      use.latitude = latitude
      use.longitude = longitude
    }
    if (traveller.lastDay !== day) {
      traveller.days += 1
      traveller.lastDay = day
    }
    if (users.length >= SHARED_USERS) return undefined
    const { last } = traveller
    traveller.last = signIn
    if (!last || traveller.days < OWN_DAYS || network === last.network || isAtHome(traveller, signIn)) return undefined
    const distanceKm = haversineKm(last, signIn) - last.accuracyKm - signIn.accuracyKm
    const hours = Math.max(CLOCK_MS, Math.abs(at - last.at)) / 3_600_000
    const speed = distanceKm / Math.max(CLOCK_MS / 3_600_000, hours - GROUND_HOURS)
    if (distanceKm < DISTANCE_KM_MIN || speed <= SPEED_KMH_MAX) return undefined
    return {
      detector: NAME,
      version: VERSION,
      entity: user,
      at,
      since: Math.min(at, last.at),
      score: 1 - SPEED_KMH_MAX / speed,
      expected: `at most ${SPEED_KMH_MAX} km/h between two sign-ins, after ${GROUND_HOURS} hours on the ground`,
      seen: `${Math.round(distanceKm)} km from ${last.network} to ${network} in ${hours.toFixed(1)} hours`,
    }
  }

  learning(user: string): LearningState {
    const traveller = this.#travellers.peek(user)
    if (!traveller) return { state: 'unknown', progress: 0 }
    const progress = Math.min(1, traveller.days / OWN_DAYS)
    return { state: progress < 1 ? 'learning' : 'active', progress }
  }

  names(): Iterable<string> {
    return this.#travellers.keys()
  }

  save(): Savable {
    return {
      rest: { latestAt: this.#latestAt },
      tables: {
        networks: tableOf(this.#networks, (users) => [...users]),
        travellers: tableOf(this.#travellers, (traveller) => traveller),
      },
    }
  }
}

const nobody = (): string[] => []
const fresh = (): Traveller => ({ days: 0, lastDay: -1, last: null, networks: [] })

const copy = ({ networks, ...traveller }: Traveller): Traveller => ({
  ...traveller,
  networks: networks.map((network) => ({ ...network })),
})

/** What is known of the network of a sign-in, which is the one used last then; of so few a list is enough. */
function useOf(networks: Network[], { network, latitude, longitude }: SignIn): Network {
  const name = shortKey(network)
  const place = networks.findLastIndex((one) => one.name === name)
  const known = networks[place] ?? { name, days: 0, lastDay: -1, latitude, longitude }
  if (place >= 0 && place === networks.length - 1) return known
  if (place >= 0) networks.splice(place, 1)
  else if (networks.length >= NETWORKS_HELD) networks.shift()
  networks.push(known)
  return known
}

/** Whether a place is one of the user's own: near a network that was used on three days. */
function isAtHome({ networks }: Traveller, place: Place): boolean {
  for (const network of networks)
    if (network.days >= OWN_DAYS && haversineKm(network, place) < DISTANCE_KM_MIN) return true
  return false
}

function haversineKm(from: Place, to: Place): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const half = (a: number, b: number) => Math.sin(radians(b - a) / 2) ** 2
  const chord =
    half(from.latitude, to.latitude) +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * half(from.longitude, to.longitude)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)))
}
