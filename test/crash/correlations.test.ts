import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'
import { canMountSmallDisks, fillDisk, mountSmallDisk } from '../support/small-disk.ts'

const KILLS = 6
const BATCH = 150
const MADE_UP_PER_LINE = 10
const seed = Number(process.env.RAMPART_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const base = '/v1/workspaces/default'

const rule = (id: string, act: string) =>
  `title: ${id}\nid: ${id}\nlogsource: {category: crash}\ndetection: {s: {act: ${act}}, condition: s}\n`
const correlation = (id: string, body: string) => `title: ${id}\nid: ${id}\nlevel: high\ncorrelation: {${body}}\n`

const rules: readonly (readonly [string, string])[] = [
  ['crash-fail', rule('crash-fail', 'fail')],
  ['crash-enter', rule('crash-enter', 'enter')],
  [
    'crash-many',
    correlation(
      'crash-many',
      'type: event_count, rules: [crash-fail], group-by: [who], timespan: 10m, condition: {gte: 6}',
    ),
  ],
  [
    'crash-hosts',
    correlation(
      'crash-hosts',
      'type: value_count, rules: [crash-fail], group-by: [who], timespan: 30m, condition: {gte: 4, field: host}',
    ),
  ],
  [
    'crash-then',
    correlation(
      'crash-then',
      'type: temporal_ordered, rules: [crash-many, crash-enter], group-by: [who], timespan: 20m, generate: true',
    ),
  ],
]

/** Numbers in [0, 1) from a seed, so that a failure can be had again with RAMPART_TEST_SEED. */
function random(from: number): () => number {
  let state = from
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Hours of sign-ins: most in order, some late, too late, twice, and from a clock that runs ahead. */
function makeStream(draw: () => number): readonly string[] {
  const start = Date.UTC(2026, 0, 1)
  const lines: string[] = []
  for (let n = 0; lines.length < (KILLS + 1) * BATCH; n++) {
    const at = start + n * 7_000
    const kind = draw()
    const time = kind < 0.1 ? at - draw() * 9 * 60_000 : kind < 0.13 ? at - 3 * 3_600_000 : at
    const event = {
      '@timestamp': new Date(Math.round(time)).toISOString(),
      act: draw() < 0.85 ? 'fail' : 'enter',
      who: `user-${Math.floor(draw() * 8)}`,
      host: `host-${Math.floor(draw() * 6)}`,
      n,
    }
    lines.push(JSON.stringify(event))
    if (kind > 0.95) lines.push(JSON.stringify(event))
    if (kind > 0.9 && kind < 0.92) {
      lines.push(JSON.stringify({ ...event, '@timestamp': '2199-01-01T00:00:00Z', who: 'ahead', n: -1 }))
    }
  }
  return lines.slice(0, (KILLS + 1) * BATCH)
}

/** Keys that nobody ever hears of again, among the others: more than the memory that correlations are given. */
function among(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line, n) => {
    const { '@timestamp': at } = JSON.parse(line) as Record<string, string>
    const madeUp = Array.from({ length: MADE_UP_PER_LINE }, (_, i) =>
      JSON.stringify({ '@timestamp': at, act: 'fail', who: `made-up-${n}-${i}`, host: `host-${i}`, n }),
    )
    return [line, ...madeUp]
  })
}

it.each([
  { name: 'during correlation windows', withSpill: false },
  { name: 'with most windows on the disk', withSpill: true },
])(
  `kills $name change no alert and no count (${KILLS} kills, seed ${seed})`,
  { timeout: 900_000 },
  async ({ withSpill }) => {
    const draw = random(seed)
    const plain = makeStream(draw)
    const stream = withSpill
      ? { lines: among(plain), batch: BATCH * (1 + MADE_UP_PER_LINE), env: {} }
      : { lines: plain, batch: BATCH, env: {} }
    const undisturbed = await outcomeOf(stream, async (service) => service)
    const env: Stream['env'] = withSpill ? { RAMPART_DETECTION_CORRELATION_MEMORY_MB: '1' } : {}
    const kills: number[] = []
    const killed = await outcomeOf({ ...stream, env }, async (service, again) => {
      // Some die before a record is read, some in the midst of a batch, some long after.
      const ms = Math.floor(draw() * draw() * (withSpill ? 3_000 : 400))
      kills.push(ms)
      await delay(ms)
      await service.kill()
      return await again()
    })
    console.log(
      `${undisturbed.alerts.length} rules and keys with alerts; killed ${kills.join(', ')} ms after a batch was acknowledged, ${killed.coldGroups} groups on the disk only at the end`,
    )
    expect(undisturbed.alerts.length).toBeGreaterThan(10)
    expect(new Set(undisturbed.alerts.map(({ rule }) => rule))).toEqual(
      new Set(['crash-enter', 'crash-hosts', 'crash-many', 'crash-then']),
    )
    const fails = stream.lines.filter((line) => JSON.parse(line).act === 'fail').length
    expect(undisturbed.matches).toMatchObject({ 'crash-fail': fails, 'crash-enter': stream.lines.length - fails })
    if (withSpill) expect(killed.coldGroups).toBeGreaterThan(10_000)
    expect({ ...killed, coldGroups: 0 }).toEqual({ ...undisturbed, coldGroups: 0 })
  },
)

it.skipIf(!canMountSmallDisks())(
  `a disk without room for windows changes no alert and no count, once it has some again (seed ${seed})`,
  { timeout: 600_000 },
  async () => {
    const lines = among(makeStream(random(seed)))
    const stream = { lines, batch: BATCH * (1 + MADE_UP_PER_LINE), env: {} }
    const undisturbed = await outcomeOf(stream, async (service) => service)
    const refused = (service: RunningService) =>
      eventually('a refusal', async () => service.output().includes('detection.state.notWritten'))
    let free = () => {}
    let turn = 0
    const full = await outcomeOf(
      { ...stream, env: { RAMPART_DETECTION_CORRELATION_MEMORY_MB: '1' }, diskMib: 32 },
      async (service, again, dir) => {
        // Records are taken all the while.
        switch (++turn) {
          case 2:
            free = fillDisk(dir)
            return service
          case 3:
            await refused(service)
            expect(await service.stop()).toBe(0)
            return await again()
          case 4:
            await refused(service)
            free()
            return service
          case 5:
            free = fillDisk(dir)
            return service
          case 6:
            await refused(service)
            await service.kill()
            free()
            return await again()
          default:
            return service
        }
      },
    )
    expect(turn).toBe(6)
    expect(undisturbed.alerts.length).toBeGreaterThan(10)
    expect({ ...full, coldGroups: 0 }).toEqual({ ...undisturbed, coldGroups: 0 })
  },
)

/** Groups that are on the disk only. */
async function coldGroups({ runtime }: RunningService): Promise<number> {
  const text = await (await fetch(`${runtime.endpoint}/metrics`)).text()
  return Number(/^rampart_correlation_groups\{where="disk"\} (\d+)/m.exec(text)?.[1] ?? 0)
}

interface Stream {
  readonly lines: readonly string[]
  readonly batch: number
  readonly env: Readonly<Record<string, string>>
  /** Room for windows, on a disk of their own. */
  readonly diskMib?: number
}

/** @param dir where windows are kept */
type Between = (service: RunningService, again: () => Promise<RunningService>, dir: string) => Promise<RunningService>

/** The alerts, and what rules are said to have done, of a service that got the stream in batches, with something between
 * any two of them. */
async function outcomeOf({ lines, batch, env, diskMib }: Stream, between: Between) {
  const dataDir = await mkdtemp(join(tmpdir(), 'rampart-correlations-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const dir = join(dataDir, 'correlations')
  if (diskMib !== undefined) {
    await mkdir(dir)
    onTestFinished(mountSmallDisk(dir, diskMib))
  }
  const start = () => startService({ dataDir, env })
  let service = await start()
  for (const [id, body] of rules) {
    await service.client.call(`${base}/rules/${id}`, { method: 'PUT', body, contentType: 'application/yaml' })
  }
  for (let from = 0; from < lines.length; from += batch) {
    if (from > 0) service = await between(service, start, dir)
    const body = lines.slice(from, from + batch).join('\n')
    await service.client.call(`${base}/dataspaces/default/pipes/logs/records`, {
      body,
      contentType: 'application/x-ndjson',
    })
  }
  // What is searchable was looked at, and its findings are alerts.
  await eventually('every record is processed', async () => {
    const { rows } = await service.client.call<{ rows: [number][] }>(`${base}/search`, {
      body: { query: 'source=logs | where isnotnull(act) | stats count()' },
    })
    return Number(rows[0]?.[0]) === lines.length
  })
  const alerts: Record<string, unknown>[] = []
  let cursor: string | undefined
  do {
    const page: { items: Record<string, unknown>[]; nextCursor?: string } = await service.client.call(
      `${base}/alerts?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    )
    alerts.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  const health = await service.client.call<{ rules: readonly Record<string, unknown>[] }>(`${base}/rules/health?days=2`)
  const cold = await coldGroups(service)
  await service.stop()
  const matches = Object.fromEntries(health.rules.map(({ ruleId, matches }) => [ruleId, matches]))
  return { alerts: findingsOf(alerts), matches, coldGroups: cold }
}

/** A clock that runs ahead is held to that of the service, which differs between two runs. */
const inTime = (instant: unknown): string => (String(instant) < '2026-02' ? String(instant) : 'ahead')

/** What alerts of one rule and key come to: in how many of them the hub puts late findings depends on what arrives together. */
function findingsOf(alerts: readonly Record<string, unknown>[]) {
  const byKey = Map.groupBy(alerts, ({ ruleId, dedupKey }) => `${ruleId} ${dedupKey}`)
  return [...byKey]
    .map(([key, same]) => ({
      rule: key.split(' ')[0],
      key,
      count: same.reduce((sum, { count }) => sum + Number(count), 0),
      events: same.flatMap(({ events }) => events as string[]).sort(),
      seen: same
        .flatMap(({ firstSeen, lastSeen }) => [inTime(firstSeen), inTime(lastSeen)])
        .sort()
        .at(0),
    }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
}
