import { writeSync } from 'node:fs'
import { parseAccountId, systemClock } from '../../platform/index.ts'
import { openPartitionLog } from './index.ts'

/* The program that log.crash.test.ts kills: it appends without end, from several hands to two shards, and prints a line
 * for each call that was acknowledged: shard, first offset, run, first number, count. */
const [dir = '', run = ''] = process.argv.slice(2)
const log = await openPartitionLog({
  dir,
  clock: systemClock,
  // Small, so that kills also fall on the changes of segments.
  limits: { segmentBytes: 200_000, compressBytesMin: 2_000 },
})
let next = 0

async function hand(index: number): Promise<never> {
  const shard = {
    account: parseAccountId('000000000001'),
    workspace: 'default',
    dataspace: 'default',
    pipe: 'security',
    shard: index % 2,
  }
  for (;;) {
    const first = next
    const count = 1 + ((first * 7 + index) % 40)
    next += count
    const records = Array.from({ length: count }, (_, i) => ({
      receivedAt: systemClock.now(),
      source: 'crash test',
      format: 'text' as const,
      headers: {},
      payload: Buffer.from(`${run}:${first + i} ${'.'.repeat((first * 31) % 500)}`),
    }))
    const { firstOffset } = await log.append(shard, records)
    writeSync(1, `${shard.shard} ${firstOffset} ${run} ${first} ${count}\n`)
  }
}

await Promise.all(Array.from({ length: 6 }, (_, index) => hand(index)))
