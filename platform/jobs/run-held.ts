import { RampartError } from '../base/errors.ts'
import type { Log } from '../log.ts'
import { redactText } from '../redact.ts'
import { HEARTBEAT_MS, INPUT_CHARS_MAX, NOTE_CHARS_MAX } from './limits.ts'
import type { Held, JobStore, JobTransaction } from './store.ts'
import type { JobAbort, JobAccount, JobFailure } from './types.ts'

/** What a handler gets beside its input. */
export interface JobContext {
  readonly account: JobAccount
  readonly id: string
  /** 1 at first; more after a failure, or when a process died in the middle: then some of the work may be done. */
  readonly attempt: number
  /** Aborted when the job is cancelled, the process stops, time is up, or another process has taken the job. */
  readonly signal: AbortSignal
  /** @param percent 0 to 100 */
  progress(percent: number, note?: string): void
  /** Runs `work` in a transaction that commits only while this process holds the job, so that a process that was asleep
   * and is late undoes nothing.
   * @throws platform.job.leaseLost */
  write<T>(work: (tx: JobTransaction) => Promise<T>): Promise<T>
}

/** A kind of job and how it is run. */
export interface JobKind {
  readonly name: string
  readonly run: (input: unknown, context: JobContext) => Promise<unknown>
  /** Given: there is one such job, run again this long after it ended. */
  readonly everyMs: number | undefined
  readonly attemptsMax: number
  readonly leaseMs: number
  readonly timeoutMs: number
  readonly retryMs: (attempts: number) => number
}

export type JobOutcome = 'succeeded' | 'failed' | 'cancelled' | 'retried' | 'released' | 'lost'

/** Runs a job that this process holds, keeps its lease, and writes what became of it. Never rejects for what the
 * handler does; rejects where the database cannot be written, and then the lease runs out. */
export async function runHeld(
  held: Held,
  deps: { readonly kind: JobKind; readonly store: JobStore; readonly log: Log; readonly abort: AbortController },
): Promise<JobOutcome> {
  const { kind, store, log, abort } = deps
  const stopHeartbeat = keepLease(held, deps)
  let output: unknown
  try {
    output = await kind.run(held.input, stopHeartbeat.context)
  } catch (error) {
    await stopHeartbeat.stop()
    return settleFailure(held, error, deps)
  }
  await stopHeartbeat.stop()
  if (kind.everyMs !== undefined) {
    const queued = await store.requeue(held, { afterMs: kind.everyMs, attempts: 0 })
    return queued ? 'succeeded' : 'lost'
  }
  const text = output === undefined ? undefined : JSON.stringify(output)
  if (text !== undefined && text.length > INPUT_CHARS_MAX) {
    log.error({ job: held.id, kind: kind.name, chars: text.length }, 'the output of a job is too large')
    const error = { code: 'platform.job.tooLarge', message: `its output is larger than ${INPUT_CHARS_MAX} characters` }
    return (await store.end(held, { state: 'failed', error })) ? 'failed' : 'lost'
  }
  const ended = await store.end(held, { state: 'succeeded', ...(text === undefined ? {} : { output: text }) })
  if (!ended) log.warn({ job: held.id, kind: kind.name, reason: abort.signal.reason }, 'a job was finished too late')
  return ended ? 'succeeded' : 'lost'
}

async function settleFailure(
  held: Held,
  error: unknown,
  { kind, store, log, abort }: { kind: JobKind; store: JobStore; log: Log; abort: AbortController },
): Promise<JobOutcome> {
  const reason = abort.signal.aborted ? (abort.signal.reason as JobAbort) : undefined
  if (reason === 'lost') return 'lost'
  if (reason === 'stopping') {
    // Not the job's fault: the attempt does not count.
    return (await store.requeue(held, { afterMs: 0, attempts: held.attempts - 1 })) ? 'released' : 'lost'
  }
  if (reason === 'cancelled') return (await store.end(held, { state: 'cancelled' })) ? 'cancelled' : 'lost'
  const failure = reason === 'timeout' ? timedOut(kind) : toFailure(error)
  log.warn({ err: error, job: held.id, kind: kind.name, attempt: held.attempts }, 'a job failed')
  const again = held.attempts < kind.attemptsMax && isWorthRepeating(error)
  if (again || kind.everyMs !== undefined) {
    const next = again
      ? { afterMs: kind.retryMs(held.attempts), attempts: held.attempts }
      : { afterMs: kind.everyMs ?? 0, attempts: 0 }
    return (await store.requeue(held, { ...next, error: failure })) ? 'retried' : 'lost'
  }
  return (await store.end(held, { state: 'failed', error: failure })) ? 'failed' : 'lost'
}

/** What the caller did wrong stays wrong. */
function isWorthRepeating(error: unknown): boolean {
  return !(error instanceof RampartError) || error.status >= 500 || error.status === 429
}

function timedOut(kind: JobKind): JobFailure {
  return { code: 'platform.job.timeout', message: `it took longer than ${Math.round(kind.timeoutMs / 1000)} s` }
}

/** An error of ours says what it means to say; any other may say too much. */
function toFailure(error: unknown): JobFailure {
  if (error instanceof RampartError) {
    return { code: error.code, message: redactText(error.message).slice(0, NOTE_CHARS_MAX) }
  }
  return { code: 'platform.job.internal', message: 'it failed for a reason that stands in the log of the service' }
}

/** Renews the lease while the handler runs, and aborts it when it is lost, cancelled or out of time. */
function keepLease(
  held: Held,
  { kind, store, log, abort }: { kind: JobKind; store: JobStore; log: Log; abort: AbortController },
) {
  const startedAt = performance.now()
  let renewedAt = startedAt
  let percent = 0
  let note: string | undefined
  let changed = false
  let beating: Promise<void> | undefined

  const beat = async (): Promise<void> => {
    const now = performance.now()
    if (now - startedAt > kind.timeoutMs) {
      // From here on the lease runs out, so that a handler that ignores its signal does not hold the job for ever.
      clearInterval(timer)
      abort.abort('timeout' satisfies JobAbort)
      return
    }
    if (!changed && now - renewedAt < kind.leaseMs / 3) return
    changed = false
    try {
      const state = await store.renew(held, { percent, note, leaseMs: kind.leaseMs })
      renewedAt = now
      if (state !== 'held') abort.abort(state satisfies JobAbort)
    } catch (err) {
      log.warn({ err, job: held.id }, 'cannot renew the lease of a job')
      if (performance.now() - renewedAt > kind.leaseMs) abort.abort('lost' satisfies JobAbort)
    }
  }
  const timer = setInterval(
    () => {
      beating ??= beat().finally(() => {
        beating = undefined
      })
    },
    Math.min(HEARTBEAT_MS, kind.leaseMs / 3),
  )

  const context: JobContext = {
    account: held.account,
    id: held.id,
    attempt: held.attempts,
    signal: abort.signal,
    progress(givenPercent, givenNote) {
      const next = Math.max(0, Math.min(100, Math.floor(givenPercent)))
      changed ||= next !== percent || givenNote !== note
      percent = next
      note = givenNote?.slice(0, NOTE_CHARS_MAX)
    },
    write: (work) => store.fenced(held, work),
  }
  return {
    context,
    async stop(): Promise<void> {
      clearInterval(timer)
      await beating
    },
  }
}
