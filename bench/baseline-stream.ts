import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { createParser } from '../collectors/index.ts'
import { seededRandom } from '../detection/baselines/blocks/random.ts'
import { createBaselineWatcher } from '../detection/baselines/stream/watcher.ts'
import { createDetector } from '../detection/online/detector.ts'
import type { Event, JsonObject } from '../pipeline/index.ts'
import { parseAccountId } from '../platform/index.ts'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const account = parseAccountId('000000000001')
const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }
const START = Date.UTC(2026, 0, 5)
const BATCH = 2_000

/** What all baselines together cost an event of a mixed stream, and what keeping their state costs: connections, names asked
 * for, launches, sign-ins and API calls in turn, of as many hosts and users as a firm has, over 10 days. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  measureRecorded(report, quick)
  for (const hosts of quick ? [500] : [500, 20_000]) measure(report, hosts, quick ? 200_000 : 1_000_000)
}

/** Recorded Windows events and CloudTrail records, in which most are none of the baselines'. */
function measureRecorded(report: Report, quick: boolean): void {
  const folder = sharedData('attack-logs')
  if (!folder) {
    report({ case: 'recorded events: left out, ../shared/data/attack-logs is absent', value: 0, unit: '' })
    return
  }
  const { detector } = watching()
  const parser = createParser()
  const files = readdirSync(folder).filter((name) => /^(?:cloudtrail|otrf).*\.zst$/.test(name))
  let count = 0
  let used = 0
  for (const name of files.slice(0, quick ? 20 : 60)) {
    const lines = zstdDecompressSync(readFileSync(join(folder, name)))
      .toString()
      .trim()
      .split('\n')
      .slice(0, 20_000)
    const events = lines.map((line) =>
      parser.parse({
        ...{ offset: count++, receivedAt: START, source: 'bench', format: 'json', headers: {} },
        payload: Buffer.from(line),
      }),
    )
    const startedAt = process.cpuUsage()
    detector.detect(shard, events)
    const { user, system } = process.cpuUsage(startedAt)
    used += user + system
  }
  report({
    case: 'all baselines, recorded Windows and CloudTrail events',
    value: (count * 1e6) / used,
    unit: 'events/s',
  })
  report({ case: 'all baselines, recorded Windows and CloudTrail events, an event', value: used / count, unit: 'µs' })
}

function watching() {
  const watcher = createBaselineWatcher()
  watcher.changeSettings({ account, key: Buffer.alloc(16, 1), settings: [] })
  return { detector: createDetector({ watchers: [watcher] }) }
}

function measure(report: Report, hosts: number, count: number): void {
  const { detector } = watching()
  const make = mixture(hosts, count)
  let used = 0
  let findings = 0
  const batches: number[] = []
  for (let from = 0; from < count; from += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => make(from + i))
    const startedAt = process.cpuUsage()
    findings += detector.detect(shard, events).length
    const { user, system } = process.cpuUsage(startedAt)
    used += user + system
    batches.push(user + system)
  }
  batches.sort((a, b) => b - a)
  const title = `all baselines, ${hosts.toLocaleString('en')} hosts`
  report({ case: `${title}: a mixed stream`, value: (count * 1e6) / used, unit: 'events/s' })
  report({ case: `${title}: a mixed stream, an event`, value: used / count, unit: 'µs' })
  report({ case: `${title}: the slowest 2,000 events`, value: (batches[0] ?? 0) / 1000, unit: 'ms' })
  // The few that the garbage collector walks over all in tell of the machine.
  const hundredth = batches[Math.floor(batches.length / 100)] ?? 0
  report({ case: `${title}: the slowest 2,000 events of a hundred times as many`, value: hundredth / 1000, unit: 'ms' })
  report({ case: `${title}: findings`, value: findings, unit: '' })
  measureState(report, { title, detector, make: (i) => make(count + i) })
}

/** What it costs to keep all that was learned, which is written piece by piece while the stream goes on: how long the stream
 * ever waits for it. */
function measureState(
  report: Report,
  {
    title,
    detector,
    make,
  }: {
    readonly title: string
    readonly detector: ReturnType<typeof createDetector>
    readonly make: (i: number) => Event
  },
): void {
  const time = <T>(work: () => T) => {
    const startedAt = performance.now()
    const result = work()
    return { ms: performance.now() - startedAt, result }
  }
  let slowest = 0
  let next = 0
  let bytes = 0
  for (let snapshot = 0; snapshot < 4; snapshot++) {
    const { ms, result } = time(() => detector.snapshot(shard)?.length ?? 0)
    slowest = Math.max(slowest, ms)
    bytes = result
    for (let batch = 0; batch < 40; batch++) {
      const events = Array.from({ length: 250 }, () => make(next++))
      slowest = Math.max(slowest, time(() => detector.detect(shard, events)).ms)
    }
  }
  report({ case: `${title}: the state`, value: bytes / 1e6, unit: 'MB' })
  report({ case: `${title}: the longest wait while it is kept, 250 events with it`, value: slowest, unit: 'ms' })
}

/** The i-th event. */
function mixture(hosts: number, count: number): (i: number) => Event {
  const random = seededRandom(7)
  const pick = (max: number) => Math.floor(max * random() ** 2)
  const hex = () => Math.floor(random() * 2 ** 32).toString(16)
  const programs = [
    'explorer.exe',
    'chrome.exe',
    'svchost.exe',
    'cmd.exe',
    'outlook.exe',
    'winword.exe',
    'services.exe',
  ]
  const kinds: readonly ((host: number) => JsonObject)[] = [
    (host) => ({
      ...{ class_uid: 4001, activity_id: random() < 0.02 ? 4 : 2 },
      src_endpoint: { ip: ipOf(host) },
      dst_endpoint: { ip: `198.51.${pick(8)}.${pick(250)}`, port: random() < 0.8 ? 443 : 80 },
      traffic: { bytes_out: 500 + pick(20_000), bytes_in: 2_000 + pick(200_000) },
    }),
    (host) => ({
      ...{ class_uid: 4003, activity_id: 2, rcode_id: random() < 0.03 ? 3 : 0 },
      src_endpoint: { ip: ipOf(host) },
      query: { hostname: random() < 0.1 ? `${hex()}.cdn.example.com` : `www.site${pick(3_000)}.com` },
    }),
    (host) => ({
      ...{ class_uid: 1007, activity_id: 1, device: { hostname: `host-${host}` } },
      process: {
        file: { name: programs[pick(7)] ?? '' },
        parent_process: { file: { name: programs[pick(7)] ?? '' } },
      },
    }),
    (host) => ({
      ...{ class_uid: 3002, activity_id: 1, status_id: random() < 0.05 ? 2 : 1 },
      user: { name: `user-${host}` },
      src_endpoint: {
        ip: ipOf(host),
        location: { lat: 40 + (host % 10), long: host % 20 },
        autonomous_system: { number: host % 50 },
      },
      dst_endpoint: { hostname: `server-${pick(40)}` },
    }),
    (host) => ({
      ...{ class_uid: 6003, activity_id: 2, status_id: 1 },
      actor: { user: { name: `robot-${host % 300}`, credential_uid: `AKIA${host % 300}` } },
      api: { operation: `Get${pick(30)}`, service: { name: `service-${pick(20)}` } },
      src_endpoint: { ip: ipOf(host % 300) },
      http_request: { user_agent: 'boto3/1.34 Python/3.12' },
      cloud: { region: 'eu-1' },
    }),
  ]
  return (i) => {
    const time = START + Math.floor((i * 10 * 86_400_000) / count)
    const kind = kinds[i % kinds.length] as (host: number) => JsonObject
    return { offset: i, time, receivedAt: time, original: {}, ocsf: kind(pick(hosts)), logsource: {}, raw: '' }
  }
}

const ipOf = (host: number): string => `10.${host >>> 16}.${(host >>> 8) & 255}.${host & 255}`
