import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PipeAddress } from '../../pipeline/index.ts'
import {
  type Api,
  type AuditEvent,
  type AuthzRequest,
  createMetrics,
  createServer,
  defineErrors,
  iamArn,
  type Metrics,
  type Principal,
  systemClock,
} from '../../platform/index.ts'
import { aShard, openTestLog, type TestLog, until } from '../../test/support/partition-log.ts'
import { RECORDS_LIMITS } from '../limits.ts'
import { recordRoutes } from './routes.ts'

const testError = defineErrors({
  'test.pipe.notFound': { status: 404, title: 'No such pipe, for a test' },
  'test.log.busy': { status: 429, title: 'Busy, for a test' },
})
const ann: Principal = {
  kind: 'user',
  account: aShard.account,
  arn: iamArn(aShard.account, 'user', 'ann'),
  name: 'ann',
  auth: 'token',
}

let testLog: TestLog
let metrics: Metrics
let server: Api
let asked: AuthzRequest[]
let audited: AuditEvent[]

beforeEach(async () => {
  testLog = await openTestLog()
  metrics = createMetrics()
  asked = []
  audited = []
  server = await createServer({
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    clock: systemClock,
    authenticator: { authenticate: async () => ann },
    authorizer: {
      authorize: async (request) => {
        asked.push(request)
        const allowed = !request.resource.endsWith('/forbidden')
        return { allowed, id: 'd-1', reason: allowed ? 'allow' : 'implicitDeny', determining: [] }
      },
    },
    audit: { record: async (event) => void audited.push(event) },
    routes: [
      recordRoutes({
        log: testLog.log,
        clock: systemClock,
        metrics,
        requirePipe: async ({ pipe }: PipeAddress) => {
          if (pipe === 'absent') throw testError('test.pipe.notFound', `no pipe is called \`${pipe}\``)
          return { shardCount: pipe === 'wide' ? 4 : 1 }
        },
      }),
    ],
  })
})
afterEach(async () => {
  testLog.admit()
  await server.close()
  await testLog.close()
})

const post = (body: string | Buffer, headers: Record<string, string> = {}, pipe = 'logs') =>
  server.inject({
    method: 'POST',
    url: `/v1/workspaces/default/dataspaces/default/pipes/${pipe}/records`,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
    payload: body,
  })

describe('POST records', () => {
  it('takes records and says so once they are durable', async () => {
    testLog.hold()
    let answered = false
    const pending = post('{"a":1}\n{"b":\n').then((answer) => {
      answered = true
      return answer
    })
    await until(() => testLog.appends() === 1, 'the log was asked')
    expect(answered).toBe(false)
    testLog.admit()
    const answer = await pending
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ accepted: 2, rejected: [] })
    const records = await testLog.readAll()
    expect(records.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['{"a":1}', '{"b":'])
    expect(records[0]).toMatchObject({ source: ann.arn, format: 'json', headers: {} })
    expect((await metrics.scrape()).text).toContain('rampart_collectors_records_total{collector="records"} 2')
  })

  it('names the action and the pipe it asks for, and audits refusals only', async () => {
    await post('{}')
    expect(asked[0]).toMatchObject({
      action: 'siem:record:put',
      resource: 'arn:rampart:siem:local:000000000001:pipe/default/default/logs',
    })
    expect(audited).toEqual([])
    expect((await post('{}', {}, 'forbidden')).statusCode).toBe(403)
    expect(audited).toMatchObject([{ action: 'siem:record:put', outcome: 'refused' }])
    expect(testLog.appends()).toBe(1)
  })

  it('rejects by index what is over a limit, and counts it', async () => {
    const answer = await post(`{"a":1}\n"${'x'.repeat(RECORDS_LIMITS.recordBytesMax)}"\n`)
    expect(answer.json()).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'collect.record.tooLarge' }] })
    expect((await metrics.scrape()).text).toContain(
      'rampart_collectors_rejected_total{collector="records",code="collect.record.tooLarge"} 1',
    )
  })

  it('takes every content type, encoded or not', async () => {
    await post('[{"a":1},{"a":2}]', { 'content-type': 'application/json' })
    await post('a line', { 'content-type': 'text/plain' })
    await post('x,y\n1,2\n', { 'content-type': 'text/csv' })
    await post(gzipSync('{"a":3}\n'), { 'content-encoding': 'gzip' })
    expect((await testLog.readAll()).map(({ format }) => format)).toEqual(['json', 'json', 'text', 'csv', 'json'])
  })

  it('takes an empty body as no records', async () => {
    expect((await post('')).json()).toEqual({ accepted: 0, rejected: [] })
    expect(testLog.appends()).toBe(0)
  })

  it('keeps the records of a caller in one shard', async () => {
    for (let i = 0; i < 5; i++) await post(`{"i":${i}}`, {}, 'wide')
    const shards = testLog.log.shards().filter(({ pipe }) => pipe === 'wide')
    expect(shards.length).toBe(1)
    expect((await testLog.readAll(shards[0])).length).toBe(5)
  })

  it.each([
    ['an unknown pipe', 404, 'test.pipe.notFound', () => post('{}', {}, 'absent')],
    ['the audit pipe', 403, 'collect.pipe.reserved', () => post('{}', {}, 'audit')],
    [
      'an unknown content type',
      415,
      'collect.contentType.unsupported',
      () => post('<a/>', { 'content-type': 'text/xml' }),
    ],
    ['an unknown encoding', 415, 'collect.contentEncoding.unsupported', () => post('x', { 'content-encoding': 'br' })],
    ['broken gzip', 400, 'collect.body.malformed', () => post('x', { 'content-encoding': 'gzip' })],
    [
      'a gzip bomb',
      413,
      'collect.body.tooLarge',
      () => post(gzipSync(Buffer.alloc(64 * 1024 * 1024)), { 'content-encoding': 'gzip' }),
    ],
    ['a body over the limit', 413, 'platform.http.tooLarge', () => post(Buffer.alloc(RECORDS_LIMITS.bodyBytesMax + 1))],
    ['no JSON array', 400, 'collect.body.malformed', () => post('[1', { 'content-type': 'application/json' })],
  ])('refuses %s', async (_, status, code, call) => {
    const answer = await call()
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect({ status: answer.statusCode, code: answer.json().code }).toEqual({ status, code })
    expect(testLog.appends()).toBe(0)
  })

  it('passes on that the log is busy, and takes the same request later', async () => {
    testLog.refuse(testError('test.log.busy', 'too much waits', { retryAfterSec: 2 }))
    const busy = await post('{"a":1}')
    expect(busy.statusCode).toBe(429)
    expect(busy.headers['retry-after']).toBe('2')
    testLog.admit()
    expect((await post('{"a":1}')).statusCode).toBe(200)
    expect((await testLog.readAll()).length).toBe(1)
  })

  it('gives back what an aborted request held', async () => {
    const address = await server.listen({ port: 0, host: '127.0.0.1' })
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      'POST /v1/workspaces/default/dataspaces/default/pipes/logs/records HTTP/1.1\r\nHost: x\r\n' +
        `Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`,
    )
    const held = async () =>
      Number(/rampart_collectors_waiting_bytes\{collector="records"\} (\d+)/.exec((await metrics.scrape()).text)?.[1])
    await until(async () => (await held()) === 100_000, 'the bytes are counted')
    socket.destroy()
    await until(async () => (await held()) === 0, 'the bytes are given back')
    expect(testLog.appends()).toBe(0)
  })
})
