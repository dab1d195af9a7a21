import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openPartitionLog } from './index.ts'
import { aClock, aDir, aRecord, aShard, readAll, texts } from './testing.ts'

const base = dirname(aDir(afterAll))

/** A file system of its own of a few MiB; undefined where we may not mount. */
function smallDisk(name: string, sizeMiB: number): string | undefined {
  const dir = join(base, name)
  mkdirSync(dir)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  afterAll(() => {
    execFileSync('umount', [dir])
  })
  return dir
}

const hard = smallDisk('hard', 4)
const thresholds = smallDisk('thresholds', 16)
const noThresholds = { slowBelow: { ratio: 0, bytes: 0 }, refuseBelow: { ratio: 0, bytes: 0 } }
const noise = (bytes: number): Buffer => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes)))

describe.skipIf(!hard || !thresholds)('a full disk (needs to mount a tmpfs: root)', () => {
  test('refuses what does not fit with 503, reads on, and takes records again as soon as there is room', async () => {
    const disk = hard ?? ''
    const dir = join(disk, 'log')
    const log = await openPartitionLog({ dir, clock: aClock(), limits: noThresholds })
    const accepted: string[] = []
    const send = async (count: number): Promise<PromiseSettledResult<unknown>[]> =>
      await Promise.allSettled(
        Array.from({ length: count }, async (_, index) => {
          const text = `${accepted.length}.${index} ${noise(30_000).toString('latin1')}`
          const { firstOffset } = await log.append(aShard(), [aRecord('', { payload: Buffer.from(text, 'latin1') })])
          accepted[firstOffset] = text
        }),
      )
    for (const ballastKiB of [1_500, 1_000, 500]) {
      const ballast = join(disk, 'ballast')
      writeFileSync(ballast, Buffer.alloc(ballastKiB * 1024))
      const before = accepted.length
      let refused: PromiseRejectedResult[] = []
      while (refused.length === 0) {
        refused = (await send(3)).filter((result) => result.status === 'rejected')
        refused.push(...(await send(1)).filter((result) => result.status === 'rejected'))
      }
      for (const { reason } of refused) {
        expect(reason).toMatchObject({ code: 'pipeline.log.full', status: 503, retryAfterSec: 10 })
      }
      expect((await send(1))[0]).toMatchObject({ status: 'rejected', reason: { code: 'pipeline.log.full' } })
      expect(log.end(aShard())).toBe(accepted.length)
      expect(await contents(log)).toEqual(accepted)
      rmSync(ballast)
      expect((await send(1))[0]).toMatchObject({ status: 'fulfilled' })
      expect(accepted.length).toBeGreaterThan(before)
      expect(await contents(log)).toEqual(accepted)
    }
    await log.close()
    const again = await openPartitionLog({ dir, clock: aClock(), limits: noThresholds })
    expect(await contents(again)).toEqual(accepted)
    expect(again.counters).toMatchObject({ tornBytes: 0, gaps: 0 })
    await again.close()
  })

  test('writes are refused before the last twentieth is used, and taken again when there is room', async () => {
    const disk = thresholds ?? ''
    const log = await openPartitionLog({ dir: join(disk, 'log'), clock: aClock(), limits: { slowMsMax: 1 } })
    await log.append(aShard(), [aRecord('before')])
    const ballast = join(disk, 'ballast')
    // Of 16 MiB half of one is left, a thirty-second.
    writeFileSync(ballast, Buffer.alloc(15.5 * 1024 * 1024))
    const full = { code: 'pipeline.log.full', status: 503 }
    await expect(fill(log)).rejects.toMatchObject(full)
    await expect(log.append(aShard(), [aRecord('refused')])).rejects.toMatchObject(full)
    expect((await log.read(aShard(), 0, 100)).records).not.toHaveLength(0)
    expect(log.counters.freeBytes).toBeGreaterThan(256 * 1024)
    rmSync(ballast)
    await log.append(aShard(), [aRecord('after')])
    const { records } = await readAll(log, aShard())
    expect(texts(records.slice(-1))).toEqual(['after'])
    await log.close()
  })
})

type Log = Awaited<ReturnType<typeof openPartitionLog>>

async function contents(log: Log): Promise<string[]> {
  const { records, gaps } = await readAll(log, aShard())
  expect(gaps).toEqual([])
  return records.map((record) => Buffer.from(record.payload).toString('latin1'))
}

/** Appends until that fails; far fewer bytes than the disk still has. */
async function fill(log: Log): Promise<void> {
  for (let count = 0; count < 100; count++) await log.append(aShard(), [aRecord('', { payload: noise(1024) })])
}
