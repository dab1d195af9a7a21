import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { ruleMigrations } from '../detection/migrations.ts'
import { packRules } from '../detection/offline/index.ts'
import { createRules } from '../detection/rules.ts'
import { account, aRuleDetector, shard } from '../detection/testing/builders.ts'
import type { Event, JsonObject } from '../pipeline/index.ts'
import { migrate, openDatabase, systemClock } from '../platform/index.ts'
import { sharedData } from '../test/support/requirements.ts'

type Report = (row: { case: string; value: number; unit: string }) => void

const LARGE_FILES = 30
const BATCH_EVENTS = 512
const CHANGES = 20
const START = Date.UTC(2026, 0, 1)
/** A rule for process creations, of which a plan has most rules: its plan is the dearest to make again. */
const CHANGED_ID = '00000000-0000-4000-8000-00000000bead'
const changedRule = (n: number): string =>
  `title: Changed\nid: ${CHANGED_ID}\nlevel: low\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {CommandLine|contains: 'changed-${n}'}, condition: s}\n`

/** The detector of a processor thread with all public rules: its rate, and how long a shard waits while rules are put. */
export async function run(report: Report, { quick }: { readonly quick: boolean }): Promise<void> {
  const sigma = sharedData('sigma')
  const logs = sharedData('attack-logs')
  if (!sigma || !logs) return
  const folder = await mkdtemp(join(tmpdir(), 'rampart-bench-online-'))
  const database = openDatabase({ file: join(folder, 'rampart.db') })
  try {
    await migrate(database, ruleMigrations, systemClock)
    const detector = aRuleDetector()
    /** What the thread of the shard is held up by. */
    let applyMs = 0
    const rules = createRules({
      database,
      clock: systemClock,
      apply: async (change) => {
        const own = structuredClone(change)
        const appliedAt = performance.now()
        detector.rules.changeRules(own)
        applyMs = performance.now() - appliedAt
      },
    })
    const place = { account, workspace: shard.workspace }
    const importing = performance.now()
    const { imported } = await rules.import(place, packRules(sigma), { author: 'bench' })
    report({ case: `import of ${imported} rules, live`, value: (performance.now() - importing) / 1000, unit: 's' })
    report({ case: `${imported} rules put before a shard`, value: applyMs, unit: 'ms' })

    const events = readEvents(logs, quick ? 3 : LARGE_FILES)
    let offset = 0
    /** As new events each time: those that a shard has seen are passed over. */
    const detectAll = (some: readonly Event[]): { readonly seconds: number; readonly longest: number } => {
      let sum = 0
      let longest = 0
      for (let from = 0; from < some.length; from += BATCH_EVENTS) {
        const batch = some.slice(from, from + BATCH_EVENTS).map((event) => ({ ...event, ...at(offset++) }))
        const startedAt = performance.now()
        detector.detect(shard, batch)
        const took = performance.now() - startedAt
        sum += took
        longest = Math.max(longest, took)
      }
      return { seconds: sum / 1000, longest }
    }
    for (const name of ['first', 'second']) {
      const { seconds, longest } = detectAll(events)
      report({ case: `online, ${name} time over the events`, value: events.length / seconds, unit: 'events/s' })
      report({ case: `online, ${name} time, longest batch of ${BATCH_EVENTS}`, value: longest, unit: 'ms' })
    }

    const puts: number[] = []
    const applies: number[] = []
    const batches: number[] = []
    // The events that look longest at what changed come right after it.
    const creations = events.filter(({ original }) => original.EventID === 1).slice(0, BATCH_EVENTS)
    for (let n = 0; n < CHANGES; n++) {
      const putAt = performance.now()
      await rules.put(place, CHANGED_ID, changedRule(n), { author: 'bench' })
      puts.push(performance.now() - putAt)
      applies.push(applyMs)
      batches.push(detectAll(creations).longest)
    }
    report({ case: `one rule put beside ${imported}`, value: median(puts), unit: 'ms' })
    report({ case: 'of it, the shard is held up', value: median(applies), unit: 'ms' })
    report({
      case: 'and with the plan made again, at most',
      value: Math.max(...batches.map((ms, n) => ms + (applies[n] ?? 0))),
      unit: 'ms',
    })
  } finally {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where in the stream an event stands, and so when. */
const at = (offset: number) => ({ offset, receivedAt: START + offset, time: START + offset })

function readEvents(logs: string, files: number): readonly Event[] {
  const names = readdirSync(logs).filter((name) => name.startsWith('otrf-') && name.endsWith('.zst'))
  const bySize = names.sort((a, b) => statSync(join(logs, b)).size - statSync(join(logs, a)).size)
  const lines = bySize.slice(0, files).flatMap((name) =>
    zstdDecompressSync(readFileSync(join(logs, name)))
      .toString('utf8')
      .trimEnd()
      .split('\n'),
  )
  return lines.map((raw) => ({
    ...at(0),
    original: JSON.parse(raw) as JsonObject,
    ocsf: {},
    logsource: {},
    raw,
  }))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
