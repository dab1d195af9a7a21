import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RampartError } from '../../platform/index.ts'
import type { ShardAddress } from '../types.ts'
import { type Disk, nodeDisk } from './disk.ts'
import { type Fault, FaultyDisk } from './faulty-disk.ts'
import { type EmbeddedLog, openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, readAll, texts } from './testing.ts'

type Step =
  | { readonly kind: 'append'; readonly calls: readonly (readonly string[])[]; readonly shard: number }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'commit'; readonly shard: number }
  | { readonly kind: 'read' }

/** What the log has promised. */
class Promises {
  readonly acked = new Map<string, string>()
  /** All texts ever sent, by shard. */
  readonly sent = new Map<number, Set<string>>()
  /** Texts whose append was refused. */
  readonly refused = new Set<string>()
  readonly #clean: boolean

  /** @param clean no machine stopped: then there are no gaps, and nothing refused is in the log either */
  constructor(clean: boolean) {
    this.#clean = clean
  }

  send(shard: number, text: string): void {
    const known = this.sent.get(shard) ?? new Set()
    this.sent.set(shard, known.add(text))
  }

  async check(log: EmbeddedLog): Promise<void> {
    for (const [shard, sent] of this.sent) {
      const { records, gaps, nextOffset } = await readAll(log, aShard({ shard }), { bytesMax: 700 })
      expect(nextOffset).toBe(log.end(aShard({ shard })))
      const found = new Map(records.map((record) => [record.offset, texts([record])[0] ?? '']))
      expect(found.size).toBe(records.length)
      for (const [offset, text] of found) {
        expect(sent.has(text)).toBe(true)
        expect(gaps.some((gap) => offset >= gap.fromOffset && offset < gap.toOffset)).toBe(false)
      }
      if (this.#clean) {
        expect(gaps).toEqual([])
        expect([...found.values()].filter((text) => this.refused.has(text))).toEqual([])
      }
      const lost = [...this.acked].filter(([key, text]) => {
        const [of, offset] = key.split('/').map(Number)
        return of === shard && found.get(offset ?? -1) !== text
      })
      expect(lost).toEqual([])
    }
  }
}

const shardPath = join('000000000001', 'default', 'default', 'security', '0')

const limits = {
  segmentBytes: 3_000,
  blockBytes: 2_000,
  groupBytesMax: 1_500,
  compressBytesMin: 500,
  openFilesMax: 2,
  slowBelow: { ratio: 0, bytes: 0 },
  refuseBelow: { ratio: 0, bytes: 0 },
}

/** Plays the steps on a disk that fails; whatever it does, what was acknowledged is there afterwards. */
async function play(
  steps: readonly Step[],
  faultAt: (call: number) => Fault | undefined,
  { random, clean = false }: { readonly random: () => number; readonly clean?: boolean },
): Promise<number> {
  const dir = aDir()
  const promises = new Promises(clean)
  let calls = 0
  const aDisk = (): FaultyDisk => new FaultyDisk(() => faultAt(++calls), random)
  let disk = aDisk()
  let log = await openTrying(dir, disk)
  let serial = 0
  for (const step of [...steps, { kind: 'read' } as const]) {
    if (disk.crashed || step.kind === 'reopen') {
      await log?.close().catch(() => undefined)
      disk = aDisk()
      log = undefined
    }
    log ??= await openTrying(dir, disk)
    if (log === undefined) continue
    if (step.kind === 'append') await append(log, step, promises, () => serial++)
    if (step.kind === 'commit')
      await tryOut(log.commit('processor', aShard({ shard: step.shard }), log.end(aShard({ shard: step.shard }))))
  }
  await log?.close().catch(() => undefined)
  const sound = await openPartitionLog({ dir, clock: aClock(), limits })
  await promises.check(sound)
  for (const shard of promises.sent.keys()) {
    const end = sound.end(aShard({ shard }))
    expect(await sound.append(aShard({ shard }), [aRecord('after all')])).toEqual({ firstOffset: end })
    promises.send(shard, 'after all')
    promises.acked.set(`${shard}/${end}`, 'after all')
  }
  await promises.check(sound)
  await sound.close()
  const again = await openPartitionLog({ dir, clock: aClock(), limits })
  await promises.check(again)
  await again.close()
  return calls
}

async function append(
  log: EmbeddedLog,
  step: Extract<Step, { kind: 'append' }>,
  promises: Promises,
  serial: () => number,
): Promise<void> {
  const shard: ShardAddress = aShard({ shard: step.shard })
  await Promise.all(
    step.calls.map(async (call) => {
      const sent = call.map((text) => `${serial()} ${text}`)
      for (const text of sent) promises.send(step.shard, text)
      const done = await tryOut(
        log.append(
          shard,
          sent.map((text) => aRecord(text)),
        ),
      )
      if (done === undefined) for (const text of sent) promises.refused.add(text)
      else
        for (const [index, text] of sent.entries())
          promises.acked.set(`${step.shard}/${done.firstOffset + index}`, text)
    }),
  )
}

async function openTrying(dir: string, disk: Disk): Promise<EmbeddedLog | undefined> {
  return await tryOut(openPartitionLog({ dir, clock: aClock(), limits, disk }))
}

/** Only errors with a code of the log come out of it. */
async function tryOut<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    expect(error).toBeInstanceOf(RampartError)
    expect((error as RampartError).code).toMatch(/^pipeline\.log\.(full|failed)$/)
    return undefined
  }
}

const story: readonly Step[] = [
  { kind: 'append', shard: 0, calls: [['one'], ['two', 'three']] },
  { kind: 'append', shard: 1, calls: [['x'.repeat(900)], ['y'.repeat(1_500)]] },
  { kind: 'append', shard: 0, calls: [['z'.repeat(1_900)]] },
  { kind: 'commit', shard: 0 },
  { kind: 'reopen' },
  { kind: 'append', shard: 0, calls: [['w'.repeat(1_900)], ['four']] },
  { kind: 'append', shard: 0, calls: [['v'.repeat(1_900)]] },
]

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

describe('a disk that fails', { timeout: 120_000 }, () => {
  test('after an error of a sync the segment is left, and the group is written again to a new one', async () => {
    const dir = aDir()
    let broken = false
    const disk = new FaultyDisk(() => (broken ? { kind: 'error', code: 'EIO' } : undefined), seeded(1))
    const log = await openPartitionLog({ dir, clock: aClock(), disk })
    await log.append(aShard(), [aRecord('before')])
    broken = true
    const appended = log.append(aShard(), [aRecord('during')])
    const segments = join(dir, shardPath)
    disk.afterFault = () => {
      broken = false
    }
    expect(await appended).toEqual({ firstOffset: 1 })
    expect(readdirSync(segments).sort()).toEqual(['00000000000000000000.log', '00000000000000000001.log'])
    expect(log.counters).toMatchObject({ segmentsAbandoned: 1, refusedFailed: 0 })
    await log.append(aShard(), [aRecord('after')])
    expect(texts((await readAll(log, aShard())).records)).toEqual(['before', 'during', 'after'])
    await log.close()
  })

  test('without room refuses, and of what it wrote before it noticed nothing is ever read', async () => {
    const dir = aDir()
    let broken = false
    // With this random the first half of the refused write is on the disk.
    const disk = new FaultyDisk(
      () => (broken ? { kind: 'error', code: 'ENOSPC' } : undefined),
      () => 0.4999,
    )
    const log = await openPartitionLog({ dir, clock: aClock(), disk })
    await log.append(aShard(), [aRecord('before')])
    broken = true
    disk.afterFault = () => {
      broken = false
    }
    const refused = log.append(
      aShard(),
      ['refused 1', 'refused 2', 'refused 3', 'refused 4', 'refused 5'].map((text) => aRecord(text)),
    )
    await expect(refused).rejects.toMatchObject({ code: 'pipeline.log.full', status: 503, retryAfterSec: 10 })
    expect(await log.append(aShard(), [aRecord('accepted!')])).toEqual({ firstOffset: 1 })
    await log.close()
    const again = await openPartitionLog({ dir, clock: aClock() })
    expect(texts((await readAll(again, aShard())).records)).toEqual(['before', 'accepted!'])
    expect(again.counters.tornBytes).toBe(0)
    await again.close()
  })

  test('that cannot read the end of the log is not taken for a torn write: nothing is cut, no offset given twice', async () => {
    const dir = aDir()
    const log = await openPartitionLog({ dir, clock: aClock() })
    for (const text of ['one', 'two', 'three']) await log.append(aShard(), [aRecord(text)])
    await log.close()
    const segment = join(dir, shardPath, '00000000000000000000.log')
    rmSync(join(dir, shardPath, 'state.json'))
    const bytes = readFileSync(segment)
    const badFrom = 64 + 32 + 'testone'.length + 5
    const disk: Disk = {
      ...nodeDisk,
      async open(path, mode) {
        const file = await nodeDisk.open(path, mode)
        return {
          writeDurably: (pieces, position) => file.writeDurably(pieces, position),
          read: (into, position) =>
            path === segment && position + into.length > badFrom
              ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
              : file.read(into, position),
          sizeBytes: () => file.sizeBytes(),
          truncate: (length) => file.truncate(length),
          sync: () => file.sync(),
          close: () => file.close(),
        }
      },
    }
    const blind = await openPartitionLog({ dir, clock: aClock(), disk })
    expect(readFileSync(segment)).toEqual(bytes)
    expect(blind.end(aShard())).toBeGreaterThan(1_000)
    const { firstOffset } = await blind.append(aShard(), [aRecord('new')])
    expect(firstOffset).toBe(blind.end(aShard()) - 1)
    await blind.close()
    const sound = await openPartitionLog({ dir, clock: aClock() })
    const { records, gaps } = await readAll(sound, aShard())
    expect(texts(records)).toEqual(['one', 'two', 'three', 'new'])
    expect(gaps).toMatchObject([{ fromOffset: 3, toOffset: firstOffset }])
    await sound.close()
  })

  test('that fails for good refuses what waits, and takes it again once it works', async () => {
    let broken = false
    const disk = new FaultyDisk(() => (broken ? { kind: 'error', code: 'EIO' } : undefined), seeded(1))
    const log = await openPartitionLog({ dir: aDir(), clock: aClock(), disk })
    await log.append(aShard(), [aRecord('before')])
    broken = true
    const refused = await Promise.allSettled(['a', 'b'].map((text) => log.append(aShard(), [aRecord(text)])))
    expect(refused).toMatchObject([
      { status: 'rejected', reason: { code: 'pipeline.log.failed', status: 503, retryAfterSec: 5 } },
      { status: 'rejected', reason: { code: 'pipeline.log.failed' } },
    ])
    expect(log.end(aShard())).toBe(1)
    broken = false
    expect(await log.append(aShard(), [aRecord('after')])).toEqual({ firstOffset: 1 })
    expect(texts((await readAll(log, aShard())).records)).toEqual(['before', 'after'])
    await log.close()
  })

  const faults: readonly Fault[] = [
    { kind: 'error', code: 'EIO' },
    { kind: 'error', code: 'ENOSPC' },
    { kind: 'crash' },
  ]

  test.each(faults)('at its nth call, for every n: %o', async (fault) => {
    let n = 0
    for (let calls = 1; n < calls; ) {
      n += 1
      for (const seed of [1, 2, 3]) {
        calls = await play(story, (call) => (call === n ? fault : undefined), {
          random: seeded(n * 10 + seed),
          clean: fault.kind === 'error',
        })
      }
    }
    expect(n).toBeGreaterThan(60)
  })

  test.each(faults.slice(0, 2))('at its nth call and all after it, until the log is opened anew: %o', async (fault) => {
    for (let n = 1; n <= 60; n += 3) {
      await play(story.slice(0, 4), (call) => (call >= n ? fault : undefined), { random: seeded(n) })
    }
  })

  test('at random, while anything is done with the log', async () => {
    const text = fc
      .string({ maxLength: 40 })
      .chain((short) => fc.constantFrom(short, short.padEnd(700, '.'), short.repeat(50)))
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          calls: fc.array(fc.array(text, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
          shard: fc.integer({ min: 0, max: 2 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('commit' as const), shard: fc.integer({ min: 0, max: 2 }) }),
      },
    )
    const fault = fc.oneof(...faults.map((one) => fc.constant(one)))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.dictionary(fc.integer({ min: 1, max: 150 }).map(String), fault, { maxKeys: 12 }),
        fc.integer(),
        async (steps, plan, seed) => {
          await play(steps, (call) => plan[String(call)], { random: seeded(seed >>> 0) })
        },
      ),
      { numRuns: 150 },
    )
  })
})
