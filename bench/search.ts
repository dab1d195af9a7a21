// The event store: how fast events are appended and searched, on recorded Windows attacks.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import { openDuckDbStore } from '../pipeline/engines/duckdb/index.ts'
import type { Event, EventStore } from '../pipeline/index.ts'
import { parseTimestamp } from '../pipeline/ppl/index.ts'
import { parseAccountId, systemClock } from '../platform/index.ts'

const folder = fileURLToPath(new URL('../../shared/data/attack-logs/', import.meta.url))
const account = parseAccountId('000000000001')
const shard = { account, workspace: 'default', dataspace: 'default', pipe: 'logs', shard: 0 }

const queries: Readonly<Record<string, string>> = {
  'first page': 'source=logs | head 100',
  'one value': 'source=logs | where EventID = 4688 | stats count()',
  'groups of a field': 'source=logs | stats count() by Image',
  'top of two fields': 'source=logs | top 10 Image, User',
  'substring of a field': "source=logs | where CommandLine like '%powershell%' | stats count()",
  'word in raw records': 'source=logs powershell | stats count()',
  'regex on a field': "source=logs | where CommandLine regexp '-[eE]nc[a-z]* ' | stats count()",
  'events per minute': 'source=logs | stats count() by span(time, 1m)',
  'sorted page': 'source=logs | sort - time | head 100 | fields time, Image, CommandLine',
  'distinct values': 'source=logs | stats dc(ProcessGuid), dc(Image)',
}

export async function run(
  report: (row: { case: string; value: number; unit: string }) => void,
  options: { readonly quick: boolean },
): Promise<void> {
  const files = recordings().slice(0, options.quick ? 10 : undefined)
  if (files.length === 0) {
    console.error('search: left out, ../shared/data/attack-logs is absent')
    return
  }
  const dir = mkdtempSync(join(tmpdir(), 'rampart-bench-'))
  const store = await openDuckDbStore({ dir, clock: systemClock })
  try {
    await append(store, files, report)
    report({ case: 'stored', value: megabytesOf(dir), unit: 'MB' })
    for (const [name, query] of Object.entries(queries)) {
      const times = await timesOf(store, query, options.quick ? 3 : 9)
      report({ case: `search: ${name}`, value: times[Math.floor(times.length / 2)] ?? 0, unit: 'ms' })
    }
    await trickle(store, report)
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Batches of 2,000 events, as a busy processor makes them. */
async function append(
  store: EventStore,
  files: readonly string[],
  report: (row: { case: string; value: number; unit: string }) => void,
): Promise<void> {
  let offset = 0
  let bytes = 0
  let ms = 0
  for (const file of files) {
    const events = eventsOf(file, offset)
    for (let first = 0; first < events.length; first += 2000) {
      const batch = events.slice(first, first + 2000)
      const nextOffset = offset + batch.length
      const startedAt = performance.now()
      await store.append({ shard, events: batch, nextOffset })
      ms += performance.now() - startedAt
      bytes += batch.reduce((sum, event) => sum + event.raw.length, 0)
      offset = nextOffset
    }
  }
  report({ case: 'events appended', value: offset, unit: 'events' })
  report({ case: 'append, 2,000 a batch', value: offset / (ms / 1000), unit: 'events/s' })
  report({ case: 'append, 2,000 a batch, raw', value: bytes / 1e6 / (ms / 1000), unit: 'MB/s' })
}

/** Batches of ten events, as a quiet pipe makes them: what one commit costs on a wide table. */
async function trickle(
  store: EventStore,
  report: (row: { case: string; value: number; unit: string }) => void,
): Promise<void> {
  const { nextOffset } = await store.progress(shard)
  const [file = ''] = recordings()
  const times: number[] = []
  for (let batch = 0; batch < 30; batch++) {
    const first = nextOffset + batch * 10
    const startedAt = performance.now()
    await store.append({ shard, events: eventsOf(file, first).slice(0, 10), nextOffset: first + 10 })
    times.push(performance.now() - startedAt)
  }
  times.sort((a, b) => a - b)
  report({ case: 'append, 10 a batch', value: times[15] ?? 0, unit: 'ms' })
}

async function timesOf(store: EventStore, query: string, rounds: number): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    await store.search({ account, workspace: 'default', query })
    times.push(performance.now() - startedAt)
  }
  return times.sort((a, b) => a - b)
}

function recordings(): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith('otrf-'))
      .sort()
  } catch {
    return []
  }
}

function eventsOf(file: string, firstOffset: number): Event[] {
  const lines = zstdDecompressSync(readFileSync(join(folder, file)))
    .toString('utf8')
    .split('\n')
  return lines
    .filter((line) => line !== '')
    .map((raw, i) => {
      const original = JSON.parse(raw)
      const micros = parseTimestamp(String(original['@timestamp'] ?? original.EventTime))
      const receivedAt = 1_700_000_000_000 + firstOffset + i
      const time = micros === undefined ? receivedAt : Number(micros / 1000n)
      return { offset: firstOffset + i, receivedAt, time, original, ocsf: ocsfOf(original), logsource: {}, raw }
    })
}

/** About as many members as a normalised event has. */
function ocsfOf(record: Readonly<Record<string, string>>): Event['ocsf'] {
  return {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100_701,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'Windows', vendor_name: 'Microsoft' } },
    device: { hostname: record.Hostname ?? '', type_id: 0 },
    actor: { user: { name: record.User ?? '' } },
    process: { file: { path: record.Image ?? '' }, cmd_line: record.CommandLine ?? '' },
  }
}

function megabytesOf(dir: string): number {
  return (
    readdirSync(dir)
      .filter((name) => name.startsWith('events.'))
      .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0) / 1e6
  )
}
