import { Worker } from 'node:worker_threads'
import type { Parser } from '../../pipeline/index.ts'
import { type Channel, type ChannelHandlers, openChannel } from '../../platform/index.ts'
import { serveBacktest } from '../backtest/serve.ts'
import type { AlertTerms } from '../backtest/types.ts'
import { serveHunt } from '../hunt/serve.ts'
import { REPLAY_MEMORY_MB } from '../limits.ts'

/** What a thread that looks at stored events again answers: a back-test, or a hunt, of its own.
 * @param terms which findings become one alert */
export function serveReplay(deps: { readonly parser: Parser; readonly terms: AlertTerms }): ChannelHandlers {
  return { ...serveBacktest(deps), ...serveHunt(deps) }
}

/** What such a thread runs. */
export interface ReplayModule {
  /** A composition root that answers with `serveReplay`. */
  readonly entry: URL
  /** Its `workerData`. */
  readonly data: unknown
}

/** A thread for one back-test or hunt, bounded in memory: whatever the rules hold on to, the service goes on.
 */
export function startReplayThread({ entry, data }: ReplayModule): { readonly channel: Channel; stop(): Promise<void> } {
  const worker = new Worker(entry, {
    name: 'rampart-replayer',
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: REPLAY_MEMORY_MB },
  })
  const channel = openChannel(worker, {})
  worker.on('error', (error) => channel.close(`the thread that reads events again failed: ${String(error)}`))
  worker.on('exit', () => channel.close('the thread that reads events again ended'))
  return { channel, stop: async () => void (await worker.terminate()) }
}
