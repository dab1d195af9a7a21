import { randomInt } from 'node:crypto'
import { hostname } from 'node:os'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { uuidv7 } from '../base/ids.ts'
import type { Database } from '../db/database.ts'
import type { Listed, ListPage } from '../http/lists.ts'
import { pageThrough } from '../http/page-through.ts'
import type { Log } from '../log.ts'
import { defineMetrics, type Metrics } from '../metrics.ts'
import { jobError } from './errors.ts'
import {
  ATTEMPTS_MAX,
  CONCURRENCY,
  ENDED_KEPT_MS,
  INPUT_CHARS_MAX,
  LEASE_MS,
  POLL_MS,
  PRUNED_PER_STEP,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  TIMEOUT_MS,
} from './limits.ts'
import { type JobContext, type JobKind, runHeld } from './run-held.ts'
import { createJobStore, type Held, type TakeTerms } from './store.ts'
import type { Job, JobAbort, JobAccount } from './types.ts'

const jobMetrics = defineMetrics({
  settled: {
    kind: 'counter',
    name: 'rampart_platform_jobs_settled_total',
    help: 'Jobs that a process let go of, by outcome; `lost` means that another process had taken the job.',
    labels: ['kind', 'outcome'],
  },
  open: {
    kind: 'gauge',
    name: 'rampart_platform_jobs_open',
    help: 'Jobs that have not ended, by state.',
    labels: ['state'],
  },
})

export interface JobOptions {
  /** Given: there is one such job of the platform, run again this long after it ended, by whichever process. */
  readonly everyMs?: number
  /** How often it is begun, deaths of the process included. */
  readonly attemptsMax?: number
  /** How long after a process died another takes its job over. */
  readonly leaseMs?: number
  readonly timeoutMs?: number
  /** The pause after the first failure; it doubles. */
  readonly retryMsMin?: number
}

/** Long work that outlives the process: queued in the database, run by one process at a time, taken over when that one
 * dies. A job may be begun more than once, so a handler's effects must bear repeating or go through `context.write`. */
export interface Jobs {
  /** Says how jobs of a kind are run, before `start`. `parse` turns the stored JSON into the handler's input. */
  define<Input>(
    name: string,
    parse: (input: unknown) => Input,
    run: (input: Input, context: JobContext) => Promise<unknown>,
    options?: JobOptions,
  ): void
  /** Queues a job; durable when resolved. The same key gives the job that was queued under it before.
   * @throws platform.job.tooMany (429), platform.job.tooLarge (413) */
  enqueue(account: JobAccount, name: string, input: unknown, options?: { readonly key?: string }): Promise<Job>
  /** @throws platform.job.notFound */
  get(account: JobAccount, id: string): Promise<Job>
  /** Newest first. */
  list(
    account: JobAccount,
    page: { readonly limit: number; readonly cursor?: string; readonly matches?: (job: Job) => boolean },
  ): Promise<{ readonly items: readonly Job[]; readonly nextCursor?: string }>
  /** A queued job is cancelled at once; a running one is asked to stop, and is `cancelled` when it has.
   * @throws platform.job.notFound, platform.job.ended */
  cancel(account: JobAccount, id: string): Promise<Job>
  /** Begins to run jobs of the kinds defined. */
  start(): Promise<void>
  /** Takes no more jobs, asks handlers to stop and hands their jobs back for another process to go on at once. */
  stop(): Promise<void>
}

export interface JobsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export function createJobs(deps: JobsDeps): Jobs {
  return new DurableJobs(deps)
}

class DurableJobs implements Jobs {
  readonly #deps: JobsDeps
  readonly #store
  readonly #metrics
  readonly #kinds = new Map<string, JobKind>()
  readonly #owner: string
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()
  #loop: Promise<void> | undefined
  #stopping = false
  #wake: () => void = () => {}

  constructor(deps: JobsDeps) {
    this.#deps = deps
    this.#store = createJobStore(deps.database)
    this.#metrics = deps.metrics.use(jobMetrics)
    this.#owner = `${hostname()}/${process.pid}`
    deps.metrics.beforeScrape(async () => {
      const { queued, running } = await this.#store.countOpen()
      this.#metrics.open.set({ state: 'queued' }, queued)
      this.#metrics.open.set({ state: 'running' }, running)
    })
    this.define(
      'platform.jobs.prune',
      () => undefined,
      (_, context) => this.#prune(context),
      {
        everyMs: ENDED_KEPT_MS / 168,
      },
    )
  }

  define<Input>(
    name: string,
    parse: (input: unknown) => Input,
    run: (input: Input, context: JobContext) => Promise<unknown>,
    options: JobOptions = {},
  ): void {
    assert(this.#loop === undefined, `job kind ${name} is defined before the jobs start`)
    assert(!this.#kinds.has(name), `job kind ${name} is defined once`)
    const { retryMsMin = RETRY_MS_MIN } = options
    this.#kinds.set(name, {
      name,
      run: async (input, context) => run(parse(input), context),
      everyMs: options.everyMs,
      attemptsMax: options.attemptsMax ?? ATTEMPTS_MAX,
      leaseMs: options.leaseMs ?? LEASE_MS,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      retryMs: (attempts) => jittered(Math.min(RETRY_MS_MAX, retryMsMin * 2 ** (attempts - 1))),
    })
  }

  async enqueue(
    account: JobAccount,
    name: string,
    input: unknown,
    options: { readonly key?: string } = {},
  ): Promise<Job> {
    assert(this.#kinds.has(name), `job kind ${name} is defined`)
    const text = JSON.stringify(input ?? null)
    if (text.length > INPUT_CHARS_MAX) {
      throw jobError('platform.job.tooLarge', `the input of a job is at most ${INPUT_CHARS_MAX} characters of JSON`)
    }
    const id = uuidv7(this.#deps.clock)
    const job = await this.#store.put({ account, id, kind: name, key: options.key, input: text })
    this.#wake()
    return job
  }

  get(account: JobAccount, id: string): Promise<Job> {
    return this.#store.get(account, id)
  }

  list(account: JobAccount, page: ListPage<Job>): Promise<Listed<Job>> {
    return pageThrough(page, {
      read: ({ after, limit }) =>
        this.#store.list(account, { countMax: limit, ...(after === undefined ? {} : { beforeId: after }) }),
      placeOf: ({ id }) => id,
      toItem: (job) => job,
    })
  }

  async cancel(account: JobAccount, id: string): Promise<Job> {
    const job = await this.#store.cancel(account, id)
    if (job.state === 'running') this.#running.get(runningKey(job))?.abort.abort('cancelled' satisfies JobAbort)
    return job
  }

  async start(): Promise<void> {
    assert(this.#loop === undefined, 'jobs start once')
    for (const { name, everyMs } of this.#kinds.values()) {
      if (everyMs === undefined) continue
      await this.#store.putPeriodic({ id: uuidv7(this.#deps.clock), kind: name, everyMs })
    }
    this.#loop = this.#takeAndRun()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake()
    await this.#loop
    for (const { abort } of this.#running.values()) abort.abort('stopping' satisfies JobAbort)
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  async #takeAndRun(): Promise<void> {
    const terms = new Map<string, TakeTerms>(this.#kinds)
    while (!this.#stopping) {
      // Made before looking: what is queued meanwhile wakes the sleep that follows.
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      let pauseMs = POLL_MS
      try {
        const free = CONCURRENCY - this.#running.size
        const taken = free > 0 ? await this.#store.take(terms, this.#owner, free) : []
        for (const held of taken) this.#run(held)
        if (taken.length < free) {
          const dueMs = await this.#store.nextDueMs(terms.keys())
          pauseMs = Math.max(0, Math.min(POLL_MS, dueMs ?? POLL_MS))
        }
      } catch (err) {
        this.#deps.log.error({ err }, 'cannot look for jobs; trying again')
      }
      if (!this.#stopping) await firstOf(woken, pauseMs)
    }
  }

  #run(held: Held): void {
    const kind = this.#kinds.get(held.kind)
    assert(kind, `job kind ${held.kind} is defined`)
    const key = runningKey(held)
    const abort = new AbortController()
    const done = runHeld(held, { kind, store: this.#store, log: this.#deps.log, abort })
      .then((outcome) => this.#metrics.settled.add({ kind: kind.name, outcome }))
      .catch((err: unknown) => this.#deps.log.error({ err, job: held.id }, 'cannot write what became of a job'))
      .finally(() => {
        if (this.#running.get(key)?.abort === abort) this.#running.delete(key)
        this.#wake()
      })
    this.#running.set(key, { abort, done })
  }

  async #prune(context: JobContext): Promise<void> {
    while (!context.signal.aborted && (await this.#store.prune(ENDED_KEPT_MS, PRUNED_PER_STEP)) === PRUNED_PER_STEP);
  }
}

function runningKey(job: { readonly account: JobAccount; readonly id: string }): string {
  return `${job.account}/${job.id}`
}

/** Between half and all of it, so that what failed together does not try again together. */
function jittered(ms: number): number {
  return ms / 2 + randomInt(Math.max(1, Math.ceil(ms / 2)))
}

async function firstOf(woken: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([woken, late])
  clearTimeout(timer)
}
