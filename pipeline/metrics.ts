import { defineMetrics, type Metrics } from '../platform/index.ts'
import type { LogCounters } from './log/index.ts'
import type { ShardStep } from './processing/shard-loop.ts'

const processing = defineMetrics({
  events: {
    kind: 'counter',
    name: 'rampart_processed_events_total',
    help: 'Events parsed, looked at by detection and made searchable.',
    labels: ['pipe'],
  },
  bytes: {
    kind: 'counter',
    name: 'rampart_processed_bytes_total',
    help: 'Bytes of the records of those events, as received.',
    labels: ['pipe'],
  },
  parseErrors: {
    kind: 'counter',
    name: 'rampart_processed_parse_errors_total',
    help: 'Records that could not be parsed; they are kept raw and searchable.',
    labels: ['pipe'],
  },
  findings: {
    kind: 'counter',
    name: 'rampart_processed_findings_total',
    help: 'Findings that detection stated.',
    labels: ['pipe'],
  },
  gaps: {
    kind: 'counter',
    name: 'rampart_processed_gaps_total',
    help: 'Damaged stretches of the log that were stepped over; the service log names file and offset.',
    labels: ['pipe'],
  },
  delaySeconds: {
    kind: 'histogram',
    name: 'rampart_processed_delay_seconds',
    help: 'From taking a record to its event being searchable.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  },
})

const log = defineMetrics({
  records: { kind: 'gauge', name: 'rampart_log_records', help: 'Records appended since the process started.' },
  bytes: { kind: 'gauge', name: 'rampart_log_appended_bytes', help: 'Their bytes, before compression.' },
  written: { kind: 'gauge', name: 'rampart_log_written_bytes', help: 'What went to the disk for them.' },
  groups: { kind: 'gauge', name: 'rampart_log_groups', help: 'Writes with a sync of their own; records share them.' },
  waiting: { kind: 'gauge', name: 'rampart_log_waiting_bytes', help: 'Bytes that wait for their sync now.' },
  free: { kind: 'gauge', name: 'rampart_log_free_bytes', help: 'Room on the disk when it was last asked.' },
  refused: {
    kind: 'gauge',
    name: 'rampart_log_refused_calls',
    help: 'Appends refused since the process started.',
    labels: ['reason'],
  },
  gaps: { kind: 'gauge', name: 'rampart_log_gaps', help: 'Damaged stretches met since the process started.' },
})

/** Counts the turns of processors. */
export function countSteps(metrics: Metrics): (step: ShardStep, now: number) => void {
  const counts = metrics.use(processing)
  return (step, now) => {
    const pipe = `${step.shard.workspace}/${step.shard.dataspace}/${step.shard.pipe}`
    counts.events.add({ pipe }, step.eventCount)
    counts.bytes.add({ pipe }, step.byteCount)
    if (step.parseErrorCount > 0) counts.parseErrors.add({ pipe }, step.parseErrorCount)
    if (step.findingCount > 0) counts.findings.add({ pipe }, step.findingCount)
    if (step.gaps.length > 0) counts.gaps.add({ pipe }, step.gaps.length)
    if (step.eventCount > 0) counts.delaySeconds.observe({}, Math.max(0, now - step.newestReceivedAt) / 1000)
  }
}

/** Shows what the embedded log counts of itself. */
export function showLogCounters(metrics: Metrics, counters: Readonly<LogCounters>): void {
  const gauges = metrics.use(log)
  metrics.beforeScrape(() => {
    gauges.records.set({}, counters.appendedRecords)
    gauges.bytes.set({}, counters.appendedBytes)
    gauges.written.set({}, counters.writtenBytes)
    gauges.groups.set({}, counters.groups)
    gauges.waiting.set({}, counters.waitingBytes)
    gauges.free.set({}, counters.freeBytes)
    gauges.refused.set({ reason: 'busy' }, counters.refusedBusy)
    gauges.refused.set({ reason: 'full' }, counters.refusedFull)
    gauges.refused.set({ reason: 'failed' }, counters.refusedFailed)
    gauges.gaps.set({}, counters.gaps)
  })
}
