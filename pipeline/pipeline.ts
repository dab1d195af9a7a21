import type { AccountId, Api, Authorizer, Clock, Database, Log, Metrics } from '../platform/index.ts'
import { openPartitionLog } from './log/index.ts'
import { countSteps, showLogCounters } from './metrics.ts'
import { createPipes, type Pipes } from './pipes/pipes.ts'
import { pipeRoutes } from './pipes/routes.ts'
import { type DetectorRoom, type Processor, type ProcessorData, startProcessor } from './processing/host.ts'
import { type Dropped, dropExpired } from './retention.ts'
import { searchRoutes } from './search-routes.ts'
import type { PartitionLog } from './types.ts'

export interface PipelineDeps<Finding> {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Where the log's segments are. */
  readonly logDir: string
  /** Where events are kept. */
  readonly storeDir: string
  readonly detector: DetectorRoom
  /** Files that the processor looks addresses in events up in. */
  readonly addressDatabases: readonly string[]
  /** The module that the processor thread runs: a composition root that calls `runProcessor`. */
  readonly processor: URL
  /** Takes findings of the processor; resolves when they are durable there. The same may come again. Not called before
   * `begin`. */
  readonly takeFindings: (findings: readonly Finding[]) => Promise<void>
  /** The processor ended though nobody asked: nothing is processed any more. */
  readonly onLost: (error: Error) => void
}

/** The way of records through the process: the durable log, its processor, the events, and the pipes they are in. */
export interface Pipeline extends Pick<Processor, 'store' | 'channel'> {
  readonly log: PartitionLog
  readonly pipes: Pipes
  routes(deps: { readonly authorizer: Authorizer }): readonly ((api: Api) => void)[]
  /** Lets records flow: to be called once the processor has its rules. */
  begin(): Promise<void>
  /** Lets go of what is past its time. */
  dropExpired(accounts: readonly AccountId[]): Promise<Dropped>
  /** Ends processing, after the turns that are running. */
  stop(): Promise<void>
  /** Closes the log; after `stop`. */
  close(): Promise<void>
}

/** Who the log waits for before it lets records go. */
const PROCESSOR = 'processor'

/** Opens the log and starts a processor thread.   @throws pipeline.log.unreadable */
export async function openPipeline<Finding>(deps: PipelineDeps<Finding>): Promise<Pipeline> {
  const { database, clock, log: messages, metrics, logDir, storeDir, detector, addressDatabases } = deps
  const log = await openPartitionLog({ dir: logDir, clock, consumers: [PROCESSOR], log: messages })
  showLogCounters(metrics, log.counters)
  const countStep = countSteps(metrics)
  const processor = await startProcessor<Finding>({
    ...{ entry: deps.processor, log, takeFindings: deps.takeFindings, onLost: deps.onLost },
    data: { logDir, storeDir, detector, addressDatabases, logLevel: messages.level as ProcessorData['logLevel'] },
    onStep(step) {
      countStep(step, clock.now())
      for (const gap of step.gaps) {
        messages.error({ gap, shard: step.shard }, 'a damaged stretch of the log is stepped over')
      }
      return log.commit(PROCESSOR, step.shard, step.nextOffset)
    },
  })
  const { store, channel } = processor
  const pipes = createPipes({
    database,
    clock,
    declare: store.declare,
    dropEvents: (pipe) => store.dropBefore(pipe, Number.MAX_SAFE_INTEGER),
  })
  return {
    ...{ log, store, channel, pipes },
    routes: ({ authorizer }) => [
      pipeRoutes(pipes),
      searchRoutes({ store, authorizer, requireWorkspace: pipes.requireWorkspace }),
    ],
    begin: async () => processor.begin(await pipes.listEvery()),
    dropExpired: (accounts) => dropExpired(accounts, { pipes, log, store, clock }),
    stop: () => processor.stop(),
    close: () => log.close(),
  }
}
