import fc from 'fast-check'
import { buildRuleSet } from '../rule-set.ts'
import { rulesOf, ruleText } from '../testing/builders.ts'
import type { Correlator, MatchedEvent } from './correlator.ts'
import type { Pace } from './pace.ts'

export const LATENESS_MS = 60_000
const START = Date.UTC(2026, 0, 1)

/** Every type, with and without groups, aliases, conditions over rules, chains, and windows shorter than the lateness. */
const texts = [
  ...['a', 'b', 'c'].map((id) => ruleText(id, `{s: {${id}: 1}, condition: s}`)),
  ...[
    ['count', 'type: event_count, rules: [a], group-by: [who, host], timespan: 2m, condition: {gte: 3}'],
    ['few', 'type: event_count, rules: [a, b], group-by: [who], timespan: 30s, condition: {gte: 2, lt: 4}'],
    ['values', 'type: value_count, rules: [a, b], group-by: [who], timespan: 3m, condition: {gte: 3, field: host}'],
    ['tuples', 'type: value_count, rules: [a], timespan: 90s, condition: {gte: 4, field: [who, host]}'],
    ['sum', 'type: value_sum, rules: [a], group-by: [host], timespan: 2m, condition: {gt: 12, field: n}'],
    ['mean', 'type: value_avg, rules: [a, b], group-by: [host], timespan: 2m, condition: {gt: 4, field: n}'],
    ['median', 'type: value_median, rules: [b], group-by: [host], timespan: 4m, condition: {lt: 3, field: n}'],
    [
      'share',
      'type: value_percentile, rules: [b], group-by: [who], timespan: 4m, condition: {gt: 5, field: n, percentile: 75}',
    ],
    ['both', 'type: temporal, rules: [a, b], group-by: [who], timespan: 1m'],
    ['some', 'type: temporal, rules: [a, b, c], group-by: [host], timespan: 1m, condition: a and b and not c'],
    ['order', 'type: temporal_ordered, rules: [a, b, c], group-by: [who], timespan: 5m'],
    ['alias', 'type: temporal, rules: [a, b], group-by: [x], timespan: 2m, aliases: {x: {a: who, b: host}}'],
    ['chain', 'type: event_count, rules: [count], group-by: [who], timespan: 5m, condition: {gte: 2}'],
    ['after', 'type: temporal_ordered, rules: [values, c], group-by: [who], timespan: 10m'],
  ].map(([id, body]) => `title: ${id}\nid: ${id}\ncorrelation: {${body}}\n`),
]
export const { ruleSet, misfits } = buildRuleSet(rulesOf(...texts))

/** Checkpoints take many slices and wait for the disk; files are soon full, and soon compacted. */
export const tinyPace: Pace = {
  segmentBytes: 2_000,
  sliceGroups: 9,
  sliceBytes: 400,
  atOnceBytes: 0,
  compactionBytes: 300,
}

export interface Step {
  readonly rules: readonly string[]
  readonly who: string | undefined
  readonly host: string
  readonly n: number
  /** Since the event before, and how long before its arrival it happened, s. */
  readonly passed: number
  readonly late: number
  /** What is done after it. */
  readonly next: 'nothing' | 'tend' | 'keep' | 'wait' | 'die'
}

const names = ['ann', 'bob', 'cy', 'dan', 'Ωmega', 'half \ud800 pair', '', 'x'.repeat(300)]
export const steps = fc.array(
  fc.record<Step>({
    rules: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
    who: fc.option(fc.constantFrom(...names), { nil: undefined, freq: 20 }),
    host: fc.constantFrom('h1', 'h2', 'h3', 'h4'),
    n: fc.integer({ min: 0, max: 9 }),
    passed: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 0, max: 20 }) }, fc.integer({ min: 200, max: 2_000 })),
    late: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 90 })),
    next: fc.oneof(
      { weight: 12, arbitrary: fc.constant<Step['next']>('nothing') },
      { weight: 9, arbitrary: fc.constant<Step['next']>('tend') },
      { weight: 2, arbitrary: fc.constant<Step['next']>('keep') },
      { weight: 1, arbitrary: fc.constant<Step['next']>('wait') },
      { weight: 1, arbitrary: fc.constant<Step['next']>('die') },
    ),
  }),
  { minLength: 40, maxLength: 160, size: 'max' },
)

/** What is told of an event: as online, a correlation that goes on holding once a timespan. */
export function toldOf(correlator: Correlator, event: MatchedEvent): string[] {
  return correlator.see(event).flatMap(({ correlation, groupKey, time, window }) => {
    const { head, timespanMs } = correlation.correlation
    if (Math.abs(time - window.toldAt) < timespanMs) return []
    window.toldAt = time
    const refs = Array.from({ length: window.size }, (_, at) => window.refAt(at))
    return [`${event.ref} ${head.id} ${groupKey} ${time} ${refs.slice(window.left)}`]
  })
}

export function eventsOf(stream: readonly Step[]): readonly MatchedEvent[] {
  let arrivedAt = START
  return stream.map(({ rules, passed, late, ...fields }, ref) => {
    arrivedAt += passed * 1_000
    const value = (name: string) => fields[name as 'who' | 'host' | 'n']
    return { time: arrivedAt - late * 1_000, arrivedAt, ref, ruleIds: rules, value }
  })
}
