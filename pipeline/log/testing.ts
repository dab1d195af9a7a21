import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Clock, parseAccountId } from '../../platform/index.ts'
import type { LogGap, LogReader, LogRecord, ShardAddress, StoredRecord } from '../types.ts'

/** Where tests write that make thousands of files: in memory where there is room, as syncs are slow and what a sync is
 * worth only a power cut can test. */
const inMemory = existsSync('/dev/shm') && roomOf('/dev/shm') > 1e9 ? '/dev/shm' : tmpdir()

function roomOf(dir: string): number {
  const { bavail, bsize } = statfsSync(dir)
  return bavail * bsize
}

/** A directory for a log, not made yet, that goes with the test, or with what `goesWith` says. */
export function aDir(goesWith: (remove: () => void) => void = onTestFinished, parent: string = inMemory): string {
  const dir = mkdtempSync(join(parent, 'rampart-log-'))
  goesWith(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'log')
}

export function aShard(parts: Partial<ShardAddress> = {}): ShardAddress {
  return {
    account: parseAccountId('000000000001'),
    workspace: 'default',
    dataspace: 'default',
    pipe: 'security',
    shard: 0,
    ...parts,
  }
}

export function aRecord(text: string, parts: Partial<LogRecord> = {}): LogRecord {
  return { receivedAt: 1_000, source: 'test', format: 'text', headers: {}, payload: Buffer.from(text), ...parts }
}

export function records(count: number, text: (index: number) => string = (index) => `record ${index}`): LogRecord[] {
  return Array.from({ length: count }, (_, index) => aRecord(text(index)))
}

/** A clock that stands where it is put. */
export function aClock(startMs = 1_000): Clock & { ms: number } {
  return {
    ms: startMs,
    now() {
      return this.ms
    },
  }
}

/** Everything from `fromOffset` to the end, in as many reads as it takes. */
export async function readAll(
  log: LogReader,
  shard: ShardAddress,
  options: { readonly fromOffset?: number; readonly bytesMax?: number } = {},
): Promise<{ readonly records: StoredRecord[]; readonly gaps: LogGap[]; readonly nextOffset: number }> {
  const found: StoredRecord[] = []
  const gaps: LogGap[] = []
  let nextOffset = options.fromOffset ?? 0
  for (;;) {
    const batch = await log.read(shard, nextOffset, options.bytesMax ?? 1_000_000)
    found.push(...batch.records)
    gaps.push(...batch.gaps)
    if (batch.nextOffset === nextOffset) return { records: found, gaps, nextOffset }
    nextOffset = batch.nextOffset
  }
}

export function texts(found: readonly StoredRecord[]): string[] {
  return found.map((record) => Buffer.from(record.payload).toString())
}
