import { Worker } from 'node:worker_threads'
import { type Channel, openChannel } from '../../platform/index.ts'
import type { PartitionLog, PipeAddress, ShardAddress } from '../types.ts'
import { type RemoteStore, remoteStore } from './remote-store.ts'
import type { ShardStep } from './shard-loop.ts'

/** What a detector may take beside the state that is stored with its shards. */
export interface DetectorRoom {
  readonly dir: string
  readonly memoryBytes: number
  readonly diskBytes: number
}

/** What a processor thread finds in its `workerData`. */
export interface ProcessorData {
  readonly logDir: string
  readonly storeDir: string
  /** Files that addresses in events are looked up in. */
  readonly addressDatabases: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Where the detector keeps what is too much for its state, and how much that may be. */
  readonly detector: DetectorRoom
}

export interface ProcessorOptions<Finding> {
  /** The module the thread runs: a composition root that calls `runProcessor`. */
  readonly entry: URL
  readonly data: ProcessorData
  readonly log: PartitionLog
  /** Resolves when they are durable. */
  readonly takeFindings: (findings: readonly Finding[]) => Promise<void>
  /** Hears of each turn, after it is durable. */
  readonly onStep: (step: ShardStep) => Promise<void>
  /** The thread ended though nobody asked: nothing is processed any more. */
  readonly onLost: (error: Error) => void
}

/** A processor in a thread of its own, told of every shard that moves. */
export interface Processor {
  readonly store: RemoteStore
  readonly channel: Channel
  /** Lets records flow: to be called once the thread has its rules.
   * @param pipes all that there are: what is kept of others goes */
  begin(pipes: readonly PipeAddress[]): Promise<void>
  /** Ends after the turns that are running. */
  stop(): Promise<void>
}

export interface DurableEnd {
  readonly shard: ShardAddress
  readonly end: number
}

/** Starts a processor thread and waits until it takes calls. */
export async function startProcessor<Finding>(options: ProcessorOptions<Finding>): Promise<Processor> {
  const worker = new Worker(options.entry, { workerData: options.data, name: 'rampart-processor' })
  const channel = openChannel(worker, { 'findings.take': options.takeFindings, 'step.done': options.onStep })
  let stopping = false
  const lost = (error: Error) => {
    channel.close('the processor is gone')
    if (!stopping) options.onLost(error)
  }
  worker.on('error', (error) => lost(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => lost(new Error(`the processor thread ended with ${code}`)))
  await channel.call('processor.ready', undefined)
  return {
    channel,
    store: remoteStore(channel),
    async begin(pipes) {
      await channel.call('processor.forgetOthers', pipes)
      forwardEnds(options.log, channel)
    },
    async stop() {
      stopping = true
      await channel.call('processor.stop', undefined).catch(() => {})
      await worker.terminate()
    },
  }
}

/** Tells the other thread how far each shard is durable: one message a turn of the event loop, however many appends
 * became durable in it, and none while the last is still being taken. */
function forwardEnds(log: PartitionLog, channel: Channel): void {
  const moved = new Map<string, DurableEnd>()
  let sending = false
  const send = async () => {
    while (moved.size > 0) {
      const ends = [...moved.values()]
      moved.clear()
      await channel.call('processor.durable', ends)
    }
    sending = false
  }
  log.onDurable((shard, end) => {
    moved.set(`${shard.account}/${shard.workspace}/${shard.dataspace}/${shard.pipe}/${shard.shard}`, { shard, end })
    if (sending) return
    sending = true
    // A closed channel has told about itself already.
    setImmediate(() => void send().catch(() => {}))
  })
}
