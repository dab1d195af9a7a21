import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { systemClock } from './base/clock.ts'
import { createLog } from './log.ts'
import { createStop } from './stop.ts'

const silent = createLog({ clock: systemClock, stream: new PassThrough(), level: 'silent' })

describe('a stop', () => {
  it('goes through the phases in order, whatever order they were added in', async () => {
    const stop = createStop({ log: silent })
    const done: string[] = []
    for (const phase of ['release', 'storage', 'intake', 'work', 'intake'] as const) {
      stop.on(phase, phase, async () => {
        await new Promise(setImmediate)
        done.push(phase)
      })
    }
    stop.request('test')
    expect(await stop.stopped).toBe(0)
    expect(done).toEqual(['intake', 'intake', 'work', 'storage', 'release'])
  })

  it('asked for twice runs once', async () => {
    const stop = createStop({ log: silent })
    let count = 0
    stop.on('work', 'x', () => {
      count += 1
    })
    stop.request('one')
    stop.request('two')
    await stop.stopped
    expect(count).toBe(1)
    expect(String(stop.signal.reason)).toContain('one')
  })

  it('goes on after an action that fails, and says so with its exit code', async () => {
    const stop = createStop({ log: silent })
    let closed = false
    stop.on('intake', 'bad', () => {
      throw new Error('no')
    })
    stop.on('intake', 'worse', () => Promise.reject(new Error('no')))
    stop.on('storage', 'database', () => {
      closed = true
    })
    stop.request('test')
    expect(await stop.stopped).toBe(1)
    expect(closed).toBe(true)
  })

  it('leaves behind what does not end in time', async () => {
    const stop = createStop({ log: silent, limitMs: { work: 5 } })
    let released = false
    stop.on('work', 'stuck', () => new Promise(() => {}))
    stop.on('release', 'lock', () => {
      released = true
    })
    stop.request('test')
    expect(await stop.stopped).toBe(0)
    expect(released).toBe(true)
  })
})

describe('a process', () => {
  const url = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)))

  /** A process that stops as a service does, running `body` first; ready once it prints so. */
  async function start(body: string, sameSignalMs = 60_000) {
    const source = `
      const { createStop, stopOnSignals } = await import(${url('./stop.ts')})
      const { createLog } = await import(${url('./log.ts')})
      const log = createLog({ clock: { now: () => 0 }, stream: process.stderr })
      const stop = createStop({ log, limitMs: { work: 50 } })
      stopOnSignals(stop, log, { sameSignalMs: ${sameSignalMs} })
      stop.on('storage', 'store', () => console.log('closed'))
      setInterval(() => {}, 1000)
      ${body}
      console.log('ready')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const stdout = text(child.stdout!)
    const stderr = text(child.stderr!)
    await once(child.stdout!, 'data')
    return { child, exit: once(child, 'exit'), stdout, stderr }
  }

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'closes its stores and exits 0 on %s, though something still runs',
    async (signal) => {
      const { child, exit, stdout } = await start('')
      child.kill(signal)
      expect(await exit).toEqual([0, null])
      expect(await stdout).toBe('ready\nclosed\n')
    },
  )

  it('stops when its parent is gone', async () => {
    const { child, exit, stdout } = await start('')
    child.disconnect()
    expect(await exit).toEqual([0, null])
    expect(await stdout).toContain('closed')
  })

  const SLOW = `stop.on('intake', 'slow', () => { process.send('stopping'); return once })
    const once = new Promise((resolve) => process.on('message', resolve))`

  it('takes a signal that follows at once for the same, as npm and the launcher pass Ctrl-C on', async () => {
    const { child, exit, stdout } = await start(SLOW)
    child.kill('SIGINT')
    await once(child, 'message')
    child.kill('SIGINT')
    child.send('finish')
    expect(await exit).toEqual([0, null])
    expect(await stdout).toContain('closed')
  })

  it('leaves at once on a second signal', async () => {
    const { child, exit, stdout } = await start(SLOW, 0)
    child.kill('SIGTERM')
    await once(child, 'message')
    child.kill('SIGTERM')
    expect(await exit).toEqual([1, null])
    expect(await stdout).not.toContain('closed')
  })

  it.each([
    ['throws', `process.on('message', () => { throw new Error('bug in a callback') })`],
    ['rejects', `process.on('message', () => { void Promise.reject(new Error('bug in a callback')) })`],
  ])('leaves at once when something %s that nobody catches', async (_, body) => {
    const { child, exit, stderr } = await start(body)
    child.send('go')
    expect(await exit).toEqual([1, null])
    expect(await stderr).toContain('bug in a callback')
  })
})
