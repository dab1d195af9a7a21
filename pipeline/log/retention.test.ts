import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type EmbeddedLog, openLogReader, openPartitionLog } from './index.ts'
import type { LogLimits } from './limits.ts'
import { aClock, aDir, aRecord, aShard, readAll } from './testing.ts'

const DAY_MS = 86_400_000

function segmentsOf(dir: string): number[] {
  const names = readdirSync(join(dir, '000000000001', 'default', 'default', 'security', '0'))
  return names.filter((name) => name.endsWith('.log')).map((name) => Number(name.slice(0, 20)))
}

/** Ten segments of one record, each received a day after the other; the clock stands at the last. */
async function tenDays(limits: Partial<LogLimits> = {}, consumers: readonly string[] = []) {
  const dir = aDir()
  const clock = aClock(0)
  const log = await openPartitionLog({ dir, clock, consumers, limits: { segmentBytes: 100, ...limits } })
  for (let day = 0; day < 10; day++) {
    clock.ms = day * DAY_MS
    await log.append(aShard(), [aRecord(`day ${day}`, { receivedAt: clock.ms })])
  }
  return { dir, clock, log }
}

async function firstOffset(log: EmbeddedLog): Promise<number> {
  return (await readAll(log, aShard())).records[0]?.offset ?? -1
}

describe('retention', () => {
  test('drops whole segments whose records are all too old, and counts the bytes', async () => {
    const { dir, log } = await tenDays()
    expect(segmentsOf(dir)).toHaveLength(10)
    const bytes = await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })
    expect(segmentsOf(dir)).toEqual([5, 6, 7, 8, 9])
    expect(bytes).toBe(5 * (64 + 32 + 'test'.length + 'day 0'.length))
    expect(log.counters).toMatchObject({ segmentsDropped: 5, droppedBytes: bytes })
    expect(await firstOffset(log)).toBe(5)
    expect(await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })).toBe(0)
    await log.close()
  })

  test('drops the oldest segments above a number of bytes, but never the last', async () => {
    const { dir, log } = await tenDays()
    await log.applyRetention(aShard(), { bytesMax: 330 })
    expect(segmentsOf(dir)).toEqual([7, 8, 9])
    await log.applyRetention(aShard(), { bytesMax: 0 })
    expect(segmentsOf(dir)).toEqual([9])
    expect(await log.append(aShard(), [aRecord('next')])).toEqual({ firstOffset: 10 })
    await log.close()
  })

  test('a pipe that fell silent loses its last segment too once it is too old, and keeps its offsets', async () => {
    const { dir, clock, log } = await tenDays()
    clock.ms = 100 * DAY_MS
    await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })
    expect(segmentsOf(dir)).toEqual([10])
    expect(await readAll(log, aShard())).toEqual({ records: [], gaps: [], nextOffset: 10 })
    await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })
    expect(segmentsOf(dir)).toEqual([10])
    await log.close()
    const again = await openPartitionLog({ dir, clock })
    expect(again.end(aShard())).toBe(10)
    expect(await again.append(aShard(), [aRecord('next')])).toEqual({ firstOffset: 10 })
    await again.close()
  })

  test('a segment that is written slowly is closed in time, so that its old records can go', async () => {
    const dir = aDir()
    const clock = aClock(0)
    const log = await openPartitionLog({ dir, clock })
    for (let hour = 0; hour < 24 * 10; hour++) {
      clock.ms = (hour * DAY_MS) / 24
      await log.append(aShard(), [aRecord(`hour ${hour}`, { receivedAt: clock.ms })])
      await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })
    }
    expect((await readAll(log, aShard())).records[0]!.receivedAt).toBeGreaterThanOrEqual(clock.ms - 5.1 * DAY_MS)
    expect(segmentsOf(dir).length).toBeLessThan(10)
    await log.close()
  })

  test('waits for the slowest consumer, also over a restart, and for required ones that never spoke', async () => {
    const { dir, clock, log } = await tenDays({}, ['processor'])
    await log.applyRetention(aShard(), { bytesMax: 0 })
    expect(segmentsOf(dir)).toHaveLength(10)
    await log.commit('processor', aShard(), 8)
    await log.commit('replay-7', aShard(), 3)
    expect(log.committed('processor', aShard())).toBe(8)
    expect(log.committed('nobody', aShard())).toBe(0)
    await log.applyRetention(aShard(), { bytesMax: 0 })
    expect(segmentsOf(dir)).toEqual([3, 4, 5, 6, 7, 8, 9])
    await log.close()

    const again = await openPartitionLog({ dir, clock, consumers: ['processor'] })
    expect([again.committed('processor', aShard()), again.committed('replay-7', aShard())]).toEqual([8, 3])
    await again.applyRetention(aShard(), { bytesMax: 0 })
    expect(segmentsOf(dir)).toEqual([3, 4, 5, 6, 7, 8, 9])
    await again.commit('replay-7', aShard(), 10)
    await again.applyRetention(aShard(), { bytesMax: 0 })
    expect(segmentsOf(dir)).toEqual([8, 9])
    await again.close()
  })

  test('goes past a consumer only above the hard maximum, counted and said aloud', async () => {
    const told: object[] = []
    const { dir, clock, log } = await tenDays({}, ['processor'])
    await log.close()
    const hard = await openPartitionLog({
      dir,
      clock,
      consumers: ['processor'],
      limits: { shardBytesHardMax: 330 },
      log: { warn() {}, error: (fields) => told.push(fields) },
    })
    await hard.applyRetention(aShard(), {})
    expect(segmentsOf(dir)).toEqual([7, 8, 9])
    expect(hard.counters.segmentsDroppedUnread).toBe(7)
    expect(told).toHaveLength(7)
    await hard.close()
  })

  test('a clock that steps back keeps records longer, and harms nothing', async () => {
    const { dir, clock, log } = await tenDays()
    clock.ms = 2 * DAY_MS
    await log.append(aShard(), [aRecord('from the past', { receivedAt: clock.ms })])
    await log.applyRetention(aShard(), { ageMsMax: DAY_MS })
    expect(await firstOffset(log)).toBe(1)
    clock.ms = 10 * DAY_MS + 1
    await log.applyRetention(aShard(), { ageMsMax: DAY_MS })
    expect(await firstOffset(log)).toBe(-1)
    expect(await log.append(aShard(), [aRecord('now', { receivedAt: clock.ms })])).toEqual({ firstOffset: 11 })
    await log.close()
    const again = await openPartitionLog({ dir, clock: aClock(5) })
    expect(again.end(aShard())).toBe(12)
    await again.close()
  })

  test('a clock that ran ahead for a while does not keep what is older for ever', async () => {
    const { clock, log } = await tenDays()
    clock.ms = 30_000 * DAY_MS
    await log.append(aShard(), [aRecord('from the future', { receivedAt: clock.ms })])
    for (let day = 10; day < 20; day++) {
      clock.ms = day * DAY_MS
      await log.append(aShard(), [aRecord(`day ${day}`, { receivedAt: clock.ms })])
      await log.applyRetention(aShard(), { ageMsMax: 4 * DAY_MS })
    }
    const left = (await readAll(log, aShard())).records
    expect(left.map((record) => record.receivedAt / DAY_MS)).toEqual([15, 16, 17, 18, 19])
    await log.close()
  })

  test('a reader in the middle of a segment that goes is put at the first one that is left', async () => {
    const { dir, log } = await tenDays()
    const reader = await openLogReader({ dir })
    reader.setEnd(aShard(), 10)
    expect((await reader.read(aShard(), 0, 1)).nextOffset).toBe(1)
    await log.applyRetention(aShard(), { bytesMax: 330 })
    const { records, gaps } = await readAll(reader, aShard(), { fromOffset: 1 })
    expect(gaps).toEqual([])
    expect(records.map((record) => record.offset)).toEqual([7, 8, 9])
    await reader.close()
    await log.close()
  })
})

describe('consumers', () => {
  test.each(['', 'A', '../x', 'x'.repeat(65)])('a name that is none is refused: %j', async (name) => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    await expect(log.commit(name, aShard(), 0)).rejects.toMatchObject({ code: 'pipeline.log.badConsumer', status: 400 })
    await log.close()
  })

  test('their number is bounded', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), limits: { consumersMax: 2 } })
    for (const name of ['a', 'b', 'a']) await log.commit(name, aShard(), 0)
    await expect(log.commit('c', aShard(), 0)).rejects.toMatchObject({ code: 'pipeline.log.badConsumer' })
    await log.close()
  })

  test('never go back', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    await log.append(aShard(), [aRecord('a'), aRecord('b')])
    await log.commit('processor', aShard(), 2)
    await log.commit('processor', aShard(), 1)
    expect(log.committed('processor', aShard())).toBe(2)
    await log.close()
  })

  test('one that has read more than the log still has is never given its offsets again', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    await log.append(aShard(), [aRecord('0')])
    await log.commit('processor', aShard(), 5)
    expect(log.end(aShard())).toBe(5)
    expect(await log.append(aShard(), [aRecord('5')])).toEqual({ firstOffset: 5 })
    const { records, gaps } = await readAll(log, aShard())
    expect(records.map((record) => record.offset)).toEqual([0, 5])
    expect(gaps).toMatchObject([{ fromOffset: 1, toOffset: 5 }])
    await log.close()
  })

  test('a state file that cannot be written is no reason to stop', async () => {
    const dir = aDir()
    const warned: string[] = []
    const log = await openPartitionLog({
      dir,
      clock: aClock(),
      log: { warn: (_, message) => warned.push(message), error() {} },
    })
    await log.append(aShard(), [aRecord('x')])
    mkdirSync(join(dir, '000000000001', 'default', 'default', 'security', '0', 'state.json.tmp'))
    await log.close()
    expect(warned).toHaveLength(1)
    const again = await openPartitionLog({ dir, clock: aClock() })
    expect(again.end(aShard())).toBe(1)
    await again.close()
  })
})
