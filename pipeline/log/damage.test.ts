import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogGap } from '../types.ts'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, readAll, records, texts } from './testing.ts'

/** A small log as a crash or a clean stop leaves it: plain frames, a compressed block, plain frames. */
interface Sample {
  readonly dir: string
  readonly segments: readonly string[]
  readonly texts: readonly string[]
}

const shardPath = join('000000000001', 'default', 'default', 'security', '0')

async function aSample(segmentBytes: number): Promise<Sample> {
  const dir = aDir(afterAll)
  const log = await openPartitionLog({ dir, clock: aClock(), limits: { segmentBytes } })
  const calls = [
    [aRecord('first')],
    [aRecord('second', { headers: { columns: 'a,b' } }), aRecord('third')],
    records(60, (index) => `in a block, number ${index} ${'.'.repeat(60)}`),
    [aRecord('before the last')],
    [aRecord('last')],
  ]
  for (const call of calls) await log.append(aShard(), call)
  await log.close()
  const segments = readdirSync(join(dir, shardPath)).filter((name) => name.endsWith('.log'))
  return { dir, segments: segments.sort(), texts: texts(calls.flat().map((record, offset) => ({ ...record, offset }))) }
}

/** A copy of the sample with one segment's bytes changed. */
function changed(sample: Sample, segment: string, change: (bytes: Buffer) => Buffer, clean: boolean): string {
  const dir = aDir()
  cpSync(sample.dir, dir, { recursive: true })
  const path = join(dir, shardPath, segment)
  writeFileSync(path, change(readFileSync(path)))
  if (!clean) rmSync(join(dir, shardPath, 'state.json'))
  return dir
}

/** Opens a damaged copy and checks what must hold whatever the damage: nothing wrong is served, what is not served is
 * told, new records come behind all that were ever given out, and all this stays so. */
async function survey(sample: Sample, dir: string): Promise<{ found: number[]; gaps: LogGap[]; end: number }> {
  let first: { found: number[]; gaps: LogGap[]; end: number } | undefined
  for (let run = 0; run < 2; run++) {
    const log = await openPartitionLog({ dir, clock: aClock() })
    const end = log.end(aShard()) - run
    const { records: read, gaps, nextOffset } = await readAll(log, aShard())
    expect(nextOffset).toBe(end + run)
    const old = read.filter((record) => record.offset < end)
    expect(texts(old)).toEqual(old.map((record) => sample.texts[record.offset]))
    const covered = [
      ...old.map((record) => [record.offset, record.offset + 1]),
      ...gaps.map((gap) => [gap.fromOffset, gap.toOffset]),
    ]
    covered.sort(([a = 0], [b = 0]) => a - b)
    expect(covered.map(([from]) => from)).toEqual([0, ...covered.map(([, to]) => to)].slice(0, covered.length))
    expect(covered.at(-1)?.[1] ?? 0).toBe(end)
    if (first === undefined) {
      first = { found: old.map((record) => record.offset), gaps, end }
      expect(await log.append(aShard(), [aRecord('new')])).toEqual({ firstOffset: end })
    } else {
      expect(old.map((record) => record.offset)).toEqual(first.found)
      expect(end).toBe(first.end)
    }
    expect(texts((await readAll(log, aShard(), { fromOffset: end })).records)).toEqual(['new'])
    await log.close()
  }
  if (first === undefined) throw new Error('no run')
  return first
}

describe('a damaged segment', { timeout: 120_000 }, () => {
  let one: Sample
  let many: Sample
  let bytes: Buffer
  /** A segment of another log. */
  let foreign: Buffer
  /** Where frames end: what is cut there is whole. */
  let ends: number[]

  beforeAll(async () => {
    one = await aSample(1_000_000)
    many = await aSample(200)
    const other = await aSample(1_000_000)
    foreign = readFileSync(join(other.dir, shardPath, other.segments[0]!))
    bytes = readFileSync(join(one.dir, shardPath, one.segments[0]!))
    ends = [64]
    for (let at = 64; at < bytes.length; ) {
      at += bytes.readUInt32LE(at + 8)
      ends.push(at)
    }
  })

  const offsetsAt = [0, 1, 2, 3, 63, 64, 65]
  const wholeBefore = (cut: number): number => offsetsAt[ends.filter((end) => end <= cut).length - 1] ?? 0
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

  test('the sample is what these tests think it is', () => {
    expect(ends).toHaveLength(7)
    expect(ends.at(-1)).toBe(bytes.length)
    expect(one.segments).toHaveLength(1)
    expect(many.segments.length).toBeGreaterThan(2)
    expect(one.texts).toHaveLength(65)
  })

  test('cut at every byte after a crash: what was whole is served, and writing goes on behind it', async () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { found, gaps, end } = await survey(
        one,
        changed(one, one.segments[0]!, (whole) => whole.subarray(0, cut), false),
      )
      expect({ cut, found, gaps, end }).toEqual({ cut, found: upTo(wholeBefore(cut)), gaps: [], end: wholeBefore(cut) })
    }
  })

  test('an unfinished write is cut off the file, and counted', async () => {
    const dir = changed(one, one.segments[0]!, (whole) => whole.subarray(0, -1), false)
    const log = await openPartitionLog({ dir, clock: aClock() })
    expect(readFileSync(join(dir, shardPath, one.segments[0]!))).toHaveLength(ends.at(-2)!)
    expect(log.counters.tornBytes).toBe(ends.at(-1)! - ends.at(-2)! - 1)
    await log.close()
  })

  test('damage with records behind it is told when the log is opened, and writing goes on in a new segment', async () => {
    const told: unknown[] = []
    const messages = { warn() {}, error: (fields: object) => told.push(fields) }
    const dir = changed(one, one.segments[0]!, (whole) => flipped(whole, ends[3]! + 40), false)
    const log = await openPartitionLog({ dir, clock: aClock(), log: messages })
    expect(told).toEqual([
      {
        file: join(dir, shardPath, one.segments[0]!),
        position: ends[3],
        fromOffset: offsetsAt[3],
        toOffset: offsetsAt[4],
      },
    ])
    await log.append(aShard(), [aRecord('new')])
    expect(readdirSync(join(dir, shardPath))).toContain('00000000000000000065.log')
    await log.close()
  })

  test('filled with zeros from any byte on after a crash: the same', async () => {
    for (let cut = 0; cut < bytes.length; cut++) {
      const zeroed = (whole: Buffer): Buffer =>
        Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)])
      const { found, gaps } = await survey(one, changed(one, one.segments[0]!, zeroed, false))
      // A frame that ends in zeros of its own is whole without them.
      expect(found.length).toBeGreaterThanOrEqual(wholeBefore(cut))
      expect(gaps).toEqual([])
    }
  })

  test('cut at any byte after a clean stop: the lost records are told, and their offsets not given to others', async () => {
    for (let cut = 0; cut < bytes.length; cut += 3) {
      const { found, gaps, end } = await survey(
        one,
        changed(one, one.segments[0]!, (whole) => whole.subarray(0, cut), true),
      )
      expect({ cut, found }).toEqual({ cut, found: upTo(wholeBefore(cut)) })
      expect(gaps).toMatchObject([{ fromOffset: wholeBefore(cut), toOffset: 65 }])
      expect(end).toBe(65)
    }
  })

  test('any byte flipped after a clean stop: its frame is told by file and position, all others are served', async () => {
    for (let at = 0; at < bytes.length; at++) {
      const dir = changed(one, one.segments[0]!, (whole) => flipped(whole, at), true)
      const { found, gaps, end } = await survey(one, dir)
      const frame = ends.findIndex((frameEnd) => at < frameEnd)
      const [from = 0, to = 0] = frame === 0 ? [] : [offsetsAt[frame - 1], offsetsAt[frame]]
      expect({ at, found }).toEqual({ at, found: upTo(65).filter((offset) => offset < from || offset >= to) })
      expect(end).toBe(65)
      if (frame === 0) expect(gaps).toEqual([])
      else {
        const file = join(dir, shardPath, one.segments[0]!)
        expect(gaps).toMatchObject([{ fromOffset: from, toOffset: to, file, position: ends[frame - 1] }])
      }
    }
  })

  test('any byte flipped after a crash: the last frame may be taken for a torn write, no other', async () => {
    for (let at = 0; at < bytes.length; at++) {
      const { found } = await survey(
        one,
        changed(one, one.segments[0]!, (whole) => flipped(whole, at), false),
      )
      const frame = ends.findIndex((frameEnd) => at < frameEnd)
      const [from = 0, to = 0] = frame === 0 ? [] : [offsetsAt[frame - 1], offsetsAt[frame]]
      expect({ at, found }).toEqual({ at, found: upTo(65).filter((offset) => offset < from || offset >= to) })
    }
  })

  test('any byte of any segment flipped: every record outside the frame is served', async () => {
    for (const segment of many.segments) {
      const length = readFileSync(join(many.dir, shardPath, segment)).length
      for (let at = 0; at < length; at += 5) {
        const { found, gaps } = await survey(
          many,
          changed(many, segment, (whole) => flipped(whole, at), true),
        )
        expect(found.length).toBeGreaterThanOrEqual(5)
        expect(found.length + gaps.reduce((sum, gap) => sum + gap.toOffset - gap.fromOffset, 0)).toBe(65)
      }
    }
  })

  test('a segment file that is gone is a gap, and the others are served', async () => {
    for (const segment of many.segments.slice(1)) {
      const dir = aDir()
      cpSync(many.dir, dir, { recursive: true })
      rmSync(join(dir, shardPath, segment))
      const { found, gaps } = await survey(many, dir)
      expect(gaps).toHaveLength(1)
      expect(found.length).toBeGreaterThanOrEqual(5)
    }
  })

  test("a payload that looks like the log's own frames is never taken for one", async () => {
    const dir = aDir()
    cpSync(one.dir, dir, { recursive: true })
    const log = await openPartitionLog({ dir, clock: aClock() })
    // An attacker who knows the format, but not this log's mark and seed.
    const forged = Buffer.concat(upTo(50).map(() => foreign))
    await log.append(aShard(), [aRecord('', { payload: forged })])
    await log.append(aShard(), [aRecord('behind')])
    await log.close()
    const path = join(dir, shardPath, one.segments[0]!)
    writeFileSync(path, flipped(readFileSync(path), bytes.length + 9))
    const again = await openPartitionLog({ dir, clock: aClock() })
    const { records: read, gaps } = await readAll(again, aShard(), { fromOffset: 65 })
    expect(texts(read)).toEqual(['behind'])
    expect(gaps).toMatchObject([{ fromOffset: 65, toOffset: 66 }])
    await again.close()
  })

  test('a lost log.json is made again from the segments; without either the log refuses to open', async () => {
    const dir = aDir()
    cpSync(one.dir, dir, { recursive: true })
    rmSync(join(dir, 'log.json'))
    expect((await survey(one, dir)).found).toEqual(upTo(65))

    const blind = changed(one, one.segments[0]!, (whole) => flipped(whole, 20), false)
    rmSync(join(blind, 'log.json'))
    await expect(openPartitionLog({ dir: blind, clock: aClock() })).rejects.toMatchObject({
      code: 'pipeline.log.unreadable',
    })
    expect(readFileSync(join(blind, shardPath, one.segments[0]!))).toHaveLength(bytes.length)
  })

  test('a segment of another log, or of a newer version, is not touched', async () => {
    const dir = changed(one, one.segments[0]!, () => foreign, false)
    await expect(openPartitionLog({ dir, clock: aClock() })).rejects.toMatchObject({ code: 'pipeline.log.unreadable' })
    expect(readFileSync(join(dir, shardPath, one.segments[0]!))).toEqual(foreign)

    const newer = changed(one, one.segments[0]!, asNewerVersion, false)
    await expect(openPartitionLog({ dir: newer, clock: aClock() })).rejects.toMatchObject({
      code: 'pipeline.log.unreadable',
      message: expect.stringContaining('newer version'),
    })
    expect(readFileSync(join(newer, shardPath, one.segments[0]!))).toHaveLength(bytes.length)
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at)
  return copy
}

function asNewerVersion(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt16LE(2, 12)
  copy.writeUInt32LE(crc32c(copy.subarray(12, 64)), 8)
  return copy
}
