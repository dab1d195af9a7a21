import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type LogRecord, recordFormats } from '../types.ts'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aShard, readAll } from './testing.ts'

const record: fc.Arbitrary<LogRecord> = fc.record({
  receivedAt: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  source: fc.oneof(fc.constant('syslog/udp 10.0.0.9'), fc.string({ unit: 'grapheme', maxLength: 100 })),
  format: fc.constantFrom(...recordFormats),
  headers: fc.oneof(
    fc.constant({}),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ maxLength: 50 }), {
      noNullPrototype: true,
    }),
  ),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 0, max: 20_000 }).map((length) => new Uint8Array(length)),
  ),
})

test('whatever is appended, in whatever calls, blocks and segments, comes back the same in reads of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { minLength: 1, maxLength: 20 }), { maxLength: 8 }),
      fc.record({
        segmentBytes: fc.integer({ min: 100, max: 50_000 }),
        blockBytes: fc.integer({ min: 100, max: 10_000 }),
        compressBytesMin: fc.integer({ min: 0, max: 10_000 }),
        groupBytesMax: fc.integer({ min: 1, max: 20_000 }),
      }),
      fc.integer({ min: 0, max: 30_000 }),
      fc.boolean(),
      async (calls, limits, bytesMax, reopen) => {
        const dir = aDir()
        let log = await openPartitionLog({ dir, clock: aClock(), limits })
        const appended = await Promise.all(calls.map((call) => log.append(aShard(), call)))
        let expected = 0
        for (const [index, { firstOffset }] of appended.entries()) {
          expect(firstOffset).toBe(expected)
          expected += calls[index]!.length
        }
        if (reopen) {
          await log.close()
          log = await openPartitionLog({ dir, clock: aClock(), limits })
        }
        const { records, gaps, nextOffset } = await readAll(log, aShard(), { bytesMax })
        const given = calls.flat().map((one, offset) => ({ ...one, offset, payload: Buffer.from(one.payload) }))
        expect(records.map((one) => ({ ...one, payload: Buffer.from(one.payload) }))).toEqual(given)
        expect(gaps).toEqual([])
        expect(nextOffset).toBe(given.length)
        await log.close()
      },
    ),
    { numRuns: 200 },
  )
}, 120_000)
