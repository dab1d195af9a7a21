import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGzip, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError, signInAs } from '../../cli/client.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningService, startService } from '../support/service.ts'

const base = '/v1/workspaces/default'
const MIB = 1024 * 1024
/** What the service may grow by, at its highest, through everything below. */
const GROWTH_MIB_MAX = 400

let dir: string
let service: RunningService
let idleMib: number

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-bad-'))
  service = await startService({ dataDir: dir })
  idleMib = residentMib('VmRSS')
})
afterAll(async () => {
  await service.stop()
  rmSync(dir, { recursive: true, force: true })
})

function residentMib(member: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8')
  return Number(new RegExp(`${member}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

const put = (body: string | Uint8Array, headers = {}, contentType = 'application/x-ndjson') =>
  service.client.call<{ accepted: number; rejected: { index: number; code: string; message: string }[] }>(
    `${base}/dataspaces/default/pipes/logs/records`,
    { body, contentType, headers },
  )

async function search(query: string): Promise<unknown[][]> {
  return (await service.client.call<{ rows: unknown[][] }>(`${base}/search`, { body: { query } })).rows
}

const found = (query: string) =>
  eventually(query, async () => {
    const rows = await search(query)
    return rows.length > 0 && rows
  })

async function refusal(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ApiError)
  return error as ApiError
}

async function syslog(...chunks: (string | Uint8Array)[]): Promise<void> {
  const socket = connect(service.runtime.syslogTcp ?? 0, '127.0.0.1')
  for (const chunk of chunks) if (!socket.write(chunk)) await once(socket, 'drain')
  socket.end()
  await once(socket, 'close')
}

describe('bad input', () => {
  it('keeps a record that is not UTF-8, marked', async () => {
    await put(Buffer.concat([Buffer.from('{"bad":"utf8-'), Buffer.of(0xff, 0xfe, 0x80), Buffer.from('"}\n')]))
    const [[raw]] = (await found(`source=logs | where isnotnull(parse_error) | fields raw_data`)) as [[string]]
    expect(raw).toContain('utf8-')
  })

  it('keeps JSON nested 100,000 deep raw and marked', async () => {
    const depth = 100_000
    expect(await put(`${'{"deep":'.repeat(depth)}1${'}'.repeat(depth)}`)).toMatchObject({ accepted: 1 })
    await found(`source=logs | where parse_error like '%deep%' or parse_error like '%nest%' | fields parse_error`)
  })

  it('refuses a gzip bomb with a named limit', async () => {
    const bomb = await gzipOfZeros(1024 * MIB)
    const error = await refusal(put(bomb, { 'content-encoding': 'gzip' }))
    expect(error.status).toBe(413)
    expect(error.problem.code).toMatch(/^collect/)
  })

  it('refuses a body over its limit, and one that is not what its encoding says', async () => {
    expect(await answerToHead(80 * MIB)).toMatch(/^HTTP\/1.1 413 /)
    expect((await refusal(put('no gzip', { 'content-encoding': 'gzip' }))).status).toBe(400)
    expect((await refusal(put('{}', { 'content-encoding': 'br' }))).status).toBe(415)
    expect((await refusal(put('<a/>', {}, 'application/xml'))).status).toBe(415)
  })

  it('rejects one record over the limit by its index, and takes the others', async () => {
    const large = JSON.stringify({ large: 'x'.repeat(4 * MIB) })
    const answer = await put(`{"beside":1}\n${large}\n{"beside":2}\n`)
    expect(answer).toMatchObject({ accepted: 2, rejected: [{ index: 1, code: expect.stringMatching(/^collect/) }] })
  })

  it('cuts a line of 100 MB and takes the one behind it', async () => {
    const piece = Buffer.alloc(MIB, 0x78)
    await syslog(
      '<14>1 2026-01-01T00:00:00Z long-line app - - - ',
      ...Array.from({ length: 100 }, () => piece),
      '\n<14>1 2026-01-01T00:00:00Z after-long-line app - - - short\n',
    )
    await found(`source=logs | where hostname = 'after-long-line' | fields message`)
    const [[raw]] = (await found(`source=logs | where hostname = 'long-line' | fields raw_data`)) as [[string]]
    expect(raw.length).toBeLessThan(MIB)
  })

  it('takes no hostile names for its own', async () => {
    await put(
      '{"hostile":"names","__proto__":{"polluted":1},"constructor":2,"_offset":-5,"raw_data":"mine","a\\"; drop table x; --":3}',
    )
    const [row] = await found(`source=logs | where hostile = 'names' | fields hostile`)
    expect(row).toEqual(['names'])
    expect(await search('source=logs | stats count()')).toEqual([[expect.any(Number)]])
  })

  it('closes a connection that sends its head too slowly', { timeout: 60_000 }, async () => {
    const socket = connect(service.runtime.http, '127.0.0.1')
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n')
    socket.on('error', () => {})
    const trickle = setInterval(() => socket.write('X-Slow: 1\r\n'), 1000)
    await once(socket.resume(), 'close')
    clearInterval(trickle)
  })

  it('serves others while 10,000 connections are idle', { timeout: 120_000 }, async () => {
    const before = residentMib('VmRSS')
    const idle: Socket[] = []
    for (let count = 0; count < 10_000; count += 500) {
      const opened = Array.from({ length: 500 }, () => connect(service.runtime.syslogTcp ?? 0, '127.0.0.1'))
      await Promise.all(opened.map((socket) => once(socket, 'connect')))
      idle.push(...opened)
    }
    await eventually('all of them are accepted', async () => {
      const metrics = await service.client.call<string>('/metrics')
      return /^rampart_collectors_connections\{[^}]*tcp[^}]*\} 10000$/m.test(metrics)
    })
    const grown = residentMib('VmRSS') - before
    await put('{"among":"the idle"}')
    await found(`source=logs | where isnotnull(among) | fields among`)
    await syslog('<14>1 2026-01-01T00:00:00Z beside-idle app - - - here\n').catch(() => {})
    for (const socket of idle) socket.destroy()
    console.log(`10,000 idle connections: ${grown.toFixed(0)} MiB`)
    expect(grown).toBeLessThan(200)
  })

  it('stays within its memory through all of it', () => {
    const peakMib = residentMib('VmHWM')
    console.log(`resident: ${idleMib.toFixed(0)} MiB idle, ${peakMib.toFixed(0)} MiB at its highest`)
    expect(peakMib - idleMib).toBeLessThan(GROWTH_MIB_MAX)
  })
})

async function gzipOfZeros(byteCount: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 })
  const chunks: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
  const zeros = Buffer.alloc(MIB)
  for (let written = 0; written < byteCount; written += MIB) if (!gzip.write(zeros)) await once(gzip, 'drain')
  gzip.end()
  await once(gzip, 'end')
  expect(gzipSync(Buffer.alloc(MIB)).length).toBeLessThan(MIB / 100)
  return Buffer.concat(chunks)
}

/** What the service says to a body of that length before it is sent: a client that sends on may see a reset instead. */
async function answerToHead(contentLength: number): Promise<string> {
  const token = await signInAs({ 'data-dir': dir })
  const socket = connect(service.runtime.http, '127.0.0.1')
  socket.write(
    `POST ${base}/dataspaces/default/pipes/logs/records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/x-ndjson\r\nContent-Length: ${contentLength}\r\n\r\n`,
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString()
}
