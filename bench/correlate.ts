import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Correlator } from '../detection/correlate/correlator.ts'
import { decodeWindows, encodeWindows } from '../detection/correlate/state.ts'
import { buildRuleSet } from '../detection/rule-set.ts'
import { readSigma } from '../detection/sigma/read.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const RULES = `
title: Refused
id: refused
logsource: {product: test}
detection: {selection: {outcome: refused}, condition: selection}
---
title: Many
id: many
correlation: {type: event_count, rules: [refused], group-by: [user, host], timespan: 1h, condition: {gte: 10}}
---
title: Widely
id: widely
correlation: {type: value_count, rules: [refused], group-by: [user], timespan: 1h, condition: {gte: 10, field: host}}
`
const START = Date.UTC(2026, 0, 1)
const RULE_IDS = ['refused']

/** Correlations over very many groups: rate, memory, and what keeping their state costs. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const keys = quick ? 100_000 : 1_000_000
  for (const id of ['many', 'widely']) measure(report, id, keys)
}

function measure(report: Report, id: string, keys: number): void {
  const { ruleSet } = buildRuleSet(readSigma(RULES, { fallbackId: 'x' }).documents)
  const correlations = ruleSet.correlations.filter(({ correlation }) => correlation.head.id === id)
  const name = `${id === 'many' ? 'event_count' : 'value_count'}, ${keys.toLocaleString('en')} live keys`
  collectGarbage()
  const before = memoryMib()
  const correlator = new Correlator(correlations, 600_000)
  const events = 3 * keys
  const at = performance.now()
  for (let n = 0; n < events; n++) {
    const time = START + n
    // Every key thrice, in an order that no cache foresees.
    const user = `user-${(n * 7_919) % keys}`
    const host = `host-${n % 1_000}`
    correlator.see({
      time,
      arrivedAt: time,
      ref: n,
      ruleIds: RULE_IDS,
      value: (field) => (field === 'user' ? user : id === 'many' ? 'h' : host),
    })
  }
  const seconds = (performance.now() - at) / 1000
  if (correlator.groupCount !== keys) throw new Error(`${correlator.groupCount} groups are held, not ${keys}`)
  report({ case: `${name}`, value: events / seconds, unit: 'events/s' })
  collectGarbage()
  report({ case: `${name}, memory`, value: memoryMib() - before, unit: 'MiB' })
  const saving = performance.now()
  const state = encodeWindows(correlator.save())
  report({ case: `${name}, keeping the state`, value: performance.now() - saving, unit: 'ms' })
  report({ case: `${name}, state`, value: (state?.length ?? 0) / 2 ** 20, unit: 'MiB' })
  const loading = performance.now()
  const restored = new Correlator(correlations, 600_000)
  restored.load(decodeWindows(state ?? new Uint8Array()))
  report({ case: `${name}, taking it up again`, value: performance.now() - loading, unit: 'ms' })
  if (restored.groupCount !== keys) throw new Error('the state lost groups')
}

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

const memoryMib = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}
