import { defineMetrics } from '../platform/index.ts'

/** What the audit trail counts. */
export const complianceMetrics = defineMetrics({
  events: {
    kind: 'counter',
    name: 'rampart_compliance_audit_events_total',
    help: 'Audit events of known callers that are durable, by outcome of the call.',
    labels: ['outcome'],
  },
  failed: {
    kind: 'counter',
    name: 'rampart_compliance_audit_failures_total',
    help: 'Audit events that could not be written, so that their call was not answered.',
  },
  unknown: {
    kind: 'counter',
    name: 'rampart_compliance_unknown_calls_total',
    help: 'Calls of unknown callers that were counted.',
  },
  unknownSources: {
    kind: 'gauge',
    name: 'rampart_compliance_unknown_sources',
    help: 'Sources of unknown callers whose counts are not written yet.',
  },
})
