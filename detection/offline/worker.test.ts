import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { readRuleTree } from './rule-tree.ts'
import type { UnitResult } from './unit.ts'
import type { FromWorker, ToWorker, WorkerTask } from './worker.ts'

const EVENTS = 4_000

test('a worker does what it was given ahead one after the other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rampart-detect-worker-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const rules = join(folder, 'seventh.yml')
  writeFileSync(
    rules,
    "title: Seventh\nid: seventh\nlogsource: {product: windows}\ndetection: {s: {n|re: '7$'}, condition: s}\n",
  )
  const path = join(folder, 'large.ndjson')
  const pad = 'x'.repeat(1_500)
  writeFileSync(
    path,
    Array.from({ length: EVENTS }, (_, n) => JSON.stringify({ Channel: 'Test', EventID: 1, n, pad })).join('\n'),
  )
  const file = { path, name: 'large.ndjson', compression: 'none', sizeBytes: EVENTS * 1_500, writtenAt: 0 } as const
  const task: WorkerTask = {
    ruleSet: readRuleTree(rules).ruleSet,
    files: [file],
    correlations: false,
    explain: false,
    showEvents: false,
    kept: undefined,
  }
  const worker = new Worker(new URL('../../cli/detect-worker.ts', import.meta.url))
  onTestFinished(async () => {
    await worker.terminate()
  })
  const tell = (message: ToWorker): void => worker.postMessage(message)
  const numbers = [0, 1, 2, 3, 4]
  const results: UnitResult[] = []
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') for (const number of numbers) tell({ kind: 'unit', unit: { number, file: 0 } })
      if (message.kind === 'result' && results.push(message.result) === numbers.length) resolve()
    })
    tell({ kind: 'task', task })
  })
  expect(results.map(({ number }) => number)).toEqual(numbers)
  for (const result of results)
    expect(result).toMatchObject({ events: EVENTS, notJson: 0, matches: results[0]?.matches })
  expect(results[0]?.matches).toHaveLength((2 * EVENTS) / 10)
})
