// Twins of people signing in.
import { seededRandom } from '../blocks/random.ts'
import type { Attempt } from '../entities/guessing.ts'
import type { KeyCall } from '../entities/key-leak.ts'
import { busyness, DAY_MS, HOUR_MS, pick, range, START, type Stream } from './twin.ts'

const USERS = 80
const DAYS = 16

/** People sign in from the office, from home and from phones, and mistype now and then; the world knocks at the door. */
function people(seed: number): { stream: Stream<Attempt>; random: () => number; try_: (attempt: Attempt) => void } {
  const random = seededRandom(seed)
  const stream: Stream<Attempt> = { observations: [], planted: [] }
  const try_ = (attempt: Attempt) => void stream.observations.push(attempt)
  for (const index of range(USERS)) {
    const user = `user-${index}`
    for (let at = START; at < START + DAYS * DAY_MS; at += HOUR_MS * (0.5 + random())) {
      if (random() > busyness(at)) continue
      const kind = random()
      const [source, network] =
        kind < 0.6
          ? ['192.0.2.1', 'office']
          : kind < 0.9
            ? [`198.51.100.${index}`, `home-${index % 9}`]
            : [`203.0.113.${Math.floor(random() * 200)}`, 'mobile']
      const slips = random() < 0.06 ? 1 + Math.floor(random() * 3) : 0
      for (const slip of range(slips)) try_({ at: at + slip * 4_000, user, source, network, succeeded: false })
      // Who has forgotten the password, gives up.
      if (slips < 3) try_({ at: at + 20_000, user, source, network, succeeded: true })
    }
  }
  // Machines all over the world try names that everybody has, day and night.
  for (let at = START; at < START + DAYS * DAY_MS; at += -Math.log(1 - random()) * 8 * 60_000) {
    const block = Math.floor(random() * 3_000)
    const user = pick(random, ['admin', 'root', 'test', 'guest', 'oracle'])
    try_({ at, user, source: `bot-${block}.${Math.floor(random() * 4)}`, network: `bot-${block}`, succeeded: false })
  }
  return { stream, random, try_ }
}

/** Guesses for one user, from another place each time, spread over a day. */
export const guessings = (guesses: number) => (seed: number) => {
  const { stream, random, try_ } = people(seed)
  for (const victim of range(10)) {
    const user = `user-${victim * 7}`
    const from = START + (9 + Math.floor(random() * 5)) * DAY_MS + Math.floor(random() * 20) * HOUR_MS
    stream.planted.push({ entity: user, from, to: from + DAY_MS + HOUR_MS })
    for (const i of range(guesses)) {
      const network = `zombie-${Math.floor(random() * 5_000)}`
      try_({ at: from + (i * DAY_MS) / guesses, user, source: `${network}.7`, network, succeeded: false })
    }
  }
  return stream
}

/** One password for many users, from one address or from another address of a network each time, spread over a day. */
export const sprays = (users: number, addresses: number) => (seed: number) => {
  const { stream, random, try_ } = people(seed)
  for (const attacker of range(5)) {
    const network = `evil-${attacker}`
    const from = START + (9 + attacker) * DAY_MS + Math.floor(random() * 6) * HOUR_MS
    const entity = addresses === 1 ? `${network}.0` : network
    stream.planted.push({ entity, also: '(all sources)', from, to: from + 18 * HOUR_MS })
    const targets = range(USERS).sort(() => random() - 0.5)
    for (const i of range(users)) {
      const at = from + (i * 16 * HOUR_MS) / users
      const source = `${network}.${i % addresses}`
      try_({ at, user: `user-${targets[i]}`, source, network, succeeded: false })
    }
  }
  return stream
}

/** Services call with their keys from their own networks, now and then something new; and somebody else finds a key. */
export const leaks =
  ({ elsewhere, tool, calls }: { readonly elsewhere: boolean; readonly tool: boolean; readonly calls: number }) =>
  (seed: number) => {
    const random = seededRandom(seed)
    const stream: Stream<KeyCall> = { observations: [], planted: [] }
    const services = range(30).map((i) => `service-${i}`)
    const operations = ['Get', 'Put', 'List', 'Describe', 'Create', 'Delete'].flatMap((verb) =>
      range(5).map((i) => `${verb}Thing${i}`),
    )
    for (const index of range(50)) {
      const key = `AKIA${index}`
      const own = {
        networks: range(1 + Math.floor(random() * 3)).map((i) => `AS${index}${i}`),
        agents: [pick(random, ['aws-sdk-java', 'boto3', 'terraform', 'aws-cli'])],
        calls: range(6 + Math.floor(random() * 10)).map(
          () => [pick(random, services), pick(random, operations)] as const,
        ),
      }
      for (let at = START; at < START + 21 * DAY_MS; at += -Math.log(1 - random()) * 2 * HOUR_MS) {
        const [service, operation] =
          random() < 0.01 ? [pick(random, services), pick(random, operations)] : pick(random, own.calls)
        // People travel, and machines are moved.
        const network = random() < 0.003 ? `AS-new-${Math.floor(random() * 500)}` : pick(random, own.networks)
        const agent = random() < 0.002 ? 'aws-console' : pick(random, own.agents)
        const denied = random() < 0.02
        stream.observations.push({ at, key, network, agent, service, operation, region: 'eu-1', denied })
      }
      if (index >= 15) continue
      const from = START + (14 + Math.floor(random() * 5)) * DAY_MS + Math.floor(random() * 24) * HOUR_MS
      stream.planted.push({ entity: key, from, to: from + 2 * HOUR_MS })
      for (const i of range(calls)) {
        const [service, operation] =
          i === 0 ? ['sts', 'GetCallerIdentity'] : [pick(random, services), pick(random, operations)]
        const network = elsewhere ? 'AS-evil' : (own.networks[0] ?? '')
        const agent = tool ? 'pacu' : (own.agents[0] ?? '')
        const at = from + (i * HOUR_MS) / calls
        const denied = i > 0 && random() < 0.6
        stream.observations.push({ at, key, network, agent, service, operation, region: 'eu-1', denied })
      }
    }
    return stream
  }
