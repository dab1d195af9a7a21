import type { ChannelHandlers } from '../../platform/index.ts'
import type { ShardAddress } from '../types.ts'
import type { DurableEnd } from './host.ts'
import { serveStore } from './remote-store.ts'
import { createShardLoop, type ShardLoop, type ShardLoopDeps } from './shard-loop.ts'

export interface ServedProcessor {
  readonly handlers: ChannelHandlers
  /** Has every shard keep the detector's state with its next batch: after the rules changed. */
  keepState(): void
}

/** The processor's side of the thread: a loop a shard, begun when the shard is first heard of.
 * @param onEnd learns how far a shard is durable before its loop does */
export function serveProcessor<Finding>(
  deps: ShardLoopDeps<Finding>,
  onEnd: (shard: ShardAddress, end: number) => void,
): ServedProcessor {
  const loops = new Map<string, ShardLoop>()

  const wake = ({ shard, end }: DurableEnd) => {
    const key = `${shard.account}/${shard.workspace}/${shard.dataspace}/${shard.pipe}/${shard.shard}`
    let loop = loops.get(key)
    if (!loop) {
      loop = createShardLoop(shard, deps)
      loops.set(key, loop)
    }
    onEnd(shard, end)
    loop.wake(end)
  }

  return {
    handlers: {
      ...serveStore(deps.store),
      'processor.ready': () => {},
      'processor.durable': (ends: readonly DurableEnd[]) => {
        for (const moved of ends) wake(moved)
      },
      'processor.stop': async () => {
        await Promise.all([...loops.values()].map((loop) => loop.stop()))
        await deps.store.close()
      },
    },
    keepState() {
      for (const loop of loops.values()) loop.keepState()
    },
  }
}
