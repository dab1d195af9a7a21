import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aShard, readAll, texts } from './testing.ts'

const KILLS = 20
const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))

/** Starts the writer, kills it after it has acknowledged `calls` calls, and returns what it printed. */
async function killedAfter(calls: number, dir: string, run: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, dir, String(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length >= calls) child.kill('SIGKILL')
  }
  expect(await exited).toEqual([null, 'SIGKILL'])
  return lines
}

test('killed at 20 instants, every acknowledged record is there exactly once, at its offset', async () => {
  const dir = aDir(onTestFinished, tmpdir())
  /** Record by shard and offset. */
  const acked = new Map<string, string>()
  for (let run = 0; run < KILLS; run++) {
    for (const line of await killedAfter(1 + ((run * 37) % 150), dir, run)) {
      const fields = line.split(' ').map(Number)
      // A line is written in one piece or not at all.
      expect(fields).toHaveLength(5)
      const [shard = 0, firstOffset = 0, ofRun = 0, first = 0, count = 0] = fields
      for (let i = 0; i < count; i++) acked.set(`${shard}/${firstOffset + i}`, `${ofRun}:${first + i}`)
    }
  }
  expect(acked.size).toBeGreaterThan(KILLS * 20)
  const log = await openPartitionLog({ dir, clock: aClock() })
  const found = new Map<string, string>()
  for (const shard of [0, 1]) {
    const { records, gaps, nextOffset } = await readAll(log, aShard({ shard }))
    expect(gaps).toEqual([])
    expect(records).toHaveLength(nextOffset)
    texts(records).forEach((text, offset) => {
      found.set(`${shard}/${offset}`, text.split(' ')[0] ?? '')
    })
  }
  expect(new Set(found.values()).size).toBe(found.size)
  expect([...acked].filter(([place, text]) => found.get(place) !== text)).toEqual([])
  await log.close()
}, 120_000)
