import { readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { createParser } from '../../../collectors/index.ts'
import { BeaconDetector } from '../entities/beacon.ts'
import { RareClientDetector } from '../entities/rare-client.ts'
import { baselines } from '../stream/catalogue.ts'
import { readHello } from '../stream/read-clients.ts'
import { readConnection } from '../stream/read-network.ts'
import type { Deviation } from '../types.ts'

/** The attackers' machines of both days of the exercise.   @see OTRF/Security-Datasets, APT29 emulation */
const ATTACKERS = / 192\.168\.0\.[45](?::|$)/

const isChannel = (entity: string): boolean => ATTACKERS.test(entity)

/** What is listed of a day of recorded traffic, the likeliest first. */
export interface Ranking {
  readonly detector: string
  readonly pairs: readonly string[]
  /** Places of the pairs that are command and control, from 1. */
  readonly channels: readonly { readonly pair: string; readonly rank: number }[]
  /** Pairs ranked before the first of them. */
  readonly falseBefore: number
}

/** A day as the stream would bring it: Zeek's records parsed, read, and judged in order of time. */
export function judgeZeek(file: string): {
  readonly rankings: readonly Ranking[]
  readonly stated: readonly Deviation[]
} {
  const parser = createParser()
  const payloads = zstdDecompressSync(readFileSync(file)).toString().trim().split('\n')
  const events = payloads
    .map((line, offset) =>
      parser.parse({
        ...{ offset, receivedAt: Date.UTC(2026, 0, 1), source: 'zeek', format: 'json', headers: {} },
        payload: Buffer.from(line),
      }),
    )
    .filter(({ ocsf }) => ocsf.class_uid !== 0)
    .sort((a, b) => a.time - b.time)
  const beacon = new BeaconDetector()
  const rare = new RareClientDetector()
  const stated: Deviation[] = []
  for (const event of events) {
    const connection = readConnection(event, event.time)
    const deviation = connection && beacon.observe(connection)
    if (deviation) stated.push(deviation)
    const hello = readHello(event, event.time)
    if (hello) rare.observe(hello)
  }
  // The other baselines of the network, as they run: what they state of forty minutes.
  for (const baseline of baselines.filter(({ name }) => ['dns-tunnel', 'generated-domain'].includes(name))) {
    const model = baseline.start({ key: Buffer.alloc(16, 1) })
    for (const event of events) {
      if (!baseline.classes.includes(Number(event.ocsf.class_uid))) continue
      const observed = model.observe(event, event.time, () => false)
      if (observed?.deviation) stated.push(observed.deviation)
    }
  }
  return { rankings: [rank('beacon', beacon.ranked()), rank('rare-client', rare.ranked())], stated }
}

function rank(detector: string, ranked: readonly { readonly entity: string }[]): Ranking {
  const pairs = ranked.map(({ entity }) => entity)
  const channels = pairs.flatMap((pair, i) => (isChannel(pair) ? [{ pair, rank: i + 1 }] : []))
  return { detector, pairs, channels, falseBefore: (channels[0]?.rank ?? pairs.length + 1) - 1 }
}
