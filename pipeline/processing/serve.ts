import { type Channel, type ChannelHandlers, type Clock, type Log, openChannel } from '../../platform/index.ts'
import { openDuckDbStore } from '../engines/duckdb/store.ts'
import { openLogReader } from '../log/index.ts'
import type { Detector, Parser, PipeAddress, ShardFiles } from '../types.ts'
import { forgetPipes } from './forget-pipes.ts'
import type { DurableEnd, ProcessorData } from './host.ts'
import { serveStore } from './remote-store.ts'
import { createShardLoop, type ShardLoop, type ShardLoopDeps } from './shard-loop.ts'

export interface ProcessorThreadDeps<Finding> {
  /** To the side that started the thread with `startProcessor`. */
  readonly port: Parameters<typeof openChannel>[0]
  readonly data: ProcessorData
  readonly parser: Parser
  readonly detector: Detector<Finding>
  readonly files: ShardFiles
  /** What the thread answers besides: about the detector. */
  readonly handlers: ChannelHandlers
  readonly clock: Clock
  readonly log: Log
}

export interface ProcessorThread {
  /** Has every shard keep the detector's state with its next batch: after the rules changed. */
  keepState(): void
}

/** The processor's side of the thread: opens the log's files and the store, and runs a loop a shard, begun when the shard
 * is first heard of. */
export async function runProcessor<Finding>(deps: ProcessorThreadDeps<Finding>): Promise<ProcessorThread> {
  const { port, data, parser, detector, files, clock, log } = deps
  const reader = await openLogReader({ dir: data.logDir, log })
  const store = await openDuckDbStore({ dir: data.storeDir, clock })
  const loops = new Map<string, ShardLoop>()
  const loopDeps: ShardLoopDeps<Finding> = {
    ...{ reader, parser, detector, store, clock },
    emit: (findings) => channel.call('findings.take', findings),
    onStep: (step) => void channel.call('step.done', step).catch(() => {}),
    onTrouble: (shard, err) => log.error({ err, shard }, 'a shard cannot be processed now and is tried again'),
  }

  const wake = ({ shard, end }: DurableEnd) => {
    const key = `${shard.account}/${shard.workspace}/${shard.dataspace}/${shard.pipe}/${shard.shard}`
    let loop = loops.get(key)
    if (!loop) {
      loop = createShardLoop(shard, loopDeps)
      loops.set(key, loop)
    }
    reader.setEnd(shard, end)
    loop.wake(end)
  }

  const channel: Channel = openChannel(port, {
    ...serveStore(store),
    ...deps.handlers,
    'processor.ready': () => {},
    'processor.forgetOthers': (pipes: readonly PipeAddress[]) => forgetPipes(pipes, { store, files, log }),
    'processor.durable': (ends: readonly DurableEnd[]) => {
      for (const moved of ends) wake(moved)
    },
    'processor.stop': async () => {
      await Promise.all([...loops.values()].map((loop) => loop.stop()))
      await store.close()
    },
  })
  return {
    keepState() {
      for (const loop of loops.values()) loop.keepState()
    },
  }
}
