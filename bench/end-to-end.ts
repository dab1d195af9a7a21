import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../test/support/eventually.ts'
import { type RunningService, startService } from '../test/support/service.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const base = '/v1/workspaces/default'
const PROBE_RULE = '0b7f2f5e-7a53-4b5c-9a0d-5c1f3d6f4b02'

const probeRule = `
title: Probe of the bench
id: ${PROBE_RULE}
status: test
logsource: {product: linux, service: sshd}
detection:
  selection:
    message|contains: 'invalid user probe-'
  condition: selection
level: low
`

/** From a syslog TCP socket to a searchable row and to an alert, through a service in a process of its own. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  const service = await startService({ dataDir: dir })
  try {
    await service.client.call(`${base}/rules/${PROBE_RULE}`, {
      method: 'PUT',
      body: probeRule,
      contentType: 'application/yaml',
    })
    report({ case: 'resident memory, idle', value: await residentMib(service, 'VmRSS'), unit: 'MiB' })
    await measureRate(service, options.quick ? 50_000 : 400_000, report)
    await measureDelays(service, options.quick ? 20 : 200, report)
    report({ case: 'resident memory, peak', value: await residentMib(service, 'VmHWM'), unit: 'MiB' })
  } finally {
    await service.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

const users = ['root', 'admin', 'oracle', 'deploy', 'git', 'backup']

function line(index: number): string {
  const user = users[index % users.length]
  return `<86>1 2026-01-01T00:00:00Z host-${index % 50} sshd ${index % 30_000} - - Accepted publickey for ${user} from 10.0.${index % 250}.${index % 199} port ${32768 + (index % 20_000)} ssh2\n`
}

async function measureRate(service: RunningService, lineCount: number, report: Report): Promise<void> {
  const before = await processedCount(service)
  const socket = connect(service.runtime.syslogTcp ?? 0, '127.0.0.1')
  await once(socket, 'connect')
  const startedAt = performance.now()
  let byteCount = 0
  for (let index = 0; index < lineCount; index += 500) {
    let chunk = ''
    for (let offset = 0; offset < 500; offset += 1) chunk += line(index + offset)
    byteCount += chunk.length
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  await eventually(
    'every line is searchable',
    async () => (await processedCount(service)) - before >= lineCount,
    600_000,
  )
  const seconds = (performance.now() - startedAt) / 1000
  report({ case: 'syslog TCP to searchable row', value: lineCount / seconds, unit: 'events/s' })
  report({ case: 'syslog TCP to searchable row, bytes', value: byteCount / seconds / 1e6, unit: 'MB/s' })
}

/** One line at a time under a light load of others: how long until a search finds it, and until its alert is listed. */
async function measureDelays(service: RunningService, probeCount: number, report: Report): Promise<void> {
  const socket = connect(service.runtime.syslogTcp ?? 0, '127.0.0.1')
  await once(socket, 'connect')
  const ended = new AbortController()
  const load = lightLoad(socket, ended.signal)
  const rows: number[] = []
  const alerts: number[] = []
  for (let probe = 0; probe < probeCount; probe += 1) {
    const user = `probe-${probe}-${process.pid}`
    const sentAt = performance.now()
    socket.write(
      `<86>1 ${new Date().toISOString()} probe-${probe} sshd 1 - - Failed password for invalid user ${user} from 192.0.2.9 port 4242 ssh2\n`,
    )
    const searched = eventually('the row', () => found(service, user)).then(() => rows.push(performance.now() - sentAt))
    const alerted = eventually('the alert', () => alertOf(service, `probe-${probe}`)).then(() =>
      alerts.push(performance.now() - sentAt),
    )
    await Promise.all([searched, alerted])
  }
  ended.abort()
  await load
  socket.end()
  for (const [name, delays] of [
    ['searchable row', rows],
    ['alert', alerts],
  ] as const) {
    delays.sort((a, b) => a - b)
    report({ case: `delay to ${name}, p50`, value: quantile(delays, 0.5), unit: 'ms' })
    report({ case: `delay to ${name}, p99`, value: quantile(delays, 0.99), unit: 'ms' })
  }
}

async function lightLoad(socket: Socket, signal: AbortSignal): Promise<void> {
  for (let index = 0; !signal.aborted; index += 50) {
    for (let offset = 0; offset < 50; offset += 1) socket.write(line(index + offset))
    await delay(25)
  }
}

async function found(service: RunningService, user: string): Promise<boolean> {
  const result = await service.client.call<{ rows: unknown[] }>(`${base}/search`, {
    body: { query: `source=logs | where message like '%${user} %' | head 1 | fields time` },
  })
  return result.rows.length > 0
}

async function alertOf(service: RunningService, host: string): Promise<boolean> {
  const page = await service.client.call<{ items: { entities: Record<string, string[]> }[] }>(`${base}/alerts?limit=5`)
  return page.items.some((alert) => Object.values(alert.entities).some((values) => values.includes(host)))
}

async function processedCount(service: RunningService): Promise<number> {
  const metrics = await service.client.call<string>('/metrics')
  let total = 0
  for (const text of metrics.split('\n')) {
    if (text.startsWith('rampart_processed_events_total')) total += Number(text.slice(text.lastIndexOf(' ') + 1))
  }
  return total
}

async function residentMib(service: RunningService, member: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${service.process.pid}/status`, 'utf8')
  return Number(new RegExp(`${member}:\\s+([0-9]+)`).exec(status)?.[1] ?? 0) / 1024
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}
