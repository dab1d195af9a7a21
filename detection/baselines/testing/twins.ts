// Twins of real streams: an ordinary population drawn from a seed, and attacks of a stated strength planted in it.
import { seededRandom } from '../blocks/random.ts'
import { BeaconDetector, type BeaconState, type Connection } from '../entities/beacon.ts'
import { type DnsQuery, DnsTunnelDetector, type DnsTunnelState } from '../entities/dns-tunnel.ts'
import { FirstSeenDetector, type FirstSeenState, type Usage } from '../entities/first-seen.ts'
import { GeneratedDomainDetector, type GeneratedDomainState, type Resolution } from '../entities/generated-domain.ts'
import { type SignIn, TravelDetector, type TravelState } from '../entities/travel.ts'
import { type Amount, VolumeDetector, type VolumeState } from '../entities/volume.ts'
import type { EntityDetector } from '../types.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A Monday. */
const START = Date.UTC(2026, 0, 5)

/** An attack that was planted: stated within its time on its entity it is found. */
export interface Planted {
  /** As a deviation names it. */
  readonly entity: string
  readonly from: number
  readonly to: number
}

interface Stream<Observation> {
  readonly observations: Observation[]
  readonly planted: Planted[]
}

/** A detector, and streams to try it on, each of the same people and another strength of attack. */
export interface Twin<Observation extends { readonly at: number }> {
  readonly detector: string
  readonly strengths: readonly { readonly name: string; readonly make: (seed: number) => Stream<Observation> }[]
  create(state?: unknown): EntityDetector<Observation>
}

export interface Evaluation {
  /** Undefined where nothing was stated. */
  readonly precision: number | undefined
  readonly recall: number
  /** Median, of those found. */
  readonly minutesToDetect: number | undefined
  readonly stated: number
  readonly observations: number
}

/** How well a detector finds what was planted. */
export function evaluate<Observation extends { readonly at: number }>(
  twin: Twin<Observation>,
  make: (seed: number) => Stream<Observation>,
  seed: number,
): Evaluation {
  const { observations, planted } = make(seed)
  const detector = twin.create()
  const found = new Map<Planted, number>()
  let stated = 0
  let right = 0
  for (const observation of observations.sort((a, b) => a.at - b.at)) {
    const deviation = detector.observe(observation)
    if (!deviation) continue
    stated += 1
    const hit = planted.find(
      ({ entity, from, to }) => deviation.entity === entity && deviation.at >= from && deviation.at <= to,
    )
    if (!hit) continue
    right += 1
    if (!found.has(hit)) found.set(hit, deviation.at - hit.from)
  }
  const delays = [...found.values()].sort((a, b) => a - b)
  const median = delays[delays.length >>> 1]
  return {
    precision: stated === 0 ? undefined : right / stated,
    recall: found.size / planted.length,
    minutesToDetect: median === undefined ? undefined : median / 60_000,
    stated,
    observations: observations.length,
  }
}

type Random = () => number
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** How busy people are: little at night, less at weekends. */
function busyness(at: number): number {
  const hour = Math.floor(at / HOUR_MS) % 24
  const weekday = (Math.floor(at / DAY_MS) + 3) % 7
  return (hour >= 8 && hour < 18 ? 1 : 0.15) * (weekday >= 5 ? 0.3 : 1)
}

function volumes(times: number): (seed: number) => Stream<Amount> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<Amount> = { observations: [], planted: [] }
    for (const host of range(40)) {
      const usual = 20 * Math.exp(2 * random())
      const from = START + (21 + Math.floor(random() * 5)) * DAY_MS + (8 + Math.floor(random() * 6)) * HOUR_MS
      const to = from + 6 * HOUR_MS
      const isAttacked = host < 15
      if (isAttacked) stream.planted.push({ entity: `host-${host}`, from, to })
      for (let at = START; at < START + 28 * DAY_MS; at += HOUR_MS / 4) {
        const added = isAttacked && at >= from && at < to ? times - 1 : 0
        const amount = (usual / 4) * (busyness(at) * Math.exp(0.5 * normal(random)) + added)
        stream.observations.push({ at, entity: `host-${host}`, amount })
      }
    }
    return stream
  }
}

function usages(newValues: number): (seed: number) => Stream<Usage> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<Usage> = { observations: [], planted: [] }
    for (const user of range(60)) {
      const entity = `user-${user}`
      const peerGroup = `group-${user % 4}`
      const own = [...range(6).map((i) => `${peerGroup}-server-${(user + i * 3) % 20}`), `desktop-${user}`]
      const use = (at: number, value: string) => stream.observations.push({ at, entity, peerGroup, value })
      const isAttacked = user < 20
      const from = START + (20 + Math.floor(random() * 8)) * DAY_MS + 10 * HOUR_MS
      if (isAttacked) {
        stream.planted.push({ entity, from, to: from + 2 * HOUR_MS })
        for (const i of range(newValues)) use(from + i * 10 * 60_000, `elsewhere-${Math.floor(random() * 400)}`)
      }
      for (const day of range(30)) {
        for (const _ of range(8)) {
          const at = START + day * DAY_MS + Math.floor((8 + 10 * random()) * HOUR_MS)
          const chance = random()
          // Now and then a server of the group's, rarely one nobody knows.
          if (chance < 0.03) use(at, `${peerGroup}-server-${Math.floor(random() * 20)}`)
          else if (chance < 0.0305) use(at, `odd-${Math.floor(random() * 1_000)}`)
          else use(at, pick(random, own))
        }
      }
    }
    return stream
  }
}

function beacons(jitter: number): (seed: number) => Stream<Connection> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<Connection> = { observations: [], planted: [] }
    const size = (usual: number) => Math.round(usual * Math.exp(normal(random)))
    for (const host of range(30)) {
      const source = `10.0.0.${host}`
      const call = (at: number, destination: string, bytesOut: number) =>
        stream.observations.push({ at, source, destination, bytesOut })
      // People: a page after a page, each some connections at once.
      for (let at = START; at < START + 10 * HOUR_MS; at += -Math.log(1 - random()) * 4 * 60_000) {
        const site = `site-${Math.floor(40 * random() ** 3)}:443`
        for (const i of range(1 + Math.floor(random() * 12))) call(at + i * 300 * random(), site, size(900))
      }
      // Everybody's machine asks for updates, as regular as any beacon.
      for (let at = START; at < START + 10 * HOUR_MS; at += 5 * 60_000) call(at, 'updates:443', 420)
      // Some mail programs poll: nothing but knowledge tells them from a beacon, so they cost precision.
      if (host >= 27)
        for (let at = START; at < START + 10 * HOUR_MS; at += 2 * 60_000 + 3_000 * random())
          call(at, `mail-${host}:993`, 260)
      if (host >= 10) continue
      const from = START + Math.floor(random() * 4 * HOUR_MS)
      const to = from + 4 * HOUR_MS
      stream.planted.push({ entity: `${source} c2-${host}:443`, from, to })
      for (let at = from; at < to; at += 60_000 * (1 + jitter * (2 * random() - 1)))
        call(at, `c2-${host}:443`, 310 + Math.floor(random() * 12))
    }
    return stream
  }
}

const hex = (random: Random, letters: number) =>
  range(letters)
    .map(() => Math.floor(random() * 16).toString(16))
    .join('')

function tunnels(bytesAnHour: number): (seed: number) => Stream<DnsQuery> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<DnsQuery> = { observations: [], planted: [] }
    for (const host of range(40)) {
      const client = `10.0.0.${host}`
      const ask = (at: number, sub: string, registeredDomain: string) =>
        stream.observations.push({ at, client, name: `${sub}.${registeredDomain}`, registeredDomain })
      for (let at = START; at < START + 8 * HOUR_MS; at += -Math.log(1 - random()) * 20_000) {
        const site = Math.floor(300 * random() ** 3)
        const kind = random()
        // Content networks and virus look-ups put made-up names below one domain, for everybody.
        if (kind < 0.15) ask(at, `${hex(random, 24)}.cdn`, 'content.example')
        else if (kind < 0.2) ask(at, `${hex(random, 32)}`, 'lookup.example')
        else ask(at, pick(random, ['www', 'mail', 'static', 'api', 'img1', 'img2', 'login']), `site-${site}.example`)
      }
      if (host >= 10) continue
      const from = START + Math.floor(random() * 4 * HOUR_MS)
      const to = from + 3 * HOUR_MS
      stream.planted.push({ entity: `${client} tunnel-${host}.example`, from, to })
      // 50 hexadecimal letters carry 25 bytes.
      for (let at = from; at < to; at += (25 * HOUR_MS) / bytesAnHour)
        ask(at, hex(random, 50), `tunnel-${host}.example`)
    }
    return stream
  }
}

const syllables = [
  'ba',
  'con',
  'da',
  'el',
  'fin',
  'go',
  'ha',
  'in',
  'ju',
  'ka',
  'lo',
  'mar',
  'net',
  'or',
  'pa',
  'ra',
  'sol',
  'ta',
  'ver',
  'work',
  'shop',
  'data',
  'soft',
  'bank',
  'er',
  'ly',
  'ing',
  'mo',
  'ni',
  'po',
]
const word = (random: Random) =>
  range(2 + Math.floor(random() * 3))
    .map(() => pick(random, syllables))
    .join('')
const letters = 'abcdefghijklmnopqrstuvwxyz'
const gibberish = (random: Random) =>
  range(12 + Math.floor(random() * 6))
    .map(() => pick(random, [...letters]))
    .join('')

function domains(names: number, invent: (random: Random) => string): (seed: number) => Stream<Resolution> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<Resolution> = { observations: [], planted: [] }
    const world = range(3_000).map(() => word(random))
    for (const host of range(50)) {
      const client = `10.0.0.${host}`
      for (let at = START; at < START + 24 * HOUR_MS; at += -Math.log(1 - random()) * 3 * 60_000) {
        const label = world[Math.floor(world.length * random() ** 2)] ?? ''
        // Some mistype, and some of the names are short for something.
        const kind = random()
        const slip = Math.floor(random() * label.length)
        if (kind < 0.03)
          stream.observations.push({
            at,
            client,
            label: label.slice(0, slip) + pick(random, [...letters]) + label.slice(slip + 1),
            resolved: false,
          })
        else if (kind < 0.04)
          stream.observations.push({ at, client, label: gibberish(random).slice(0, 5), resolved: true })
        else stream.observations.push({ at, client, label, resolved: true })
      }
      if (host >= 15) continue
      const from = START + Math.floor((16 + 7 * random()) * HOUR_MS)
      stream.planted.push({ entity: client, from, to: from + 20 * 60_000 })
      for (const i of range(names))
        stream.observations.push({
          at: from + (i * 8 * 60_000) / names,
          client,
          label: invent(random),
          resolved: i === names - 1,
        })
    }
    return stream
  }
}

function travels(hoursApart: number): (seed: number) => Stream<SignIn> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<SignIn> = { observations: [], planted: [] }
    for (const index of range(80)) {
      const user = `user-${index}`
      const home = { latitude: 60 * random() - 10, longitude: 200 * random() - 100 }
      const sign = (at: number, place: { latitude: number; longitude: number }, network: string) =>
        stream.observations.push({ at, user, ...place, accuracyKm: 50, network })
      for (const day of range(28)) {
        for (const _ of range(4)) {
          const at = START + day * DAY_MS + Math.floor((8 + 9 * random()) * HOUR_MS)
          // The firm's tunnel comes out far away; a phone moves about.
          if (random() < 0.15) sign(at, { latitude: 50, longitude: 8 }, 'tunnel')
          else
            sign(
              at,
              { latitude: home.latitude + random(), longitude: home.longitude + random() },
              pick(random, [`home-${index}`, `mobile-${index % 3}`]),
            )
        }
      }
      // Some really fly.
      if (index % 8 === 7)
        sign(
          START + 12 * DAY_MS + 32 * HOUR_MS,
          { latitude: home.latitude + 20, longitude: home.longitude + 30 },
          `hotel-${index}`,
        )
      if (index >= 20) continue
      const from = START + 20 * DAY_MS + 20 * HOUR_MS
      sign(from - hoursApart * HOUR_MS, home, `cafe-${index}`)
      sign(from, { latitude: home.latitude, longitude: home.longitude + 60 }, `elsewhere-${index}`)
      stream.planted.push({ entity: user, from, to: from })
    }
    return stream
  }
}

// biome-ignore lint/suspicious/noExplicitAny: twins of different observations stand in one list
export const twins: readonly Twin<any>[] = [
  {
    detector: 'volume',
    strengths: [2, 4, 10].map((times) => ({
      name: `${times} times the usual hour, for 6 hours`,
      make: volumes(times),
    })),
    create: (state) => new VolumeDetector(state as VolumeState | undefined),
  } satisfies Twin<Amount>,
  {
    detector: 'first-seen',
    strengths: [1, 3, 8].map((values) => ({ name: `${values} hosts nobody of the group uses`, make: usages(values) })),
    create: (state) => new FirstSeenDetector(state as FirstSeenState | undefined),
  } satisfies Twin<Usage>,
  {
    detector: 'beacon',
    strengths: [0.9, 0.5, 0.2, 0].map((jitter) => ({
      name: `once a minute, jitter ${100 * jitter} %`,
      make: beacons(jitter),
    })),
    create: (state) => new BeaconDetector(state as BeaconState | undefined),
  } satisfies Twin<Connection>,
  {
    detector: 'dns-tunnel',
    strengths: [1_000, 5_000, 50_000].map((bytes) => ({
      name: `${bytes.toLocaleString('en')} bytes an hour`,
      make: tunnels(bytes),
    })),
    create: (state) => new DnsTunnelDetector('key of the twins', state as DnsTunnelState | undefined),
  } satisfies Twin<DnsQuery>,
  {
    detector: 'generated-domain',
    strengths: [
      { name: '10 names made of words', make: domains(10, word) },
      { name: '100 names made of words', make: domains(100, word) },
      { name: '10 names of random letters', make: domains(10, gibberish) },
      { name: '30 names of random letters', make: domains(30, gibberish) },
      { name: '100 names of random letters', make: domains(100, gibberish) },
    ],
    create: (state) => new GeneratedDomainDetector(state as GeneratedDomainState | undefined),
  } satisfies Twin<Resolution>,
  {
    detector: 'impossible-travel',
    strengths: [8, 4, 0.5].map((hours) => ({ name: `60° of longitude in ${hours} hours`, make: travels(hours) })),
    create: (state) => new TravelDetector(state as TravelState | undefined),
  } satisfies Twin<SignIn>,
]
