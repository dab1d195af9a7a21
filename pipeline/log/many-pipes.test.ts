import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openLogReader, openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, texts } from './testing.ts'

const PIPES = 10_000

test('ten thousand pipes are written, reopened and read with a bounded number of open files', async () => {
  const dir = aDir()
  const shards = Array.from({ length: PIPES }, (_, index) => aShard({ pipe: `pipe-${index}` }))
  const openFiles = (): number => readdirSync('/proc/self/fd').length
  const before = openFiles()
  for (const run of [1, 2]) {
    const log = await openPartitionLog({ dir, clock: aClock(), limits: { openFilesMax: 64 } })
    expect(log.shards()).toHaveLength(run === 1 ? 0 : PIPES)
    await Promise.all(shards.map((shard, index) => log.append(shard, [aRecord(`${run} of ${index}`)])))
    expect(shards.filter((shard) => log.end(shard) !== run)).toEqual([])
    expect(openFiles() - before).toBeLessThan(100)
    await log.close()
  }
  const reader = await openLogReader({ dir })
  for (const [index, shard] of shards.entries()) {
    reader.setEnd(shard, 2)
    expect(texts((await reader.read(shard, 0, 1_000)).records)).toEqual([`1 of ${index}`, `2 of ${index}`])
  }
  expect(openFiles() - before).toBeLessThan(300)
  await reader.close()
}, 120_000)
