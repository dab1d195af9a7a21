import { defineMetrics } from '../platform/index.ts'

/** What threat intelligence counts. */
export const intelMetrics = defineMetrics({
  indicators: {
    kind: 'gauge',
    name: 'rampart_intel_indicators',
    help: 'Indicators that events are compared with, by type; those that ended since the set of a workspace was built count until the next.',
    labels: ['type'],
  },
  opinions: {
    kind: 'gauge',
    name: 'rampart_intel_opinions',
    help: 'Opinions on those indicators, by source.',
    labels: ['source'],
  },
  ended: {
    kind: 'gauge',
    name: 'rampart_intel_indicators_ended',
    help: 'Indicators that are kept and that events are not compared with: expired, revoked, worth too little, or patterns that one event cannot decide.',
  },
  patterns: {
    kind: 'gauge',
    name: 'rampart_intel_patterns',
    help: 'STIX patterns before the matcher: indexed by an exact value or a text, scanned with every event of their kind, or passed_over as there are too many.',
    labels: ['place'],
  },
  lookups: {
    kind: 'counter',
    name: 'rampart_intel_lookups_total',
    help: 'Values of events that were looked up among the indicators.',
  },
  matches: {
    kind: 'counter',
    name: 'rampart_intel_matches_total',
    help: 'Events that met an indicator, by its type, told or told before.',
    labels: ['type'],
  },
  refused: {
    kind: 'counter',
    name: 'rampart_intel_refused_total',
    help: 'Items of imports and feeds that were not taken, by the form they came in.',
    labels: ['format'],
  },
  feedPolls: {
    kind: 'counter',
    name: 'rampart_intel_feed_polls_total',
    help: 'Polls of feeds, by outcome: ok, or the code of the failure.',
    labels: ['feed', 'outcome'],
  },
  feedAge: {
    kind: 'gauge',
    name: 'rampart_intel_feed_age_seconds',
    help: 'Time since a feed that is switched on was read without failure; since it was made where it never was.',
    labels: ['feed'],
  },
  pushed: {
    kind: 'counter',
    name: 'rampart_intel_sightings_pushed_total',
    help: 'Sightings for a MISP, by outcome: pushed, refused by it for good, or dropped as too many waited.',
    labels: ['outcome'],
  },
  waiting: {
    kind: 'gauge',
    name: 'rampart_intel_sightings_waiting',
    help: 'Sightings that a MISP has not taken yet.',
  },
})
