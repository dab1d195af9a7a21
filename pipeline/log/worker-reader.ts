import { parentPort, workerData } from 'node:worker_threads'
import type { ShardAddress } from '../types.ts'
import { openLogReader } from './index.ts'

/* The thread that worker.test.ts starts: reads a shard as far as it is told, and answers with what it found. */
const reader = await openLogReader({ dir: workerData.dir })
let offset = 0
let reading: Promise<void> = Promise.resolve()

parentPort?.on('message', ({ shard, end, last }: { shard: ShardAddress; end: number; last: boolean }) => {
  reader.setEnd(shard, end)
  reading = reading.then(async () => {
    while (offset < end) {
      const { records, nextOffset, gaps } = await reader.read(shard, offset, 64 * 1024)
      offset = nextOffset
      parentPort?.postMessage({ texts: records.map((record) => Buffer.from(record.payload).toString()), gaps })
    }
    if (!last) return
    await reader.close()
    parentPort?.close()
  })
})
