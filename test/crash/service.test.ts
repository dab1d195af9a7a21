import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../../cli/client.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const KILLS = 20
const seed = Number(process.env.RAMPART_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const RULE_ID = '0b7f2f5e-7a53-4b5c-9a0d-5c1f3d6f4b01'
const base = '/v1/workspaces/default'

const rule = `
title: Marked for the crash test
id: ${RULE_ID}
status: test
logsource:
  category: crash
detection:
  selection:
    crash_alert: true
  condition: selection
level: high
`

const playbook = (address: string) => `
playbook: 1
id: crash-effect
name: Tells the far side once a step
run_as: role/playbook-runner
permissions: [http.request]
inputs:
  user: {type: string, required: true}
triggers:
  - id: marked
    alert: {on: [created], where: 'alert.rule_id == "${RULE_ID}"'}
    inputs: {user: '\${{ alert.entities.users[0] }}'}
steps:
  - id: first
    action: http.request
    with: {method: POST, url: 'http://${address}/first', body: {user: '\${{ inputs.user }}'}}
    retry: {max: 20, initial: 50ms, max_delay: 500ms}
  - id: second
    action: http.request
    with: {method: POST, url: 'http://${address}/second', body: {user: '\${{ inputs.user }}', before: '\${{ string(steps.first.output.status) }}'}}
    retry: {max: 20, initial: 50ms, max_delay: 500ms}
`

let dir: string
let farSide: Server
let address: string
/** For each user and step: the distinct idempotency keys that the far side was given. */
const keys = new Map<string, Set<string>>()
let requests = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rampart-crash-'))
  farSide = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests += 1
    const effect = `${request.url} ${(JSON.parse(body) as { user: string }).user}`
    const seen = keys.get(effect) ?? new Set()
    keys.set(effect, seen.add(String(request.headers['idempotency-key'])))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  farSide.listen(0, '127.0.0.1')
  await once(farSide, 'listening')
  address = `127.0.0.1:${(farSide.address() as AddressInfo).port}`
})

afterAll(async () => {
  farSide.close()
  farSide.closeAllConnections()
  await rm(dir, { recursive: true, force: true })
})

/** Numbers in [0, 1) from a seed, so that a failure can be had again with RAMPART_TEST_SEED. */
function random(from: number): () => number {
  let state = from
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

it(`loses nothing acknowledged and does nothing twice over ${KILLS} kills (seed ${seed})`, {
  timeout: 600_000,
}, async () => {
  const draw = random(seed)
  const env = { RAMPART_PLAYBOOKS_EGRESS_ALLOW: address }
  const acknowledged = new Set<string>()
  const alerted = new Set<string>()
  const lives: { name: string; sent: number }[] = []

  let service = await startService({ dataDir: dir, env })
  await service.client.call(`${base}/rules/${RULE_ID}`, { method: 'PUT', body: rule, contentType: 'application/yaml' })
  await service.client.call(`${base}/playbooks/crash-effect`, {
    method: 'PUT',
    body: playbook(address),
    contentType: 'application/yaml',
  })

  for (let life = 0; life < KILLS; life += 1) {
    if (life > 0) service = await startService({ dataDir: dir, env })
    const killed = new AbortController()
    const tcp = { name: `life-${life}`, sent: 0 }
    lives.push(tcp)
    const work = [
      post(service, life, killed.signal, acknowledged, alerted),
      post(service, life + 1000, killed.signal, acknowledged, alerted),
      stream(service, tcp, killed.signal),
    ]
    await delay(100 + draw() * 1400)
    killed.abort()
    await service.kill()
    await Promise.all(work)
  }

  service = await startService({ dataDir: dir, env })
  const markers = await eventually('every record is processed', async () => {
    const seen = await allMarkers(service.client)
    const lastOfAll = [...acknowledged].every((marker) => seen.has(marker))
    return lastOfAll && seen
  })
  const twice = [...markers].filter(([, count]) => count !== 1)
  expect(twice).toEqual([])

  // Of a TCP stream only what was in flight may be missing: what is there is everything up to some line.
  for (const { name, sent } of lives) {
    const lines = [...markers.keys()]
      .filter((marker) => marker.startsWith(`${name}/`))
      .map((m) => Number(m.split('/')[1]))
    expect(lines.sort((a, b) => a - b)).toEqual(lines.map((_, index) => index))
    expect(lines.length).toBeLessThanOrEqual(sent)
  }

  const inStore = [...markers.keys()].filter((marker) => marker.endsWith('/alert'))
  expect(inStore.length).toBeGreaterThanOrEqual(alerted.size)
  await eventually(
    'every run has ended',
    async () => {
      const runs = await allRuns(service.client)
      return runs.length === inStore.length && runs.every((run) => run.status === 'succeeded')
    },
    120_000,
  )
  expect(keys.size).toBe(inStore.length * 2)
  const doubled = [...keys].filter(([, seen]) => seen.size !== 1)
  expect(doubled).toEqual([])
  const all = new Set([...keys.values()].flatMap((seen) => [...seen]))
  expect(all.size).toBe(keys.size)
  console.log(
    `crash test: ${KILLS} kills, ${acknowledged.size} acknowledged records each found once, ` +
      `${inStore.length} runs, ${keys.size} effects with one key each (${requests} requests)`,
  )
  expect(await service.stop()).toBe(0)
})

/** Posts records until the service dies; what was answered 200 is acknowledged. */
async function post(
  service: RunningService,
  stream: number,
  signal: AbortSignal,
  acknowledged: Set<string>,
  alerted: Set<string>,
): Promise<void> {
  for (let batch = 0; !signal.aborted; batch += 1) {
    const markers = Array.from(
      { length: 20 },
      (_, index) => `http-${stream}/${batch}/${index}${index === 7 && batch % 5 === 0 ? '/alert' : ''}`,
    )
    const body = markers
      .map((marker) => {
        const alert = marker.endsWith('/alert')
        return JSON.stringify({ marker, crash_alert: alert, ...(alert ? { User: marker } : {}) })
      })
      .join('\n')
    try {
      await service.client.call(`${base}/dataspaces/default/pipes/logs/records`, {
        body,
        contentType: 'application/x-ndjson',
      })
    } catch {
      return
    }
    for (const marker of markers) {
      acknowledged.add(marker)
      if (marker.endsWith('/alert')) alerted.add(marker)
    }
  }
}

/** Sends numbered lines over one TCP connection until the service dies. */
async function stream(
  service: RunningService,
  tcp: { name: string; sent: number },
  signal: AbortSignal,
): Promise<void> {
  const socket: Socket = connect(service.runtime.syslogTcp ?? 0, '127.0.0.1')
  socket.on('error', () => {})
  while (!signal.aborted && !socket.destroyed) {
    socket.write(`<14>1 2026-01-01T00:00:00Z crash app - - - {"marker":"${tcp.name}/${tcp.sent}"}\n`)
    tcp.sent += 1
    if (tcp.sent % 20 === 0) await delay(2)
  }
  socket.destroy()
}

async function allMarkers(client: Client): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let cursor: string | undefined
  do {
    const page: { rows: [string][]; cursor?: string } = await client.call(`${base}/search`, {
      body: {
        query: 'source=logs | where isnotnull(marker) | fields marker',
        limit: 10_000,
        ...(cursor ? { cursor } : {}),
      },
    })
    for (const [marker] of page.rows) counts.set(marker, (counts.get(marker) ?? 0) + 1)
    cursor = page.cursor
  } while (cursor)
  return counts
}

async function allRuns(client: Client): Promise<{ status: string }[]> {
  const runs: { status: string }[] = []
  let cursor: string | undefined
  do {
    const page: { items: { status: string }[]; nextCursor?: string } = await client.call(
      `${base}/playbooks/crash-effect/runs?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    )
    runs.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  return runs
}
