import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PartitionLog, ShardAddress, StoredRecord } from '../../pipeline/index.ts'
import { openPartitionLog } from '../../pipeline/log/index.ts'
import { parseAccountId, systemClock } from '../../platform/index.ts'

export const aShard: ShardAddress = {
  account: parseAccountId('000000000001'),
  workspace: 'default',
  dataspace: 'default',
  pipe: 'logs',
  shard: 0,
}

/** A log on a temporary directory, as collectors get it. */
export interface TestLog {
  /** The real one, behind a door that a test can close. */
  readonly log: PartitionLog
  /** Until `admit`, appends fail with `error`, as they do on a full disk. */
  refuse(error: Error): void
  /** Until `admit`, appends wait, as they do on a slow disk. */
  hold(): void
  admit(): void
  /** How many appends were asked for. */
  readonly appends: () => number
  readonly readAll: (shard?: ShardAddress) => Promise<StoredRecord[]>
  close(): Promise<void>
}

export async function openTestLog(): Promise<TestLog> {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-log-'))
  const real = await openPartitionLog({
    dir: join(dir, 'log'),
    clock: systemClock,
    // A test needs no room on the disk to be kept free.
    limits: { slowBelow: { ratio: 0, bytes: 0 }, refuseBelow: { ratio: 0, bytes: 0 } },
  })
  let refusal: Error | undefined
  let door = Promise.withResolvers<void>()
  door.resolve()
  let appends = 0

  const log: PartitionLog = {
    async append(shard, records) {
      appends += 1
      if (refusal) throw refusal
      await door.promise
      return await real.append(shard, records)
    },
    read: (shard, from, bytesMax) => real.read(shard, from, bytesMax),
    end: (shard) => real.end(shard),
    onDurable: (listener) => real.onDurable(listener),
    commit: (consumer, shard, next) => real.commit(consumer, shard, next),
    committed: (consumer, shard) => real.committed(consumer, shard),
    shards: () => real.shards(),
    applyRetention: (shard, limits) => real.applyRetention(shard, limits),
    close: () => real.close(),
  }

  return {
    log,
    refuse(error) {
      refusal = error
    },
    hold() {
      door = Promise.withResolvers<void>()
    },
    admit() {
      refusal = undefined
      door.resolve()
    },
    appends: () => appends,
    async readAll(shard = aShard) {
      const records: StoredRecord[] = []
      for (let from = 0; from < real.end(shard); ) {
        const batch = await real.read(shard, from, 1024 * 1024)
        records.push(...batch.records)
        from = batch.nextOffset
      }
      return records
    },
    async close() {
      door.resolve()
      await real.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Resolves once `condition` holds; looks again whenever the event loop has turned. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain until ${what}`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
}
