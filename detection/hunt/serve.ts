import type { Parser, ScanBatch } from '../../pipeline/index.ts'
import { assert, type Channel, type ChannelHandlers } from '../../platform/index.ts'
import type { Finding } from '../online/finding.ts'
import { createIntelWatcher, type IntelWatcher } from '../online/intel-watcher.ts'
import type { HuntThread } from './hunts.ts'

/** The thread's side: one hunt. */
export function serveHunt({ parser }: { readonly parser: Parser }): ChannelHandlers {
  let watcher: IntelWatcher | undefined
  return {
    'hunt.begin': ({ account, workspace, set, patterns, allow }: Parameters<HuntThread['begin']>[0]) => {
      watcher = createIntelWatcher()
      watcher.changeIndicators({ kind: 'set', account, workspace, set, patterns, upTo: 0 })
      watcher.changeIndicators({ kind: 'allow', account, workspace, set: allow })
    },
    'hunt.take': ({ shard, records }: ScanBatch): readonly Finding[] => {
      assert(watcher, 'a hunt is begun before it is given events')
      const found: Finding[] = []
      const events = records.map((record) => parser.parse(record))
      watcher.watch(shard, events, (finding) => found.push(finding) > 0)
      return found
    },
  }
}

/** The thread as the other side sees it. */
export function huntThread({ channel, stop }: { readonly channel: Channel; stop(): Promise<void> }): HuntThread {
  return {
    begin: (hunt) => channel.call<void>('hunt.begin', hunt),
    take: (batch) => channel.call<readonly Finding[]>('hunt.take', batch),
    stop,
  }
}
