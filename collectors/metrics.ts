import { defineMetrics } from '../platform/index.ts'

/** What collectors count. */
export const collectMetrics = defineMetrics({
  records: {
    kind: 'counter',
    name: 'rampart_collectors_records_total',
    help: 'Records taken and durable.',
    labels: ['collector'],
  },
  bytes: {
    kind: 'counter',
    name: 'rampart_collectors_bytes_total',
    help: 'Bytes of records taken and durable, without framing.',
    labels: ['collector'],
  },
  rejected: {
    kind: 'counter',
    name: 'rampart_collectors_rejected_total',
    help: 'Records not taken, by the code that their sender was told.',
    labels: ['collector', 'code'],
  },
  cut: {
    kind: 'counter',
    name: 'rampart_collectors_cut_total',
    help: 'Messages over the frame limit, of which the front was kept.',
    labels: ['collector'],
  },
  cutBytes: {
    kind: 'counter',
    name: 'rampart_collectors_cut_bytes_total',
    help: 'Bytes of messages over the frame limit that were not kept.',
    labels: ['collector'],
  },
  partial: {
    kind: 'counter',
    name: 'rampart_collectors_partial_total',
    help: 'Messages that a closing connection left unfinished, kept as they were.',
    labels: ['collector'],
  },
  dropped: {
    kind: 'counter',
    name: 'rampart_collectors_dropped_total',
    help: 'Datagrams lost: the kernel had no room for them, or the log could not take them in time.',
    labels: ['collector', 'reason'],
  },
  refused: {
    kind: 'counter',
    name: 'rampart_collectors_appends_refused_total',
    help: 'Appends that the log refused and that were tried again.',
    labels: ['collector', 'code'],
  },
  pauses: {
    kind: 'counter',
    name: 'rampart_collectors_pauses_total',
    help: 'Times a connection was no longer read because its records were not durable yet.',
    labels: ['collector'],
  },
  connections: {
    kind: 'gauge',
    name: 'rampart_collectors_connections',
    help: 'Open connections.',
    labels: ['collector'],
  },
  closed: {
    kind: 'counter',
    name: 'rampart_collectors_connections_closed_total',
    help: 'Connections closed by the service, by reason.',
    labels: ['collector', 'reason'],
  },
  waitingBytes: {
    kind: 'gauge',
    name: 'rampart_collectors_waiting_bytes',
    help: 'Bytes taken off a socket and not durable yet.',
    labels: ['collector'],
  },
  partialBytes: {
    kind: 'gauge',
    name: 'rampart_collectors_partial_bytes',
    help: 'Memory of messages whose end has not arrived.',
    labels: ['collector'],
  },
})
