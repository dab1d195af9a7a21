import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard } from './testing.ts'

test('a worker thread reads what the main thread appends, while it does', async () => {
  const dir = aDir()
  const log = await openPartitionLog({
    dir,
    clock: aClock(),
    limits: { segmentBytes: 20_000, compressBytesMin: 3_000 },
  })
  const worker = new Worker(new URL('./worker-reader.ts', import.meta.url), { workerData: { dir } })
  const exited = once(worker, 'exit')
  const found: string[] = []
  const gaps: unknown[] = []
  worker.on('message', (message: { texts: string[]; gaps: unknown[] }) => {
    found.push(...message.texts)
    gaps.push(...message.gaps)
  })
  log.onDurable((shard, end) => worker.postMessage({ shard, end, last: false }))
  const sent: string[] = []
  for (let round = 0; round < 200; round++) {
    const texts = Array.from({ length: 1 + ((round * 7) % 60) }, (_, index) => `${round}.${index} ${'.'.repeat(round)}`)
    sent.push(...texts)
    await log.append(
      aShard(),
      texts.map((text) => aRecord(text)),
    )
  }
  worker.postMessage({ shard: aShard(), end: log.end(aShard()), last: true })
  expect(await exited).toEqual([0])
  expect(gaps).toEqual([])
  expect(found).toEqual(sent)
  await log.close()
})
