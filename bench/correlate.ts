import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Correlator } from '../detection/correlate/correlator.ts'
import type { Checkpoint } from '../detection/correlate/group-disk.ts'
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
correlation: {type: event_count, rules: [refused], group-by: [user, host], timespan: 2h, condition: {gte: 10}}
---
title: Widely
id: widely
correlation: {type: value_count, rules: [refused], group-by: [user], timespan: 2h, condition: {gte: 10, field: host}}
`
const START = Date.UTC(2026, 0, 1)
const RULE_IDS = ['refused']
/** As a shard does it: events of a batch, and events after which a checkpoint is begun. */
const BATCH = 2_000
const CHECKPOINT_EVERY = 200_000

/** Correlations over very many groups, their state kept as a shard keeps it: rate, memory, and how long events wait. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const sizes = quick ? [100_000] : [1_000_000, 4_000_000]
  for (const keys of sizes) for (const id of ['many', 'widely']) await measure(report, id, keys)
}

async function measure(report: Report, id: string, keys: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'rampart-correlate-'))
  try {
    await measureIn(dir, report, { id, keys })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measureIn(
  dir: string,
  report: Report,
  { id, keys }: { readonly id: string; readonly keys: number },
): Promise<void> {
  const { ruleSet } = buildRuleSet(readSigma(RULES, { fallbackId: 'x' }).documents)
  const correlations = ruleSet.correlations.filter(({ correlation }) => correlation.head.id === id)
  const name = `${id === 'many' ? 'event_count' : 'value_count'}, ${keys.toLocaleString('en')} live keys`
  collectGarbage()
  const before = memoryMib()
  const correlator = new Correlator(correlations, { latenessMs: 600_000, dir })
  const events = 3 * keys
  let waited = 0
  let longest = 0
  let longestBatch = 0
  let last: Checkpoint | undefined
  let checkpoints = 0
  let written = 0
  const meanwhile = <Value>(work: () => Value): Value => {
    const at = performance.now()
    const value = work()
    const took = performance.now() - at
    waited += took
    longest = Math.max(longest, took)
    return value
  }
  const at = performance.now()
  for (let n = 0; n < events; ) {
    const batchAt = performance.now()
    for (const end = Math.min(events, n + BATCH); n < end; n++) {
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
    longestBatch = Math.max(longestBatch, performance.now() - batchAt)
    meanwhile(() => correlator.tend())
    if (n % CHECKPOINT_EVERY === 0) {
      const kept = meanwhile(() => correlator.keep(n))
      if (kept !== last) checkpoints++
      last = kept
    }
    // As between the batches of a shard: what became durable is heard of.
    await new Promise(setImmediate)
  }
  const seconds = (performance.now() - at) / 1000
  const { groups, coldGroups, evictedGroups, diskBytes } = correlator.counts()
  if (groups !== keys || evictedGroups > 0) throw new Error(`${groups} groups are held, not ${keys}`)
  written = correlator.writtenBytes
  report({ case: name, value: events / seconds, unit: 'events/s' })
  collectGarbage()
  report({ case: `${name}, memory`, value: memoryMib() - before, unit: 'MiB' })
  report({ case: `${name}, of them on the disk only`, value: coldGroups, unit: 'groups' })
  report({ case: `${name}, checkpoints and spill, longest wait`, value: longest, unit: 'ms' })
  report({ case: `${name}, checkpoints, share of the time`, value: waited / seconds / 10, unit: '%' })
  report({ case: `${name}, longest batch of ${BATCH}`, value: longestBatch, unit: 'ms' })
  report({
    case: `${name}, written for each of ${checkpoints} checkpoints`,
    value: written / checkpoints / 2 ** 20,
    unit: 'MiB',
  })
  report({ case: `${name}, disk`, value: diskBytes / 2 ** 20, unit: 'MiB' })
  const kept = await settle(correlator, events)
  correlator.close()
  const loading = performance.now()
  const restored = new Correlator(correlations, { latenessMs: 600_000, dir, from: kept })
  report({ case: `${name}, taking them up again`, value: performance.now() - loading, unit: 'ms' })
  if (restored.counts().groups !== keys) throw new Error('a restart lost groups')
  restored.close()
}

/** A checkpoint of everything. */
async function settle(correlator: Correlator, offset: number): Promise<Checkpoint> {
  for (;;) {
    const kept = correlator.keep(offset)
    if (kept?.offset === offset) return kept
    correlator.tend()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

const memoryMib = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}
