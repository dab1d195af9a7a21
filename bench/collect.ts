import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { createParser, startSyslog } from '../collectors/index.ts'
import type { RecordFormat, ShardAddress, StoredRecord } from '../pipeline/index.ts'
import { openPartitionLog } from '../pipeline/log/index.ts'
import { createMetrics, parseAccountId, systemClock } from '../platform/index.ts'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const shard: ShardAddress = {
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe: 'logs',
  shard: 0,
}

/** Parsing and normalising on one core, and syslog over TCP into a log on this disk. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const forMs = options.quick ? 300 : 3_000
  for (const [name, format, lines] of await samples(report)) measureParser(report, { name, format, lines, forMs })
  await measureSyslog(report, options.quick ? 100_000 : 1_000_000)
  await measureIdle(report, options.quick ? 1_000 : 10_000)
}

type Sample = readonly [name: string, format: RecordFormat, lines: readonly string[]]

async function samples(report: Report): Promise<Sample[]> {
  const number = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i))
  const list: Sample[] = [
    ['sshd lines', 'syslog', number(2_000, sshdLine)],
    ['access log lines', 'text', number(2_000, accessLine)],
  ]
  const logs = sharedData('attack-logs')
  const file = logs && join(logs, 'otrf-aadinternals_export_adfsdatabaseconfig_remotely.ndjson.zst')
  if (file === undefined)
    report({ case: 'parse and normalise, Windows JSON (no ../shared/data)', value: 0, unit: 'left out' })
  else {
    const text = zstdDecompressSync(await readFile(file)).toString()
    list.push(['Windows JSON', 'json', text.split('\n').filter((line) => line !== '')])
  }
  return list
}

function sshdLine(i: number): string {
  return `<86>Mar  1 10:00:00 host-${i % 50} sshd[${i}]: Failed password for invalid user user${i % 300} from 10.0.${i % 250}.${i % 199} port ${32768 + i} ssh2`
}

function accessLine(i: number): string {
  return `203.0.113.${i % 250} - - [01/Mar/2026:10:00:00 +0000] "GET /products/${i}?q=boots HTTP/1.1" 200 ${i} "https://example.org/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/151.0"`
}

function measureParser(
  report: Report,
  given: {
    readonly name: string
    readonly format: RecordFormat
    readonly lines: readonly string[]
    readonly forMs: number
  },
): void {
  const parser = createParser()
  const records = given.lines.map((line, offset): StoredRecord => {
    return {
      offset,
      receivedAt: 1_772_366_400_000,
      source: 'bench',
      format: given.format,
      headers: {},
      payload: Buffer.from(line),
    }
  })
  const bytes = records.reduce((sum, { payload }) => sum + payload.length, 0)
  const rounds = (forMs: number): number => {
    const startedAt = performance.now()
    let count = 0
    while (performance.now() - startedAt < forMs) {
      for (const record of records) parser.parse(record)
      count += 1
    }
    return count / ((performance.now() - startedAt) / 1000)
  }
  rounds(given.forMs / 3)
  const perSec = rounds(given.forMs)
  report({ case: `parse and normalise, ${given.name}`, value: perSec * records.length, unit: 'events/s' })
  report({ case: `parse and normalise, ${given.name}, bytes`, value: (perSec * bytes) / 1e6, unit: 'MB/s' })
}

async function withSyslog(work: (port: number, end: () => number) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  const log = await openPartitionLog({ dir: join(dir, 'log'), clock: systemClock })
  const syslog = await startSyslog({
    host: '127.0.0.1',
    tcpPort: 0,
    log,
    target: shard,
    clock: systemClock,
    metrics: createMetrics(),
  })
  try {
    await work(syslog.tcpPort ?? 0, () => log.end(shard))
  } finally {
    await syslog.stop()
    await log.close()
    await rm(dir, { recursive: true, force: true })
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume()
  await once(socket, 'connect')
  return socket
}

async function measureSyslog(report: Report, count: number): Promise<void> {
  await withSyslog(async (port, end) => {
    const block = Buffer.from(`${Array.from({ length: 500 }, (_, i) => sshdLine(i)).join('\n')}\n`)
    const socket = await open(port)
    const startedAt = performance.now()
    for (let sent = 0; sent < count; sent += 500) if (!socket.write(block)) await once(socket, 'drain')
    while (end() < count) await new Promise((resume) => setTimeout(resume, 1))
    const seconds = (performance.now() - startedAt) / 1000
    socket.destroy()
    report({ case: 'syslog TCP to durable, one connection', value: count / seconds, unit: 'lines/s' })
    report({
      case: 'syslog TCP to durable, one connection, bytes',
      value: ((count / 500) * block.length) / 1e6 / seconds,
      unit: 'MB/s',
    })
  })
}

/** The clients live in this process too: about half of the figure is theirs. */
async function measureIdle(report: Report, count: number): Promise<void> {
  await withSyslog(async (port, end) => {
    const before = process.memoryUsage.rss()
    const idle: Socket[] = []
    for (let opened = 0; opened < count; opened += 250) {
      idle.push(...(await Promise.all(Array.from({ length: 250 }, () => open(port)))))
    }
    const grown = process.memoryUsage.rss() - before
    const last = idle[0]
    last?.write('<13>still served\n')
    while (end() < 1) await new Promise((resume) => setTimeout(resume, 1))
    for (const socket of idle) socket.destroy()
    report({ case: `${count.toLocaleString('en')} idle connections, both ends`, value: grown / 2 ** 20, unit: 'MiB' })
  })
}
