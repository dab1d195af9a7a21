import { setTimeout as delay } from 'node:timers/promises'
import type { HuntQuery, HuntSet, Indicator } from '../../intel/index.ts'
import { isHuntable } from '../../intel/index.ts'
import type { EventStore, ScanBatch, ScanRequest } from '../../pipeline/index.ts'
import type { AccountId, Clock, Job, JobContext, Jobs, Log } from '../../platform/index.ts'
import {
  HUNT_ATTEMPTS_MAX,
  HUNT_DAYS_DEFAULT,
  HUNT_FINDINGS_MAX,
  HUNT_GATHER_MS,
  HUNTS_RUNNING_MAX,
} from '../limits.ts'
import type { Finding } from '../online/finding.ts'
import { defineReplayJob } from '../replay/replay-job.ts'
import { walkStoredEvents } from '../replay/stored-events.ts'

const DAY_MS = 86_400_000
const KIND = 'detection.hunt'

/** A thread that compares what it is given with the indicators of one hunt. */
export interface HuntThread {
  begin(hunt: { readonly account: AccountId; readonly workspace: string } & Omit<HuntSet, 'count'>): Promise<void>
  take(batch: ScanBatch): Promise<readonly Finding[]>
  stop(): Promise<void>
}

export interface HuntResult {
  readonly indicators: number
  readonly events: number
  readonly findings: number
  /** There was more than a hunt tells; narrow it. */
  readonly cut: boolean
}

export interface Hunts {
  /** Queues a search of the events of so many days for indicators. */
  start(
    account: AccountId,
    hunt: {
      readonly workspace: string
      readonly ids: readonly string[]
      readonly days: number
      readonly hidden?: ScanRequest['hidden']
    },
  ): Promise<Job>
  /** Queues a search for those of them that are worth it, together with what comes soon after; durable when resolved. */
  startFor(
    place: { readonly account: AccountId; readonly workspace: string },
    indicators: readonly Indicator[],
  ): Promise<void>
}

export interface HuntsDeps {
  readonly jobs: Pick<Jobs, 'define' | 'enqueue'>
  readonly store: Pick<EventStore, 'scan'>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
  /** The indicators to search for; undefined where none of them holds now. */
  readonly collect: (
    place: { readonly account: AccountId; readonly workspace: string },
    query: HuntQuery,
  ) => Promise<HuntSet | undefined>
  readonly startThread: () => Promise<HuntThread>
  /** Hands findings on; resolves when they are durable there. The same may come again. */
  readonly takeFindings: (findings: readonly Finding[]) => Promise<void>
  /** How long a hunt waits for more indicators before it begins, ms. */
  readonly gatherMs?: number
}

interface HuntInput {
  readonly workspace: string
  readonly days: number
  readonly query: HuntQuery
  readonly hidden?: ScanRequest['hidden']
}

/** Searches of stored events for indicators that came after them, as jobs. What is found has the ids that the stream
 * would have given it, so that it counts once however often it is found. */
export function createHunts(deps: HuntsDeps): Hunts {
  const { jobs, store, clock, log, collect, startThread, takeFindings, gatherMs = HUNT_GATHER_MS } = deps
  /** Workspaces that a hunt is queued for which has not begun: it will see what comes until then. */
  const waiting = new Set<string>()

  const run = async (input: HuntInput, account: AccountId, context: JobContext): Promise<HuntResult> => {
    const { workspace, days, query, hidden } = input
    const place = { account, workspace }
    if (!('ids' in query)) await delay(gatherMs, undefined, { signal: context.signal })
    waiting.delete(`${account}/${workspace}`)
    const hunted = await collect(place, query)
    if (!hunted) return { indicators: 0, events: 0, findings: 0, cut: false }
    const now = clock.now()
    const thread = await startThread()
    try {
      await thread.begin({ ...place, set: hunted.set, patterns: hunted.patterns, allow: hunted.allow })
      let taken = 0
      const bounds = { from: now - days * DAY_MS, to: now + DAY_MS }
      const { events, findings } = await walkStoredEvents(
        {
          store,
          over: { ...place, ...bounds, ...(hidden ? { hidden } : {}) },
          findingsMax: HUNT_FINDINGS_MAX,
          async take(batch) {
            const found = (await thread.take(batch)).slice(0, HUNT_FINDINGS_MAX - taken)
            taken += found.length
            if (found.length > 0) await takeFindings(found)
            return found.length
          },
        },
        context,
      )
      const cut = findings >= HUNT_FINDINGS_MAX
      if (cut)
        log.warn({ ...place, findings }, 'a hunt found so much that the rest is left out; look at its indicators')
      return { indicators: hunted.count, events, findings, cut }
    } finally {
      await thread.stop()
    }
  }

  defineReplayJob(jobs, {
    ...{ kind: KIND, what: 'hunt', runningMax: HUNTS_RUNNING_MAX, attemptsMax: HUNT_ATTEMPTS_MAX },
    codes: { busy: 'detection.hunt.busy', failed: 'detection.hunt.failed' },
    run,
  })

  return {
    start(account, { workspace, ids, days, hidden }) {
      return jobs.enqueue(account, KIND, { workspace, days, query: { ids }, ...(hidden ? { hidden } : {}) })
    },

    async startFor({ account, workspace }, indicators) {
      const key = `${account}/${workspace}`
      const worth = indicators.filter(isHuntable)
      if (worth.length === 0 || waiting.has(key)) return
      waiting.add(key)
      const fromUs = Math.min(...worth.map(({ addedUs }) => addedUs))
      const input: HuntInput = { workspace, days: HUNT_DAYS_DEFAULT, query: { fromUs } }
      await jobs.enqueue(account, KIND, input, { key: `${workspace}/${fromUs}` }).catch((error: unknown) => {
        waiting.delete(key)
        throw error
      })
    },
  }
}
