import type { AccountId, Clock, Jobs, Log } from '../../platform/index.ts'
import type { Indicators } from '../indicators.ts'
import { VERDICTS_EVERY_MS, VERDICTS_LATE_MS, VERDICTS_PER_STEP } from '../limits.ts'
import type { Judgement } from '../store.ts'
import type { CursorStore } from './store.ts'

/** What an alert of an indicator was judged to be. */
export interface AlertVerdict {
  readonly account: AccountId
  readonly workspace: string
  readonly alertId: string
  /** The tags of its findings: `indicator:ID` names what was met. */
  readonly tags: readonly string[]
  /** As the alert is now; undefined when it was opened again. */
  readonly verdict?: string
  /** When it was given, and what orders those of one millisecond. */
  readonly at: number
  readonly id: string
}

/** Where verdicts on alerts of indicators come from: those given after a place in their order, in that order. */
export type ListVerdicts = (
  after: { readonly at: number; readonly id: string },
  limit: number,
) => Promise<readonly AlertVerdict[]>

/** Takes verdicts on alerts back to the indicators that they were made of. */
export interface Verdicts {
  /** Looks for new ones soon; they are looked for now and then in any case. */
  poke(): void
  /** Takes what is new; resolves when it is kept and matched so. */
  take(): Promise<void>
  stop(): Promise<void>
}

/** What a verdict says of the indicator; others say nothing. */
const JUDGEMENTS: Readonly<Record<string, Judgement>> = {
  true_positive: 'truePositive',
  security_risk: 'truePositive',
  false_positive: 'falsePositive',
}
const TAG = /^indicator:([0-9a-f-]{36})$/

export function createVerdicts(deps: {
  readonly list: ListVerdicts
  readonly indicators: Pick<Indicators, 'judgeByAlert'>
  readonly cursor: CursorStore
  readonly jobs: Pick<Jobs, 'define'>
  readonly clock: Clock
  readonly log: Log
}): Verdicts {
  const { list, indicators, cursor, jobs, clock, log } = deps
  let running: Promise<void> | undefined
  let again = false

  const takeAll = async (): Promise<void> => {
    const from = await cursor.read()
    // One that was given before another may become visible after it; taking one twice changes nothing.
    let after = { at: from - VERDICTS_LATE_MS, id: '' }
    for (;;) {
      const some = await list(after, VERDICTS_PER_STEP)
      for (const each of some) await takeOne(each)
      const last = some.at(-1)
      if (!last) return
      after = last
      await cursor.write(last.at, clock.now())
      if (some.length < VERDICTS_PER_STEP) return
    }
  }

  const takeOne = async ({ account, workspace, alertId, tags, verdict, at }: AlertVerdict): Promise<void> => {
    const ids = tags.flatMap((tag) => TAG.exec(tag)?.[1] ?? [])
    const [indicator] = ids
    // An alert that stands for many says nothing of each.
    if (indicator === undefined || ids.length > 1) return
    const judged = verdict === undefined ? undefined : JUDGEMENTS[verdict]
    await indicators.judgeByAlert({ account, workspace }, { alert: alertId, indicator, verdict: judged, at })
  }

  const take = (): Promise<void> => {
    again = running !== undefined
    running ??= takeAll().finally(() => {
      running = undefined
      if (!again) return
      again = false
      poke()
    })
    return running
  }
  const poke = () => {
    take().catch((err: unknown) =>
      log.warn({ err }, 'verdicts on alerts of indicators could not be taken; tried again'),
    )
  }

  jobs.define('intel.verdicts', () => undefined, take, { everyMs: VERDICTS_EVERY_MS })
  return {
    poke,
    take,
    async stop() {
      again = false
      await running?.catch(() => {})
    },
  }
}
