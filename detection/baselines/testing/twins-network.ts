// Twins of what hosts send.
import { seededRandom } from '../blocks/random.ts'
import type { Sent } from '../entities/exfiltration.ts'
import type { Flow } from '../entities/network-behaviour.ts'
import type { Hello } from '../entities/rare-client.ts'
import { busyness, DAY_MS, HOUR_MS, normal, range, START, type Stream } from './twin.ts'

/** Hosts send more and less; one night all are backed up; and some lose data: `times` the usual day in one night, or every
 * day `times` as much for two weeks. */
export const sendings = (times: number, days: number) => (seed: number) => {
  const random = seededRandom(seed)
  const stream: Stream<Sent> = { observations: [], planted: [] }
  for (const index of range(60)) {
    const host = `host-${index}`
    const usual = 4e6 * Math.exp(3 * random())
    const fromDay = 24 + Math.floor(random() * 8)
    const isAttacked = index < 12
    const from = START + fromDay * DAY_MS + (days === 1 ? 1 : 0) * HOUR_MS
    if (isAttacked)
      stream.planted.push({ entity: host, from, to: START + (fromDay + days + (days > 1 ? 1 : 0)) * DAY_MS })
    for (const day of range(42)) {
      const mood = Math.exp(0.35 * normal(random))
      for (const hour of range(24)) {
        const at = START + day * DAY_MS + hour * HOUR_MS + Math.floor(random() * HOUR_MS)
        let bytes = usual * mood * busyness(at) * Math.exp(0.6 * normal(random)) * 0.4
        if (day === 30) bytes += 4 * usual
        // Sometimes one sends a film.
        if (random() < 0.0004) bytes += usual * 8 * random()
        if (isAttacked && day >= fromDay && day < fromDay + days)
          bytes += days === 1 ? (hour >= 1 && hour < 5 ? (times * usual * 4) / 4 : 0) : ((times - 1) * usual * 4.5) / 24
        stream.observations.push({ at, host, bytes })
      }
    }
  }
  return stream
}

/** Hosts talk as busily as their people are, the more connections the more of everything; some scan slowly, some answer many
 * times what they are asked, each number within what the host reaches at its busiest. */
export const behaviours = (strength: number) => (seed: number) => {
  const random = seededRandom(seed)
  const stream: Stream<Flow> = { observations: [], planted: [] }
  for (const index of range(30)) {
    const host = `10.0.0.${index}`
    const usual = 8 + 20 * random()
    const sites = 4 + Math.floor(random() * 12)
    const attackHour = (16 + Math.floor(random() * 4)) * 24 + 2 + Math.floor(random() * 3)
    const isAttacked = index < 10
    if (isAttacked)
      stream.planted.push({ entity: host, from: START + attackHour * HOUR_MS, to: START + (attackHour + 12) * HOUR_MS })
    for (const hour of range(21 * 24)) {
      const start = START + hour * HOUR_MS
      const count = Math.ceil(usual * busyness(start) * Math.exp(0.4 * normal(random)))
      const attacks = isAttacked && hour >= attackHour && hour < attackHour + 3 ? strength : 0
      for (const i of range(count))
        stream.observations.push({
          ...{ at: start + (i * HOUR_MS) / count, host, failed: random() < 0.02 },
          peer: `site-${Math.floor(sites * random() ** 2)}`,
          port: random() < 0.9 ? '443' : '80',
          bytesOut: 900 * Math.exp(0.7 * normal(random)),
          bytesIn: 9_000 * Math.exp(normal(random)),
        })
      for (const i of range(attacks))
        stream.observations.push({
          ...{ at: start + (i * HOUR_MS) / attacks + 1, host, failed: index % 2 === 0 && random() < 0.7 },
          peer: index % 2 === 0 ? `10.0.1.${i}` : 'drop-box',
          port: index % 2 === 0 ? '445' : '443',
          bytesOut: index % 2 === 0 ? 60 : 9_000,
          bytesIn: index % 2 === 0 ? 0 : 300,
        })
    }
  }
  return stream
}

/** Browsers go everywhere, updaters each to their maker, some devices to what signs its own certificate; and something speaks
 * to its master. */
export const clients =
  ({ own, proper }: { readonly own: boolean; readonly proper: boolean }) =>
  (seed: number) => {
    const random = seededRandom(seed)
    const stream: Stream<Hello> = { observations: [], planted: [] }
    for (const index of range(40)) {
      const source = `10.0.0.${index}`
      const say = (at: number, destination: string, more: Partial<Hello> = {}) =>
        stream.observations.push({
          ...{ at, source, destination, signature: `browser-${index % 3}`, serverName: destination, selfSigned: false },
          ...more,
        })
      for (let at = START; at < START + 7 * DAY_MS; at += -Math.log(1 - random()) * 20 * 60_000) {
        if (random() > busyness(at)) continue
        const kind = random()
        if (kind < 0.8) say(at, `site-${Math.floor(400 * random() ** 2)}`)
        else if (kind < 0.95) {
          const maker = Math.floor(12 * random())
          say(at, `updates-${maker}`, { signature: `updater-${maker}` })
        } else if (kind < 0.97) say(at, 'printer', { selfSigned: true, serverName: '' })
        // Somebody's own tool, and a device at home.
        else if (kind < 0.98 && index % 10 === 9) say(at, `tool-${index}`, { signature: `tool-${index}` })
        else if (kind < 0.985 && index % 10 === 8) say(at, `camera-${index}`, { selfSigned: true, serverName: '' })
      }
      if (index >= 10) continue
      const from = START + (4 + Math.floor(random() * 2)) * DAY_MS + Math.floor(random() * 20) * HOUR_MS
      const to = from + 6 * HOUR_MS
      const master = `192.0.2.${index}`
      stream.planted.push({ entity: `${source} ${master}`, from, to })
      for (let at = from; at < to; at += 8 * 60_000)
        say(at, master, {
          ...(own ? { signature: `implant-${index}` } : {}),
          ...(proper ? {} : { serverName: '', selfSigned: true }),
        })
    }
    return stream
  }
