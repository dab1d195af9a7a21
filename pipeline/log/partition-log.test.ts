import { describe, expect, test } from 'vitest'
import type { LogRecord } from '../types.ts'
import { openLogReader, openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, readAll, records, texts } from './testing.ts'

describe('append and read', () => {
  test('a record comes back as it was given', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    const given: LogRecord[] = [
      aRecord('héllo\0', { receivedAt: 1_763_000_000_123, source: 'syslog/udp 10.0.0.9', format: 'syslog' }),
      aRecord('a,b', { format: 'csv', headers: { columns: 'x,y', __proto__x: 'ü' } }),
      aRecord('', { format: 'auto', source: '' }),
      aRecord('{}', { format: 'json' }),
    ]
    expect(await log.append(aShard(), given)).toEqual({ firstOffset: 0 })
    const { records: found, gaps, nextOffset } = await readAll(log, aShard())
    expect(found.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload) }))).toEqual(
      given.map((record, offset) => ({ ...record, offset })),
    )
    expect(gaps).toEqual([])
    expect(nextOffset).toBe(4)
    await log.close()
  })

  test('offsets go on after reopening, and every record is there', async () => {
    const dir = aDir()
    for (let run = 0; run < 3; run++) {
      const log = await openPartitionLog({ dir, clock: aClock() })
      expect(log.end(aShard())).toBe(run * 100)
      expect(
        await log.append(
          aShard(),
          records(100, (index) => `${run}.${index}`),
        ),
      ).toEqual({ firstOffset: run * 100 })
      await log.close()
    }
    const log = await openPartitionLog({ dir, clock: aClock() })
    const { records: found } = await readAll(log, aShard(), { bytesMax: 500 })
    expect(texts(found)).toEqual([0, 1, 2].flatMap((run) => records(100).map((_, index) => `${run}.${index}`)))
    expect(found.map((record) => record.offset)).toEqual(records(300).map((_, index) => index))
    await log.close()
  })

  test('calls made at once share writes and keep their order', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    const results = await Promise.all(records(500).map((record) => log.append(aShard(), [record])))
    expect(results.map((result) => result.firstOffset)).toEqual(records(500).map((_, index) => index))
    expect(log.counters.groups).toBeLessThan(50)
    expect(texts((await readAll(log, aShard())).records)).toEqual(records(500).map((_, index) => `record ${index}`))
    await log.close()
  })

  test('segments follow each other, and any offset can be read from', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), limits: { segmentBytes: 2_000 } })
    for (let index = 0; index < 100; index++) await log.append(aShard(), [aRecord(`record ${index}`)])
    expect(log.counters.segmentsCreated).toBeGreaterThan(2)
    for (let from = 100; from >= 0; from--) {
      const { records: found } = await readAll(log, aShard(), { fromOffset: from, bytesMax: 300 })
      expect(texts(found)).toEqual(records(100 - from).map((_, index) => `record ${from + index}`))
    }
    await log.close()
  })

  test('large calls are compressed, and read in portions of any size', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    const given = records(
      5_000,
      (index) => `{"EventID":4625,"TargetUserName":"user${index}","pad":"${'x'.repeat(index % 300)}"}`,
    )
    await log.append(aShard(), given)
    expect(log.counters.writtenBytes).toBeLessThan(log.counters.appendedBytes / 4)
    for (const bytesMax of [1_000, 50_000, 10_000_000]) {
      const { records: found } = await readAll(log, aShard(), { bytesMax })
      expect(texts(found)).toEqual(given.map((record) => Buffer.from(record.payload).toString()))
    }
    await log.close()
  })

  test('what does not compress is kept plain', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    const bytes = crypto.getRandomValues(new Uint8Array(50_000))
    await log.append(aShard(), [aRecord('', { payload: bytes }), aRecord('end')])
    const { records: found } = await readAll(log, aShard())
    expect(Buffer.compare(found[0]!.payload, bytes)).toBe(0)
    expect(log.counters.writtenBytes).toBe(log.counters.appendedBytes)
    await log.close()
  })

  test('shards are apart', async () => {
    const dir = aDir()
    const log = await openPartitionLog({ dir, clock: aClock() })
    const shards = [aShard(), aShard({ shard: 1 }), aShard({ pipe: 'other' }), aShard({ workspace: 'second' })]
    await Promise.all(
      shards.map((shard, index) =>
        log.append(
          shard,
          records(index + 1, () => `of ${index}`),
        ),
      ),
    )
    for (const [index, shard] of shards.entries()) {
      expect(log.end(shard)).toBe(index + 1)
      expect(texts((await readAll(log, shard)).records)).toEqual(records(index + 1, () => '').map(() => `of ${index}`))
    }
    await log.close()
    const again = await openPartitionLog({ dir, clock: aClock() })
    expect(again.shards()).toHaveLength(4)
    expect(shards.map((shard) => again.end(shard))).toEqual([1, 2, 3, 4])
    await again.close()
  })

  test('a shard nobody wrote to is empty', async () => {
    const log = await openPartitionLog({ dir: aDir(), clock: aClock() })
    expect(log.end(aShard())).toBe(0)
    expect(await log.read(aShard(), 7, 1_000)).toEqual({ records: [], nextOffset: 7, gaps: [] })
    expect(log.shards()).toEqual([])
    await log.close()
  })
})

describe('a reader of its own', () => {
  test('stops at the end it was told, also in the middle of a block', async () => {
    const dir = aDir()
    const log = await openPartitionLog({ dir, clock: aClock() })
    await log.append(aShard(), records(500))
    const reader = await openLogReader({ dir })
    reader.setEnd(aShard(), 123)
    const { records: found, nextOffset } = await readAll(reader, aShard())
    expect(texts(found)).toEqual(records(123).map((_, index) => `record ${index}`))
    expect(nextOffset).toBe(123)
    reader.setEnd(aShard(), 500)
    expect(texts((await readAll(reader, aShard(), { fromOffset: 123 })).records)).toHaveLength(377)
    await reader.close()
    await log.close()
  })

  test('sees what is durable as far as it was told, without the writer', async () => {
    const dir = aDir()
    await expect(openLogReader({ dir })).rejects.toMatchObject({ code: 'pipeline.log.unreadable' })
    const log = await openPartitionLog({ dir, clock: aClock(), limits: { segmentBytes: 2_000 } })
    const reader = await openLogReader({ dir })
    await log.append(aShard(), records(10))
    expect((await reader.read(aShard(), 0, 1_000_000)).records).toHaveLength(0)
    reader.setEnd(aShard(), 7)
    expect(texts((await readAll(reader, aShard())).records)).toHaveLength(7)
    for (let index = 10; index < 100; index++) {
      await log.append(aShard(), [aRecord(`record ${index}`)])
      reader.setEnd(aShard(), index + 1)
      expect(texts((await readAll(reader, aShard(), { fromOffset: index })).records)).toEqual([`record ${index}`])
    }
    reader.setEnd(aShard(), 50)
    expect((await readAll(reader, aShard())).records).toHaveLength(100)
    await reader.close()
    await log.close()
  })
})
