import type { Log } from './log.ts'

/** What is stopped first, and how long each may take; together less than the 30 s in which a service has to be gone. */
const phases = ['intake', 'work', 'storage', 'release'] as const
const LIMIT_MS: Readonly<Record<StopPhase, number>> = { intake: 8_000, work: 10_000, storage: 6_000, release: 2_000 }

/** `intake`: take no more in. `work`: finish or hand over what runs. `storage`: close what work writes to. `release`:
 * let go of the data folder. */
export type StopPhase = (typeof phases)[number]

/** How a process ends in good order. */
export interface Stop {
  /** Aborted as soon as a stop is asked for: long work ends early. */
  readonly signal: AbortSignal
  /** Adds what has to be done. All actions of a phase run at once, and the next phase waits for them. */
  on(phase: StopPhase, name: string, action: () => void | Promise<void>): void
  /** Asks for a stop; asking again changes nothing. `failed` when it is for something that went wrong. */
  request(reason: string, outcome?: 'failed'): void
  /** The exit code, once everything is stopped: 1 where that was asked for as failed or an action failed, else 0. */
  readonly stopped: Promise<number>
}

export interface StopOptions {
  readonly log: Log
  /** Milliseconds a phase may take; what is not done then is left behind. */
  readonly limitMs?: Readonly<Partial<Record<StopPhase, number>>>
}

export function createStop(options: StopOptions): Stop {
  const { log } = options
  const limits = { ...LIMIT_MS, ...options.limitMs }
  const actions: { phase: StopPhase; name: string; action: () => void | Promise<void> }[] = []
  const abort = new AbortController()
  const stopped = Promise.withResolvers<number>()

  /** @returns false where it failed. Too late is no failure: what was acknowledged is durable without it. */
  const runAction = async (name: string, action: () => void | Promise<void>, limitMs: number): Promise<boolean> => {
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => late.resolve('late'), limitMs)
    try {
      const outcome = await Promise.race([Promise.resolve().then(action), late.promise])
      if (outcome === 'late') log.warn({ name, limitMs }, 'did not stop in time and is left behind')
      return true
    } catch (err) {
      log.error({ err, name }, 'failed to stop')
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  const run = async (): Promise<number> => {
    let clean = true
    for (const phase of phases) {
      const due = actions.filter((action) => action.phase === phase)
      const outcomes = await Promise.all(due.map(({ name, action }) => runAction(name, action, limits[phase])))
      clean &&= outcomes.every(Boolean)
    }
    return clean ? 0 : 1
  }

  return {
    signal: abort.signal,
    on(phase, name, action) {
      actions.push({ phase, name, action })
    },
    request(reason, outcome) {
      if (abort.signal.aborted) return
      log.info({ reason }, 'stopping')
      abort.abort(new Error(`stopping: ${reason}`))
      void run().then((code) => stopped.resolve(outcome === 'failed' ? 1 : code))
    },
    stopped: stopped.promise,
  }
}

/** How long a stopped process may take to run out of things to wait for before it is ended. */
const LINGER_MS = 500

/** One Ctrl-C arrives more than once: from the terminal, and again from npm or the launcher, which pass it on. */
const SAME_SIGNAL_MS = 500

/** Lets this process be stopped from outside: SIGTERM, SIGINT, or the end of the parent that forked it. A second signal
 * ends it at once; so does an error that nobody caught, since what it left behind cannot be known, and all that was
 * acknowledged is on disk. */
export function stopOnSignals(stop: Stop, log: Log, options: { readonly sameSignalMs?: number } = {}): void {
  const { sameSignalMs = SAME_SIGNAL_MS } = options
  let askedAt: number | undefined
  const onSignal = (signal: string): void => {
    if (askedAt !== undefined && performance.now() - askedAt >= sameSignalMs) {
      log.warn({ signal }, 'asked twice: leaving at once')
      process.exit(1)
    }
    askedAt ??= performance.now()
    stop.request(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  process.on('disconnect', () => stop.request('the parent process is gone'))
  const onBug = (err: unknown): void => {
    log.fatal({ err }, 'an error that nobody caught; leaving at once')
    process.exit(1)
  }
  process.on('uncaughtException', onBug)
  process.on('unhandledRejection', onBug)
  void stop.stopped.then((code) => {
    process.exitCode = code
    // Something that was left behind may still hold the process.
    setTimeout(() => process.exit(code), LINGER_MS).unref()
  })
}
