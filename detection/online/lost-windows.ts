import type { Event, ShardAddress } from '../../pipeline/index.ts'
import type { CorrelatorCounts } from '../correlate/correlator.ts'
import { ENTRIES_PER_GROUP_MAX, LOST_WINDOWS_TOLD_EVERY_MS } from '../limits.ts'
import { type Finding, findingId, recordIdOf } from './finding.ts'
import { keyOfShard } from './watcher.ts'

const RULE_ID = 'rampart.lost-windows'

/** What the analysts were told of the windows that a shard lost. */
export interface ToldLosses {
  readonly counts: Pick<CorrelatorCounts, 'evictedGroups' | 'lostGroups' | 'droppedEntries'>
  /** In which hour of receive time. */
  readonly hour: number
}

export const nothingTold: ToldLosses = { counts: { evictedGroups: 0, lostGroups: 0, droppedEntries: 0 }, hour: -1 }

/** Tells that correlations of a shard lost windows, or parts of them, so that alerts may be missing: once an hour while it
 * goes on. Undefined when there is nothing to tell.
 * @param event the last one before it was noticed */
export function tellLosses(
  address: ShardAddress,
  event: Event,
  { counts, told }: { readonly counts: CorrelatorCounts; readonly told: ToldLosses },
): { readonly finding: Finding; readonly told: ToldLosses } | undefined {
  const hour = Math.floor(event.receivedAt / LOST_WINDOWS_TOLD_EVERY_MS)
  if (hour === told.hour) return undefined
  const evicted = counts.evictedGroups - told.counts.evictedGroups
  const lost = counts.lostGroups - told.counts.lostGroups
  const dropped = counts.droppedEntries - told.counts.droppedEntries
  if (evicted + lost + dropped === 0) return undefined
  const { account, workspace, dataspace, pipe, shard } = address
  const reasons = [
    evicted > 0 &&
      `${evicted} groups were dropped for want of room: somebody may be making up values to have others forgotten; find the field that takes so many values, narrow the rules below the correlation, or raise detection.correlation_disk_mb`,
    lost > 0 && `${lost} groups or files of them could not be read back from the disk; look into the service's log`,
    dropped > 0 &&
      `${dropped} matches were dropped from groups with more than ${ENTRIES_PER_GROUP_MAX}; narrow the rules below the correlation or shorten its timespan`,
  ].filter((reason) => reason !== false)
  const finding: Finding = {
    id: findingId(account, RULE_ID, keyOfShard(address), hour),
    account,
    workspace,
    kind: 'rule',
    rule: {
      id: RULE_ID,
      title: `Correlations over ${dataspace}/${pipe} lost windows: alerts may be missing`,
      severity: 'high',
      techniques: [],
      tactics: [],
      description: `${reasons.join('. ')}.`,
      dedup: { key: `${dataspace}/${pipe}/${shard}` },
    },
    time: event.time,
    recordIds: [recordIdOf(address, event.offset)],
    entities: {},
  }
  return { finding, told: { counts, hour } }
}
