import { type AccountId, type JobContext, type Jobs, RampartError } from '../../platform/index.ts'
import { detectionError } from '../errors.ts'

type Code = Parameters<typeof detectionError>[0]

export interface ReplayJob<Input, Output> {
  readonly kind: 'detection.backtest' | 'detection.hunt'
  /** As messages name it. */
  readonly what: 'back-test' | 'hunt'
  /** Thrown when as many run as may, and when one breaks off. */
  readonly codes: { readonly busy: Code; readonly failed: Code }
  readonly runningMax: number
  readonly attemptsMax: number
  run(input: Input, account: AccountId, context: JobContext): Promise<Output>
}

/** Defines a kind of jobs that look at stored events again, so many of them at a time. */
export function defineReplayJob<Input, Output>(jobs: Pick<Jobs, 'define'>, job: ReplayJob<Input, Output>): void {
  const { kind, what, codes, runningMax, attemptsMax } = job
  let running = 0
  jobs.define<Input>(
    kind,
    (input) => input as Input,
    async (input, context) => {
      const { account } = context
      if (account === 'rampart') throw new Error(`a ${what} belongs to an account`)
      // Asked for again after a pause, so that other jobs have room meanwhile.
      if (running >= runningMax) throw detectionError(codes.busy, `${running} ${what}s run; this one waits`)
      running++
      try {
        return await job.run(input, account, context)
      } catch (error) {
        if (context.signal.aborted || error instanceof RampartError) throw error
        throw detectionError(codes.failed, `the ${what} broke off; the log tells why`, { cause: error })
      } finally {
        running--
      }
    },
    { attemptsMax },
  )
}
