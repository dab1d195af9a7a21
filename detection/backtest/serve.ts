import type { Parser, ScanBatch } from '../../pipeline/index.ts'
import { assert, type Channel, type ChannelHandlers } from '../../platform/index.ts'
import { Backtest } from './backtest.ts'
import type { BacktestThread } from './backtests.ts'
import type { AlertTerms, BacktestPlan, BacktestResult } from './types.ts'

/** The thread's side: one back-test. */
export function serveBacktest({
  parser,
  terms,
}: {
  readonly parser: Parser
  readonly terms: AlertTerms
}): ChannelHandlers {
  let backtest: Backtest | undefined
  const begun = (): Backtest => {
    assert(backtest, 'a back-test is begun before it is given events')
    return backtest
  }
  return {
    'backtest.begin': (plan: BacktestPlan) => {
      backtest = new Backtest(plan, terms)
    },
    'backtest.take': ({ shard, records }: ScanBatch) =>
      begun().take(
        shard,
        records.map((record) => parser.parse(record)),
      ),
    'backtest.result': () => begun().result(),
  }
}

/** The thread as the other side sees it. */
export function backtestThread({
  channel,
  stop,
}: {
  readonly channel: Channel
  stop(): Promise<void>
}): BacktestThread {
  return {
    begin: (plan) => channel.call<void>('backtest.begin', plan),
    take: (batch) => channel.call<number>('backtest.take', batch),
    result: () => channel.call<BacktestResult>('backtest.result', undefined),
    stop,
  }
}
