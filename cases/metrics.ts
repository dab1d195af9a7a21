import { defineMetrics } from '../platform/index.ts'

/** What the alert hub counts. */
export const caseMetrics = defineMetrics({
  findings: {
    kind: 'counter',
    name: 'rampart_cases_findings_total',
    help: 'Findings taken, by what became of them: merged into an alert of their own key, held_back by the storm guard, or repeated and ignored.',
    labels: ['outcome'],
  },
  changes: {
    kind: 'counter',
    name: 'rampart_cases_alert_changes_total',
    help: 'Changes of alerts, by kind.',
    labels: ['change'],
  },
  changesDropped: {
    kind: 'counter',
    name: 'rampart_cases_alert_changes_dropped_total',
    help: 'Changes of alerts that were dropped because nobody took them in time.',
  },
  changesWaiting: {
    kind: 'gauge',
    name: 'rampart_cases_alert_changes_waiting',
    help: 'Changes of alerts that nobody is done with yet.',
  },
})
