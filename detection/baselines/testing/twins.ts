// The twins of every detector.
import { seededRandom } from '../blocks/random.ts'
import { BeaconDetector, type BeaconState, type Connection } from '../entities/beacon.ts'
import { type DnsQuery, DnsTunnelDetector, type DnsTunnelState } from '../entities/dns-tunnel.ts'
import { ExfiltrationDetector, type ExfiltrationState, type Sent } from '../entities/exfiltration.ts'
import { FirstSeenDetector, type FirstSeenState, type Usage } from '../entities/first-seen.ts'
import { GeneratedDomainDetector, type GeneratedDomainState, type Resolution } from '../entities/generated-domain.ts'
import {
  type Attempt,
  distributedGuessing,
  GuessingDetector,
  type GuessingState,
  passwordSpray,
} from '../entities/guessing.ts'
import { type KeyCall, KeyLeakDetector, type KeyLeakState } from '../entities/key-leak.ts'
import { type Flow, NetworkBehaviourDetector, type NetworkBehaviourState } from '../entities/network-behaviour.ts'
import { type Launch, ProcessTreeDetector, type ProcessTreeState } from '../entities/process-tree.ts'
import { type Hello, RareClientDetector, type RareClientState } from '../entities/rare-client.ts'
import { type SignIn, TravelDetector, type TravelState } from '../entities/travel.ts'
import { type Amount, VolumeDetector, type VolumeState } from '../entities/volume.ts'
import {
  busyness,
  DAY_MS,
  HOUR_MS,
  normal,
  pick,
  type Random,
  range,
  START,
  type Stream,
  TWIN_KEY,
  type Twin,
} from './twin.ts'
import { launches } from './twins-host.ts'
import { guessings, leaks, sprays } from './twins-identity.ts'
import { behaviours, clients, sendings } from './twins-network.ts'

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

function usages(newValues: number, grouped = true): (seed: number) => Stream<Usage> {
  return (seed) => {
    const random = seededRandom(seed)
    const stream: Stream<Usage> = { observations: [], planted: [] }
    for (const user of range(60)) {
      const entity = `user-${user}`
      const group = `group-${user % 4}`
      const peerGroup = grouped ? group : ''
      const own = [...range(6).map((i) => `${group}-server-${(user + i * 3) % 20}`), `desktop-${user}`]
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
          if (chance < 0.03) use(at, `${group}-server-${Math.floor(random() * 20)}`)
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
    const learned = START + DAY_MS
    const end = learned + 10 * HOUR_MS
    for (const host of range(30)) {
      const source = `10.0.0.${host}`
      const call = (at: number, destination: string, bytesOut: number) =>
        stream.observations.push({ at, source, destination, bytesOut })
      // People: a page after a page, each some connections at once.
      for (let at = START; at < end; at += -Math.log(1 - random()) * (at < learned ? 12 : 4) * 60_000) {
        const site = `site-${Math.floor(40 * random() ** 3)}:443`
        for (const i of range(1 + Math.floor(random() * 12))) call(at + i * 300 * random(), site, size(900))
      }
      // Everybody's machine asks for updates, as regular as any beacon.
      for (let at = START; at < end; at += 5 * 60_000) call(at, 'updates:443', 420)
      // Some mail programs poll, most since ever; nothing but knowledge tells a new one from a beacon.
      if (host >= 20) {
        const since = host === 29 ? learned + 2 * HOUR_MS : START + random() * 8 * HOUR_MS
        for (let at = since; at < end; at += 2 * 60_000 + 3_000 * random()) call(at, `mail-${host}:993`, 260)
      }
      if (host >= 10) continue
      const from = learned + Math.floor(random() * 4 * HOUR_MS)
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
    strengths: [
      { name: '3 hosts nobody alike uses, groups learned', make: usages(3, false) },
      ...[1, 3, 8].map((values) => ({ name: `${values} hosts nobody of the group uses`, make: usages(values) })),
    ],
    create: (state) => new FirstSeenDetector(TWIN_KEY, state as FirstSeenState | undefined),
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
    create: (state) => new DnsTunnelDetector(TWIN_KEY, state as DnsTunnelState | undefined),
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
  {
    detector: 'distributed-guessing',
    strengths: [8, 15, 40].map((guesses) => ({
      name: `${guesses} guesses a day, each from elsewhere`,
      make: guessings(guesses),
    })),
    create: (state) => new GuessingDetector(distributedGuessing, TWIN_KEY, state as GuessingState | undefined),
  } satisfies Twin<Attempt>,
  {
    detector: 'password-spray',
    strengths: [
      { name: '12 users in 16 hours, from one address', make: sprays(12, 1) },
      { name: '20 users in 16 hours, from one address', make: sprays(20, 1) },
      { name: '40 users in 16 hours, from 40 addresses of a network', make: sprays(40, 40) },
      { name: '60 users in 16 hours, from one address', make: sprays(60, 1) },
    ],
    create: (state) => new GuessingDetector(passwordSpray, TWIN_KEY, state as GuessingState | undefined),
  } satisfies Twin<Attempt>,
  {
    detector: 'key-leak',
    strengths: [
      {
        name: 'from its own network by its own program, 20 calls',
        make: leaks({ elsewhere: false, tool: false, calls: 20 }),
      },
      { name: 'from elsewhere by its own program, 5 calls', make: leaks({ elsewhere: true, tool: false, calls: 5 }) },
      { name: 'from elsewhere by another program, 20 calls', make: leaks({ elsewhere: true, tool: true, calls: 20 }) },
    ],
    create: (state) => new KeyLeakDetector(state as KeyLeakState | undefined),
  } satisfies Twin<KeyCall>,
  {
    detector: 'exfiltration',
    strengths: [
      { name: 'half as much again every day, for 14 days', make: sendings(1.5, 14) },
      { name: 'twice as much every day, for 14 days', make: sendings(2, 14) },
      { name: '3 times a usual day in one night', make: sendings(3, 1) },
      { name: '10 times a usual day in one night', make: sendings(10, 1) },
      { name: '40 times a usual day in one night', make: sendings(40, 1) },
    ],
    create: (state) => new ExfiltrationDetector(state as ExfiltrationState | undefined),
  } satisfies Twin<Sent>,
  {
    detector: 'process-tree',
    strengths: [1, 2, 4].map((pairs) => ({
      name: `${pairs} programs started by what never starts them, in half an hour`,
      make: launches(pairs),
    })),
    create: (state) => new ProcessTreeDetector(state as ProcessTreeState | undefined),
  } satisfies Twin<Launch>,
  {
    detector: 'network-behaviour',
    strengths: [3, 10, 30, 100].map((connections) => ({
      name: `${connections} odd connections an hour at night`,
      make: behaviours(connections),
    })),
    create: (state) => new NetworkBehaviourDetector(TWIN_KEY, state as NetworkBehaviourState | undefined),
  } satisfies Twin<Flow>,
  {
    detector: 'rare-client',
    strengths: [
      { name: "a browser's signature, a name and a proper certificate", make: clients({ own: false, proper: true }) },
      { name: 'its own signature, a name and a proper certificate', make: clients({ own: true, proper: true }) },
      { name: "a browser's signature, no name, self-signed", make: clients({ own: false, proper: false }) },
      { name: 'its own signature, no name, self-signed', make: clients({ own: true, proper: false }) },
    ],
    create: (state) => new RareClientDetector(state as RareClientState | undefined),
  } satisfies Twin<Hello>,
]
