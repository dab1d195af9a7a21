import { defineMetrics, type Metrics } from '../platform/index.ts'
import type { RuleCounts } from './online/rule-watcher.ts'

const correlations = defineMetrics({
  groups: {
    kind: 'gauge',
    name: 'rampart_correlation_groups',
    help: 'Groups that correlations hold, by where: in memory, or on the disk only.',
    labels: ['where'],
  },
  bytes: {
    kind: 'gauge',
    name: 'rampart_correlation_bytes',
    help: 'What groups take: of memory about, and of the disk.',
    labels: ['where'],
  },
  lost: {
    kind: 'gauge',
    name: 'rampart_correlation_lost_groups',
    help: 'Groups lost since the process started, for want of room or because their records were damaged; alerts may be missing.',
    labels: ['reason'],
  },
  dropped: {
    kind: 'gauge',
    name: 'rampart_correlation_dropped_entries',
    help: 'Matches dropped since the process started, because their group had too many.',
  },
  late: {
    kind: 'gauge',
    name: 'rampart_correlation_late_entries',
    help: 'Matches that came too late to be correlated, since the process started.',
  },
})

/** Shows what correlations hold.
 * @param pull asks the detector, at each scrape */
export function showCorrelations(metrics: Metrics, pull: () => Promise<RuleCounts>): void {
  const gauges = metrics.use(correlations)
  metrics.beforeScrape(async () => {
    const counts = await pull().catch(() => undefined)
    if (!counts) return
    gauges.groups.set({ where: 'memory' }, counts.groups - counts.coldGroups)
    gauges.groups.set({ where: 'disk' }, counts.coldGroups)
    gauges.bytes.set({ where: 'memory' }, counts.memoryBytes)
    gauges.bytes.set({ where: 'disk' }, counts.diskBytes)
    gauges.lost.set({ reason: 'room' }, counts.evictedGroups)
    gauges.lost.set({ reason: 'damage' }, counts.lostGroups)
    gauges.dropped.set({}, counts.droppedEntries)
    gauges.late.set({}, counts.lateEntries)
  })
}
