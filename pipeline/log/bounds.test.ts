import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAccountId } from '../../platform/index.ts'
import type { Disk } from './disk.ts'
import { nodeDisk } from './disk.ts'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, readAll, records, texts } from './testing.ts'

describe('addresses', () => {
  const bad = ['..', '.', '', 'a/b', 'A', 'a.b', '-a', '_a', 'a\0', 'a'.repeat(65), '../../etc', 'ü']

  test.each(bad)('a name that is none is refused, and nothing is made for it: %j', async (name) => {
    const dir = aDir()
    const log = await openPartitionLog({ dir, clock: aClock() })
    const shards = [aShard({ workspace: name }), aShard({ dataspace: name }), aShard({ pipe: name })]
    for (const shard of shards) {
      const error = { code: 'pipeline.log.badAddress', status: 400 }
      await expect(log.append(shard, [aRecord('x')])).rejects.toMatchObject(error)
      await expect(log.read(shard, 0, 1)).rejects.toMatchObject(error)
      await expect(log.commit('processor', shard, 0)).rejects.toMatchObject(error)
    }
    expect(log.shards()).toEqual([])
    expect(existsSync(join(dir, '000000000001'))).toBe(false)
    await log.close()
  })

  test.each([-1, 1.5, Number.NaN, 100_000])('a shard number that is none is refused: %d', async (shard) => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    await expect(log.append(aShard({ shard }), [aRecord('x')])).rejects.toMatchObject({
      code: 'pipeline.log.badAddress',
    })
    await log.close()
  })

  test('directories that are not shards are left alone', async () => {
    const dir = aDir()
    const first = await openPartitionLog({ dir, clock: aClock() })
    await first.append(aShard(), [aRecord('x')])
    await first.close()
    for (const stray of ['lost+found', '000000000002/UPPER', '000000000001/default/default/security/00']) {
      for (const [index] of stray.split('/').entries()) {
        await nodeDisk.makeDir(join(dir, ...stray.split('/').slice(0, index + 1)))
      }
    }
    const log = await openPartitionLog({ dir, clock: aClock() })
    expect(log.shards()).toEqual([aShard()])
    await log.close()
  })
})

describe('sizes', () => {
  test.each([
    ['a payload', aRecord('x'.repeat(1_001))],
    ['a source', aRecord('', { source: 's'.repeat(1_025) })],
    ['headers', aRecord('', { headers: { columns: 'c'.repeat(70_000) } })],
  ])('%s over its limit is refused whole, and the log goes on', async (_, record) => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), limits: { recordBytesMax: 1_000 } })
    const error = { code: 'pipeline.log.tooLarge', status: 413 }
    await expect(log.append(aShard(), [aRecord('good'), record])).rejects.toMatchObject(error)
    expect(await log.append(aShard(), [aRecord('x'.repeat(1_000))])).toEqual({ firstOffset: 0 })
    await log.close()
  })

  test('too many bytes in one call are refused', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), limits: { callBytesMax: 10_000 } })
    const error = { code: 'pipeline.log.tooLarge' }
    await expect(
      log.append(
        aShard(),
        records(11, () => 'x'.repeat(1_000)),
      ),
    ).rejects.toMatchObject(error)
    await log.close()
  })

  test('a record as large as allowed is kept and read, however little is asked for', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    const payload = crypto.getRandomValues(new Uint8Array(65_536))
    const large = Buffer.concat(Array.from({ length: 256 }, () => payload))
    await log.append(aShard(), [aRecord('before'), aRecord('', { payload: large }), aRecord('after')])
    const { records: found } = await readAll(log, aShard(), { bytesMax: 1 })
    expect(found.map((record) => record.payload.length)).toEqual([6, large.length, 5])
    expect(Buffer.compare(large, found[1]!.payload)).toBe(0)
    await log.close()
  })
})

describe('what waits in memory', () => {
  /** A disk whose writes wait until they are let go. */
  function aHeldDisk(): { disk: Disk; release: () => void } {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const disk: Disk = {
      ...nodeDisk,
      async create(path) {
        await held
        return await nodeDisk.create(path)
      },
    }
    return { disk, release }
  }

  test('is bounded: calls over it are refused with 429, and taken again when it has gone', async () => {
    const { disk, release } = aHeldDisk()
    const limits = { waitingBytesMax: 100_000, shardWaitingBytesMax: 60_000 }
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), disk, limits })
    const kilobyte = [aRecord('x'.repeat(1_000))]
    const send = (shard: number, count: number): Promise<PromiseSettledResult<unknown>[]> =>
      Promise.allSettled(Array.from({ length: count }, () => log.append(aShard({ shard }), kilobyte)))
    const sent = [send(0, 100), send(1, 100), send(2, 100)]
    expect(log.counters.waitingBytes).toBeGreaterThan(95_000)
    expect(log.counters.waitingBytes).toBeLessThanOrEqual(100_000)
    release()
    const done = await Promise.all(sent)
    const accepted = done.map((results) => results.filter((result) => result.status === 'fulfilled').length)
    // 1,292 bytes each, with what a call takes itself: 46 fit a shard, 77 the log.
    expect(accepted).toEqual([46, 31, 0])
    for (const result of done.flat()) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ code: 'pipeline.log.busy', status: 429, retryAfterSec: 1 })
      }
    }
    expect(log.counters).toMatchObject({ waitingBytes: 0, refusedBusy: 223 })
    expect(await log.append(aShard(), kilobyte)).toEqual({ firstOffset: 46 })
    await log.close()
  })

  test('goes to the disk in turns, so that a loud pipe does not keep a quiet one waiting', async () => {
    const { disk, release } = aHeldDisk()
    const limits = { flushesMax: 1, groupBytesMax: 2_000 }
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), disk, limits })
    const done: string[] = []
    const send = async (pipe: string, name: string): Promise<void> => {
      await log.append(aShard({ pipe }), [aRecord('x'.repeat(1_900))])
      done.push(name)
    }
    const loud = Array.from({ length: 50 }, (_, index) => send('loud', `loud ${index}`))
    const quiet = send('quiet', 'quiet')
    release()
    await Promise.all([...loud, quiet])
    expect(done.indexOf('quiet')).toBeLessThan(3)
    await log.close()
  })

  test('is written when the log is closed, and later calls are refused', async () => {
    const dir = aDir()
    const { disk, release } = aHeldDisk()
    const log = await openPartitionLog({ dir, clock: aClock(), disk })
    const appended = log.append(aShard(), [aRecord('just in time')])
    const closed = log.close()
    const late = { code: 'pipeline.log.closed', status: 503 }
    await expect(log.append(aShard(), [aRecord('late')])).rejects.toMatchObject(late)
    await expect(log.read(aShard(), 0, 1)).rejects.toMatchObject(late)
    release()
    expect(await appended).toEqual({ firstOffset: 0 })
    await closed
    await log.close()
    const again = await openPartitionLog({ dir, clock: aClock() })
    expect(texts((await readAll(again, aShard())).records)).toEqual(['just in time'])
    await again.close()
  })
})

describe('news of what is durable', () => {
  test('each shard is told once at the start, and then whenever its end moved, never before it is durable', async () => {
    const dir = aDir()
    const first = await openPartitionLog({ dir, clock: aClock() })
    await first.append(aShard(), records(3))
    await first.append(aShard({ shard: 1 }), records(4))
    await first.close()
    const log = await openPartitionLog({ dir, clock: aClock() })
    const told: string[] = []
    const all = Promise.withResolvers<void>()
    log.onDurable((shard, end) => {
      expect(end).toBeLessThanOrEqual(log.end(shard))
      told.push(`${shard.account}/${shard.shard}: ${end}`)
      if (end === 8) all.resolve()
    })
    log.onDurable(() => {
      throw new Error('a bad listener does no harm')
    })
    expect(told).toEqual([])
    await log.append(aShard(), records(5))
    await all.promise
    expect(told).toEqual([`${parseAccountId('000000000001')}/0: 3`, '000000000001/1: 4', '000000000001/0: 8'])
    await log.close()
  })
})
