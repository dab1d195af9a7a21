import type { Event, ShardAddress } from '../../pipeline/index.ts'
import type { Finding } from './finding.ts'
import type { ShardTally } from './shard-tally.ts'

/** Says what was found, and when the record it was found at was received, ms.
 * @returns false where the events were looked at before: whatever was found then was told then */
export type Tell = (finding: Finding, receivedAt: number) => boolean

/** One way of looking at the events of a shard: rules are one. As deterministic as the detector that it is part of: the
 * same state and events give the same findings with the same ids. */
export interface Watcher {
  /** Names its part of the state that is kept; stays the same for ever. */
  readonly name: string
  /** @param tally where it counts what it is to be judged by */
  watch(shard: ShardAddress, events: readonly Event[], tell: Tell, tally: ShardTally): void
  /** What later findings of this shard depend on; undefined when that is nothing. */
  snapshot(shard: ShardAddress): Uint8Array | undefined
  /** Begins again from what `snapshot` gave, or from nothing.
   * @returns the offset of the first event that it wants to see again, where its state is older than the shard's; it steps
   * over what it has seen
   * @throws detection.state.unreadable */
  restore(shard: ShardAddress, state: Uint8Array | undefined): number | undefined
}

/** Tells shards apart. */
export const keyOfShard = ({ account, workspace, dataspace, pipe, shard }: ShardAddress): string =>
  `${account}/${workspace}/${dataspace}/${pipe}/${shard}`
