import type { AccountId, Clock } from '../platform/index.ts'
import { RECORD_DAYS_KEPT } from './limits.ts'
import type { Pipes } from './pipes/pipes.ts'
import type { RemoteStore } from './processing/remote-store.ts'
import type { PartitionLog } from './types.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface RetentionDeps {
  readonly pipes: Pipes
  readonly log: PartitionLog
  readonly store: Pick<RemoteStore, 'dropBefore'>
  readonly clock: Clock
}

/** What retention let go. */
export interface Dropped {
  readonly eventCount: number
  readonly logBytes: number
}

/** Lets go of what is past its time in every pipe of the accounts: events older than the pipe's `retentionDays`, and
 * records that were processed and are older than that or than the days records are kept for replay. */
export async function dropExpired(accounts: readonly AccountId[], deps: RetentionDeps): Promise<Dropped> {
  const { pipes, log, store, clock } = deps
  let eventCount = 0
  let logBytes = 0
  for (const account of accounts) {
    for (const pipe of await pipes.listAllPipes(account)) {
      const eventDays = pipe.retentionDays
      if (eventDays !== undefined) eventCount += await store.dropBefore(pipe, clock.now() - eventDays * DAY_MS)
      const recordDays = Math.min(eventDays ?? RECORD_DAYS_KEPT, RECORD_DAYS_KEPT)
      for (let shard = 0; shard < pipe.shardCount; shard += 1) {
        logBytes += await log.applyRetention({ ...pipe, shard }, { ageMsMax: recordDays * DAY_MS })
      }
    }
  }
  return { eventCount, logBytes }
}
