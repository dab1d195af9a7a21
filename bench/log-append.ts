import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import { openPartitionLog } from '../pipeline/log/index.ts'
import type { LogRecord } from '../pipeline/types.ts'
import { parseAccountId, systemClock } from '../platform/index.ts'

/** Something measured. */
type Report = (row: { readonly case: string; readonly value: number; readonly unit: string }) => void

const MB = 1_000_000
const CALL_BYTES = 1024 * 1024
const shard = {
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe: 'bench',
  shard: 0,
}

/** Durable appends to one shard: payload bytes per second, acknowledged after their sync. */
export async function run(report: Report, options: { readonly quick: boolean }): Promise<void> {
  const events = realEvents()
  const contents = [
    { name: events === undefined ? 'made-up events' : 'real events', bytes: events ?? madeUpEvents() },
    { name: 'random bytes', bytes: randomBytes(32 * MB) },
  ]
  for (const content of contents) {
    for (const recordBytes of [200, 1_024, 2_560]) {
      for (const appenders of [1, 32]) {
        for (const callRecords of [1, Math.floor(CALL_BYTES / recordBytes)]) {
          if (content.name === 'random bytes' && callRecords === 1) continue
          const records = cut(content.bytes, recordBytes)
          const measured = await measure({
            records,
            recordBytes,
            appenders,
            callRecords,
            ms: options.quick ? 300 : 3_000,
          })
          const call = callRecords === 1 ? 'a record a call' : '1 MiB a call'
          const name = `log append, ${content.name}, ${recordBytes} B, ${appenders} at once, ${call}`
          report({ case: name, value: measured.mbPerSec, unit: 'MB/s' })
          report({ case: `${name}, sharing`, value: measured.recordsPerSync, unit: 'records/sync' })
        }
      }
    }
  }
}

interface Load {
  readonly records: readonly LogRecord[]
  readonly recordBytes: number
  readonly appenders: number
  readonly callRecords: number
  readonly ms: number
}

async function measure(load: Load): Promise<{ readonly mbPerSec: number; readonly recordsPerSync: number }> {
  const parent = await mkdtemp(join(tmpdir(), 'rampart-bench-'))
  try {
    const log = await openPartitionLog({ dir: join(parent, 'log'), clock: systemClock })
    const start = performance.now()
    let next = 0
    const appender = async (): Promise<void> => {
      while (performance.now() - start < load.ms) {
        const from = next % Math.max(1, load.records.length - load.callRecords)
        next += load.callRecords
        await log.append(shard, load.records.slice(from, from + load.callRecords))
      }
    }
    await Promise.all(Array.from({ length: load.appenders }, appender))
    const seconds = (performance.now() - start) / 1_000
    const { appendedRecords, groups } = log.counters
    await log.close()
    return { mbPerSec: (appendedRecords * load.recordBytes) / MB / seconds, recordsPerSync: appendedRecords / groups }
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

function cut(bytes: Buffer, recordBytes: number): LogRecord[] {
  return Array.from({ length: Math.floor(bytes.length / recordBytes) }, (_, index) => ({
    receivedAt: 1_763_000_000_000 + index,
    source: 'arn:rampart:siem:local:000000000001:source/default/bench',
    format: 'json',
    headers: {},
    payload: bytes.subarray(index * recordBytes, (index + 1) * recordBytes),
  }))
}

/** Events of the shared test data, one after the other; undefined where this checkout has none. */
function realEvents(): Buffer | undefined {
  const dir = fileURLToPath(new URL('../../shared/data/attack-logs/', import.meta.url))
  if (!existsSync(dir)) return undefined
  const files = readdirSync(dir).filter((name) => name.endsWith('.zst'))
  return Buffer.concat(files.map((name) => zstdDecompressSync(readFileSync(join(dir, name))))).subarray(0, 64 * MB)
}

function madeUpEvents(): Buffer {
  const lines = Array.from({ length: 100_000 }, (_, index) => {
    const key = (index * 2_654_435_761) >>> 0
    return `{"EventTime":"2026-01-01T00:00:${index % 60}Z","EventID":${4_600 + (key % 90)},"TargetUserName":"user${key % 997}","IpAddress":"10.${key & 255}.${(key >> 8) & 255}.${(key >> 16) & 255}","LogonId":"0x${key.toString(16)}"}\n`
  })
  return Buffer.from(lines.join(''))
}
