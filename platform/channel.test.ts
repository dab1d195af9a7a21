import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineErrors, RampartError } from './base/errors.ts'
import { type Channel, openChannel } from './channel.ts'

const testError = defineErrors({ 'test.thing.missing': { status: 404, title: 'No such thing' } })

let ports: MessageChannel
let near: Channel
let far: Channel

beforeEach(() => {
  ports = new MessageChannel()
  near = openChannel(ports.port1, { ping: () => 'near' })
  far = openChannel(ports.port2, {
    double: (value: number) => value * 2,
    slow: () => new Promise(() => {}),
    missing: () => {
      throw testError('test.thing.missing', 'no thing is called `x`', { errors: [{ path: '/x', message: 'is gone' }] })
    },
    broken: () => {
      throw new TypeError('a bug')
    },
  })
})
afterEach(() => {
  ports.port1.close()
  ports.port2.close()
})

describe('a channel', () => {
  it('answers calls in both directions, each with its own answer', async () => {
    const calls = [1, 2, 3].map((value) => near.call<number>('double', value))
    expect(await Promise.all(calls)).toEqual([2, 4, 6])
    expect(await far.call('ping', undefined)).toBe('near')
  })

  it('carries an error of ours with code, status and places', async () => {
    const error = await near.call('missing', undefined).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(RampartError)
    expect(error).toMatchObject({
      code: 'test.thing.missing',
      status: 404,
      errors: [{ path: '/x', message: 'is gone' }],
    })
  })

  it('carries the message of any other error', async () => {
    await expect(near.call('broken', undefined)).rejects.toThrow('a bug')
  })

  it('refuses a call that nobody handles', async () => {
    await expect(near.call('nothing', undefined)).rejects.toThrow('no handler is called nothing')
  })

  it('rejects what is open when it is closed, and every later call', async () => {
    const open = near.call('slow', undefined)
    near.close('the worker is gone')
    await expect(open).rejects.toThrow('the worker is gone')
    await expect(near.call('double', 1)).rejects.toThrow('the worker is gone')
  })
})
