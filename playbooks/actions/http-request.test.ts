import { createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Egress, iamArn, parseAccountId } from '../../platform/index.ts'
import { FarSide, sendJson } from '../testing/far-side.ts'
import type { JsonMap } from '../types.ts'
import type { Call } from './action.ts'
import { httpRequest } from './http-request.ts'

let far: FarSide
beforeAll(async () => {
  far = await FarSide.open()
})
afterAll(() => far.close())
beforeEach(() => {
  far.received.length = 0
  far.answer = (_, response) => sendJson(response, 200, { ok: true })
})

const account = parseAccountId('000000000001')
const call = (signal = new AbortController().signal): Call => ({
  account,
  workspace: 'default',
  playbookId: 'p',
  runId: 'r',
  stepId: 's',
  attempt: 1,
  key: 'r/s/0',
  principal: { kind: 'role', account, arn: iamArn(account, 'role', 'x'), name: 'x', auth: 'internal' },
  now: 0,
  signal,
  mayDo: async () => true,
})
const action = httpRequest(new Egress(['127.0.0.1', 'localhost']))
const run = (input: JsonMap, signal?: AbortSignal) => action.run(input, call(signal))
const url = (path = '/') => `http://${far.address}${path}`

describe('http.request', () => {
  it.each([
    ['GET', undefined],
    ['HEAD', undefined],
    ['PUT', undefined],
    ['DELETE', undefined],
    ['POST', 'r/s/0'],
    ['PATCH', 'r/s/0'],
  ])('%s carries the key %s', async (method, key) => {
    expect(await run({ method, url: url() })).toMatchObject({ ok: true, output: { status: 200 } })
    expect(far.received[0]?.headers['idempotency-key']).toBe(key)
    expect(action.idempotence({ method })).toBe(key === undefined ? 'natural' : 'key')
  })

  it('sends maps and lists as JSON and text as it is', async () => {
    await run({ method: 'POST', url: url(), body: { a: [1] } })
    await run({ method: 'POST', url: url(), body: 'a=b', headers: { 'Content-Type': 'text/plain', 'X-A': 'b' } })
    await run({ method: 'POST', url: url() })
    expect(far.received.map(({ headers, body }) => [headers['content-type'], headers['content-length'], body])).toEqual(
      [
        ['application/json', '9', '{"a":[1]}'],
        ['text/plain', '3', 'a=b'],
        [undefined, '0', ''],
      ],
    )
    expect(far.received[1]?.headers['x-a']).toBe('b')
  })

  it('reads JSON where the answer says so and is so, else text', async () => {
    far.answer = (request, response) => {
      const json = request.path !== '/text'
      response.writeHead(200, { 'content-type': json ? 'application/vnd.x+json; charset=utf-8' : 'text/html' })
      response.end(request.path === '/broken' ? '{"a":' : '{"a":1}')
    }
    const body = async (path: string) => {
      const result = await run({ method: 'GET', url: url(path) })
      return result.ok && (result.output as JsonMap).body
    }
    expect([await body('/json'), await body('/broken'), await body('/text')]).toEqual([{ a: 1 }, '{"a":', '{"a":1}'])
  })

  it('keeps JSON that nests too deeply as text', async () => {
    far.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)
    }
    const result = await run({ method: 'GET', url: url() })
    expect(result.ok && typeof (result.output as JsonMap).body).toBe('string')
  })

  it.each([
    [400, 'invalid'],
    [401, 'auth'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [408, 'timeout'],
    [409, 'conflict'],
    [413, 'too_large'],
    [422, 'invalid'],
    [429, 'rate_limited'],
    [500, 'unavailable'],
    [501, 'invalid'],
    [503, 'unavailable'],
  ])('status %i is %s', async (status, code) => {
    far.answer = (_, response) => sendJson(response, status, { why: 'x' }, { 'retry-after': '7' })
    expect(await run({ method: 'GET', url: url() })).toEqual({
      ok: false,
      error: { code, message: `the server answered ${status}`, details: { status, body: { why: 'x' } } },
      retryAfterMs: 7000,
    })
  })

  it('gives redirects back instead of following them', async () => {
    far.answer = (_, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/' })
      response.end()
    }
    expect(await run({ method: 'GET', url: url() })).toMatchObject({
      ok: true,
      output: { status: 302, headers: { location: 'http://169.254.169.254/' } },
    })
    expect(far.received).toHaveLength(1)
  })

  it.each([
    [{ url: 'ftp://127.0.0.1/' }, /http or https/],
    [{ url: 'file:///etc/passwd' }, /http or https/],
    [{ url: 'nonsense' }, /no URL/],
    [{ url: 'http://ann:pw@127.0.0.1/' }, /credentials/],
    [{ url: `http://127.0.0.1/${'x'.repeat(9000)}` }, /no URL/],
    [{ headers: { 'X-A': 'a\r\nX-B: c' } }, /characters/],
    [{ headers: { 'X-A\r\nX-B': 'c' } }, /no header name/],
    [{ headers: { 'X-A': 'ä' } }, /characters/],
    [{ headers: { Host: 'elsewhere' } }, /not the playbook's/],
    [{ headers: { 'idempotency-key': 'mine' } }, /not the playbook's/],
    [{ headers: { 'Transfer-Encoding': 'chunked' } }, /not the playbook's/],
    [{ headers: { 'content-length': '0' } }, /not the playbook's/],
    [{ body: 'x' }, /carries no body/],
    [{ method: 'TRACE' }, /method must be/],
  ])('refuses %j', async (wrong, message) => {
    const result = await run({ method: 'GET', url: url(), ...wrong } as JsonMap)
    expect(result).toMatchObject({ ok: false, error: { code: 'invalid', message: expect.stringMatching(message) } })
    expect(far.received).toEqual([])
  })

  it.each([
    'http://2130706434/',
    'http://0x7f.0.0.2/',
    'http://127.0.0.2/',
    'http://[::ffff:127.0.0.2]/',
    'http://192.0.2.1/',
  ])('does not connect to %s, which is not listed', async (target) => {
    expect(await run({ method: 'GET', url: target })).toMatchObject({
      ok: false,
      error: { code: 'forbidden', message: expect.stringContaining('playbooks.egress_allow') },
    })
  })

  it('connects to the address that was checked, under the name that was asked for', async () => {
    const port = far.address.split(':')[1]
    await run({ method: 'GET', url: `http://localhost:${port}/named` })
    expect(far.received[0]).toMatchObject({ path: '/named', headers: { host: `localhost:${port}` } })
  })

  it('refuses an answer that is too large, whatever it says of its length', async () => {
    far.answer = (_, response) => {
      response.writeHead(200)
      for (let part = 0; part < 40; part += 1) response.write('x'.repeat(16 * 1024))
      response.end()
    }
    expect(await run({ method: 'GET', url: url() })).toMatchObject({ ok: false, error: { code: 'too_large' } })
  })

  it('says that there was no answer where the connection broke', async () => {
    const broken = createTcpServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve))
    const { port } = broken.address() as { port: number }
    expect(await run({ method: 'GET', url: `http://127.0.0.1:${port}/` })).toMatchObject({
      ok: false,
      error: { code: 'network' },
    })
    await new Promise((resolve) => broken.close(resolve))
  })

  it('ends when it is aborted', async () => {
    const controller = new AbortController()
    far.answer = () => controller.abort(new Error('enough'))
    await expect(run({ method: 'GET', url: url() }, controller.signal)).rejects.toThrow()
  })
})
