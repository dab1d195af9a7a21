import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../platform/index.ts'
import { aShard, found } from '../contract-support.ts'
import { openDuckDbStore } from './index.ts'

const script = fileURLToPath(new URL('./append-forever.ts', import.meta.url))

describe('a process that dies or finds no room', () => {
  let dir: string
  let child: ChildProcess | undefined

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-crash-'))
  })
  afterEach(() => {
    child?.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  /** Starts the child and gives each line it says to `heard` until that returns true. */
  async function listen(started: ChildProcess, heard: (line: string) => boolean): Promise<void> {
    child = started
    let errors = ''
    started.stderr?.on('data', (chunk) => {
      errors += chunk
    })
    if (!started.stdout) throw new Error('the child has an output')
    for await (const line of createInterface({ input: started.stdout })) if (heard(line)) return
    throw new Error(`the child ended by itself: ${errors}`)
  }

  async function stored(): Promise<{ count: number; distinct: number; last: number; next: number; state: string }> {
    const store = await openDuckDbStore({ dir, clock: systemClock })
    const [row] = await found(store, 'source=logs | stats count() as count, dc(_offset) as distinct, max(n) as last')
    const progress = await store.progress(aShard())
    await store.close()
    const state = Buffer.from(progress.detectorState ?? []).toString()
    return { count: 0, distinct: 0, last: 0, ...row, next: progress.nextOffset, state }
  }

  it('killed at any point has every acknowledged event once, and goes on from there', async () => {
    for (const acknowledgements of [1, 7, 2, 23, 11, 40]) {
      let acknowledged = 0
      let left = acknowledgements
      const started = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'pipe'] })
      await listen(started, (line) => {
        if (!line.startsWith('acknowledged')) return false
        acknowledged = Number(line.split(' ')[1])
        return --left === 0
      })
      const gone = new Promise((resolve) => started.once('exit', resolve))
      started.kill('SIGKILL')
      await gone
      const { count, distinct, last, next, state } = await stored()
      expect(next).toBeGreaterThanOrEqual(acknowledged)
      expect({ count, distinct, last }).toEqual({ count: next, distinct: next, last: next - 1 })
      expect(Number(state)).toBe(next - 50)
    }
  })

  it.skipIf(process.platform !== 'linux')('on a full disk refuses writes, still searches, and recovers', async () => {
    // A limit on the size of files stands for the full disk: it fails the same writes and needs no disk of its own.
    const shell = `trap '' XFSZ; ulimit -S -f 16384; exec "$0" "$@"`
    const started = spawn('sh', ['-c', shell, process.execPath, script, dir, '200', '2000'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let acknowledged = 0
    let refusals = 0
    let recovered = 0
    await listen(started, (line) => {
      const [word, first, , third] = line.split(' ')
      if (word === 'acknowledged') {
        acknowledged = Number(first)
        if (refusals > 0) recovered++
      }
      if (word === 'refused') {
        expect(first).toBe('pipeline.store.full')
        expect(Number(third)).toBeGreaterThanOrEqual(acknowledged)
        if (++refusals === 3) {
          execFileSync('prlimit', ['--pid', String(started.pid), '--fsize=unlimited'])
          recovered = 0
        }
      }
      return refusals >= 3 && recovered === 5
    })
    const gone = new Promise((resolve) => started.once('exit', resolve))
    started.kill('SIGKILL')
    await gone
    const { count, distinct, next } = await stored()
    expect(next).toBeGreaterThanOrEqual(acknowledged)
    expect({ count, distinct }).toEqual({ count: next, distinct: next })
  })

  it('is refused a folder that another process holds', async () => {
    const started = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'pipe'] })
    await listen(started, (line) => line.startsWith('at'))
    await expect(openDuckDbStore({ dir, clock: systemClock })).rejects.toMatchObject({
      code: 'pipeline.store.locked',
      status: 503,
    })
  })
})
