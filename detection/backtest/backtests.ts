import type { EventStore, ScanBatch, ScanRequest } from '../../pipeline/index.ts'
import type { AccountId, Clock, Job, JobContext, Jobs } from '../../platform/index.ts'
import { detectionError } from '../errors.ts'
import { BACKTEST_ATTEMPTS_MAX, BACKTEST_TEXT_BYTES_MAX, BACKTESTS_RUNNING_MAX } from '../limits.ts'
import { defineReplayJob } from '../replay/replay-job.ts'
import { walkStoredEvents } from '../replay/stored-events.ts'
import { readDocuments } from '../rule-text.ts'
import type { Rules } from '../rules.ts'
import type { RulePlace } from '../store.ts'
import { readExclusion } from '../tuning/exclusion-text.ts'
import { requireSingle } from '../tuning/exclusions.ts'
import { gatherDocuments, whatIsLeftOut } from './plan.ts'
import type { BacktestPlan, BacktestResult } from './types.ts'

const DAY_MS = 86_400_000
const KIND = 'detection.backtest'

/** A thread that matches what it is given.   @see serveBacktest */
export interface BacktestThread {
  begin(plan: BacktestPlan): Promise<void>
  /** @returns how many findings there were */
  take(batch: ScanBatch): Promise<number>
  result(): Promise<BacktestResult>
  stop(): Promise<void>
}

/** What to test, and on which events. */
export interface BacktestRequest extends Pick<ScanRequest, 'from' | 'to' | 'pipes' | 'hidden'> {
  readonly workspace: string
  readonly what:
    | { readonly kind: 'text'; readonly text: string }
    /** A stored rule, with its exclusions. */
    | { readonly kind: 'rule'; readonly id: string }
    /** What an exclusion of a stored rule would have left out. */
    | { readonly kind: 'exclusion'; readonly id: string; readonly name: string; readonly text: string }
}

export interface Backtests {
  /** Checks what is asked and queues it.
   * @throws detection.rule.refused, detection.rule.notFound, detection.exclusion.refused, detection.rule.tooLarge */
  start(account: AccountId, request: BacktestRequest): Promise<Job>
  /** The window of so many days up to now, ms. */
  window(days: number): { readonly from: number; readonly to: number }
}

export interface BacktestsDeps {
  readonly jobs: Pick<Jobs, 'define' | 'enqueue'>
  readonly rules: Rules
  readonly store: Pick<EventStore, 'scan'>
  readonly clock: Clock
  readonly startThread: () => Promise<BacktestThread>
}

/** Rules tried on events that happened, as jobs. */
export function createBacktests({ jobs, rules, store, clock, startThread }: BacktestsDeps): Backtests {
  const planOf = async (place: RulePlace, { what, from, to }: BacktestRequest): Promise<BacktestPlan> => {
    const live = rules.liveDocuments(place)
    const as = rules.readOptions(place)
    const bounds = { ...place, from, to }
    if (what.kind === 'text') {
      return { ...bounds, ...gatherDocuments(readDocuments(what.text, 'backtest', as).documents, live), tunings: [] }
    }
    const stored = await rules.get(place, what.id)
    const exclusions = rules.liveExclusions(place, what.id)
    const tunings = [{ ruleId: what.id, exclusions }]
    if (what.kind === 'rule') {
      return { ...bounds, ...gatherDocuments(readDocuments(stored.text, what.id, as).documents, live), tunings }
    }
    const exclusion = readExclusion(what, requireSingle(stored), as)
    const others = exclusions.filter(({ name }) => name !== what.name)
    const gathered = gatherDocuments([whatIsLeftOut(requireSingle(stored, as), exclusion)], live)
    return { ...bounds, ...gathered, tunings: [{ ruleId: what.id, exclusions: others }] }
  }

  const run = async (request: BacktestRequest, account: AccountId, context: JobContext): Promise<BacktestResult> => {
    const plan = await planOf({ account, workspace: request.workspace }, request)
    const thread = await startThread()
    try {
      await thread.begin(plan)
      const { what: _, ...bounds } = request
      await walkStoredEvents({ store, over: { account, ...bounds }, take: (batch) => thread.take(batch) }, context)
      return await thread.result()
    } finally {
      await thread.stop()
    }
  }

  defineReplayJob(jobs, {
    ...{ kind: KIND, what: 'back-test', runningMax: BACKTESTS_RUNNING_MAX, attemptsMax: BACKTEST_ATTEMPTS_MAX },
    codes: { busy: 'detection.backtest.busy', failed: 'detection.backtest.failed' },
    run,
  })

  return {
    async start(account, request) {
      const { what } = request
      if (what.kind !== 'rule' && Buffer.byteLength(what.text) > BACKTEST_TEXT_BYTES_MAX) {
        throw detectionError(
          'detection.rule.tooLarge',
          `a back-test is asked for with at most ${BACKTEST_TEXT_BYTES_MAX} bytes of rules`,
        )
      }
      await planOf({ account, workspace: request.workspace }, request)
      return jobs.enqueue(account, KIND, request)
    },

    window(days) {
      const now = clock.now()
      return { from: now - days * DAY_MS, to: now }
    },
  }
}
