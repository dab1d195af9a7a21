import { stringify } from 'yaml'
import { Correlator } from '../../detection/correlate/correlator.ts'
import { buildRuleSet } from '../../detection/rule-set.ts'
import { readSigma } from '../../detection/sigma/read.ts'
import type { JsonValue } from '../../pipeline/index.ts'
import { assert } from '../../platform/index.ts'
import type { NaiveCorrelation, NaiveEvent } from './naive-correlation.ts'

const rules = ['r0', 'r1', 'r2'].map(
  (id) => `title: R\nid: ${id}\nlogsource: {product: test}\ndetection: {s: {rule: ${id}}, condition: s}\n`,
)

/** Where the correlator says that correlations hold: `event correlation group`, sorted. */
export function correlationHolds(correlations: readonly NaiveCorrelation[], events: readonly NaiveEvent[]): string[] {
  const texts = [...rules, ...correlations.map((one) => stringify(one))]
  const files = texts.map((text) => readSigma(text, { fallbackId: 'x' }))
  const { ruleSet, misfits } = buildRuleSet(files.flatMap(({ documents }) => documents))
  assert(
    misfits.length === 0 && ruleSet.correlations.length === correlations.length,
    JSON.stringify([misfits, files.flatMap(({ refused }) => refused)]),
  )
  const correlator = new Correlator(ruleSet.correlations, { latenessMs: 0 })
  return events
    .flatMap(({ time, rules: ruleIds, fields }, ref) =>
      correlator
        .see({ time, arrivedAt: time, ref, ruleIds, value: (field) => fields[field] as JsonValue })
        .map(({ correlation, group }) => {
          const values = Object.values(group).map((value) => String(value))
          return `${ref} ${correlation.correlation.head.id} ${JSON.stringify(values)}`
        }),
    )
    .sort()
}
