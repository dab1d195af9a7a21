import type { Log } from '../../platform/index.ts'
import type { EventStore, PipeAddress, ShardAddress, ShardFiles } from '../types.ts'

const NO_STATE = new Uint8Array(0)

/** Lets go of what the detector keeps of pipes that are no more. To be called before any shard is begun.
 *
 * INVARIANT (order): its state goes first, since that names the files; whatever dies in between, the files are still there
 * to be found at the next start.
 * @param pipes those that there are */
export async function forgetPipes(
  pipes: readonly PipeAddress[],
  deps: {
    readonly store: Pick<EventStore, 'progress' | 'append'>
    readonly files: ShardFiles
    readonly log: Pick<Log, 'info' | 'error'>
  },
): Promise<void> {
  const { store, files, log } = deps
  const known = new Set(pipes.map(keyOf))
  for (const shard of files.list()) {
    if (known.has(keyOf(shard))) continue
    try {
      const { nextOffset, detectorState } = await store.progress(shard)
      if (detectorState?.length) await store.append({ shard, events: [], nextOffset, detectorState: NO_STATE })
      files.remove(shard)
      log.info({ shard }, 'the pipe is no more; what detection kept of it is removed')
    } catch (err) {
      log.error(
        { err, shard },
        'the pipe is no more, but what detection kept of it cannot be removed; the next start tries',
      )
    }
  }
}

const keyOf = ({ account, workspace, dataspace, pipe }: PipeAddress | ShardAddress): string =>
  `${account}/${workspace}/${dataspace}/${pipe}`
