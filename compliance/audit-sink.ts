import type { LogRecord, PartitionLog, ShardAddress } from '../pipeline/index.ts'
import type { AccountId, AuditEvent, AuditSink, Clock, Metrics } from '../platform/index.ts'
import { type OtherActions, toApiActivity } from './api-activity.ts'
import { FLUSH_EVERY_MS, RECORDS_PER_APPEND } from './limits.ts'
import { complianceMetrics } from './metrics.ts'
import { UnknownCallers } from './unknown-callers.ts'

export interface AuditSinkDeps {
  readonly log: Pick<PartitionLog, 'append'>
  readonly clock: Clock
  readonly metrics: Metrics
  /** The account whose audit pipe tells of callers that belong to none; undefined as long as there is none. */
  readonly firstAccount: () => AccountId | undefined
  readonly messages?: { warn(details: object, message: string): void }
}

/** The audit trail of every account. */
export interface RunningAuditSink extends AuditSink {
  /** Writes what is counted of unknown callers in the minutes that are over. Done by itself now and then. */
  flush(): Promise<void>
  /** Writes everything that is counted. To be called once nothing asks any more.
   * @throws what the log throws; then counts are lost */
  stop(): Promise<void>
}

/** Writes audit events into the pipe `audit` of the caller's account as OCSF API Activity; `record` resolves when the
 * event is durable, and rejects when it cannot be, so that the call is not answered with success. Calls of unknown
 * callers are counted and written once per source and minute. */
export function createAuditSink(deps: AuditSinkDeps): RunningAuditSink {
  const { log, clock } = deps
  const unknownCallers = new UnknownCallers()
  const counts = deps.metrics.use(complianceMetrics)
  deps.metrics.beforeScrape(() => counts.unknownSources.set({}, unknownCallers.sourceCount))
  let writing: Promise<void> = Promise.resolve()

  const toRecord = (event: AuditEvent, otherActions?: OtherActions): LogRecord => ({
    receivedAt: clock.now(),
    source: 'rampart',
    format: 'json',
    headers: {},
    payload: Buffer.from(JSON.stringify(toApiActivity(event, otherActions)), 'utf8'),
  })

  const writeCounts = async (which: 'over' | 'all'): Promise<void> => {
    const account = deps.firstAccount()
    if (account === undefined) return
    const tallies = unknownCallers.take(clock.now(), which)
    for (let start = 0; start < tallies.length; start += RECORDS_PER_APPEND) {
      const some = tallies.slice(start, start + RECORDS_PER_APPEND)
      try {
        await log.append(
          auditShard(account),
          some.map((tally) => toRecord(tally.event, tally.otherActions)),
        )
      } catch (error) {
        unknownCallers.putBack(tallies.slice(start))
        throw error
      }
    }
  }

  /** One at a time: a second one would find nothing to write and be done before the first is. */
  const write = (which: 'over' | 'all'): Promise<void> => {
    const next = writing.then(() => writeCounts(which))
    writing = next.catch(() => {})
    return next
  }

  const timer = setInterval(() => {
    write('over').catch((error: unknown) => {
      deps.messages?.warn({ err: error }, 'counts of unknown callers could not be written yet')
    })
  }, FLUSH_EVERY_MS)
  timer.unref()

  return {
    async record(event) {
      if (event.account === 'unknown') {
        counts.unknown.add({}, event.count)
        unknownCallers.add(event)
        return
      }
      try {
        await log.append(auditShard(event.account), [toRecord(event)])
      } catch (error) {
        counts.failed.add({})
        throw error
      }
      counts.events.add({ outcome: event.outcome })
    },
    flush: () => write('over'),
    async stop() {
      clearInterval(timer)
      await write('all')
    },
  }
}

function auditShard(account: AccountId): ShardAddress {
  return { account, workspace: 'default', dataspace: 'default', pipe: 'audit', shard: 0 }
}
