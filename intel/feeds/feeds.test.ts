import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileFilter } from '../../pipeline/index.ts'
import {
  type Api,
  createJobs,
  createMetrics,
  type Job,
  type Jobs,
  jobMigrations,
  type Metrics,
  migrate,
  systemClock,
} from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { eventually } from '../../test/support/eventually.ts'
import { createIntel, type Intel } from '../intel.ts'
import { IndicatorIndex } from '../match/indicator-index.ts'
import { intelMigrations } from '../migrations.ts'
import { account, aServer, metBy, silent } from '../testing/builders.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const MEDIA = { 'content-type': 'application/taxii+json;version=2.1' }
const clock = systemClock
const uuid = (number: number) => `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`
const indicator = (number: number) => ({
  type: 'indicator',
  spec_version: '2.1',
  id: `indicator--${uuid(number)}`,
  created: new Date(clock.now() - 60_000).toISOString(),
  modified: new Date(clock.now() - 60_000).toISOString(),
  valid_from: new Date(clock.now() - 60_000).toISOString(),
  pattern_type: 'stix',
  pattern: `[domain-name:value = 'd${number}.example']`,
})

describe.each(testDatabases())('feeds on $name', ({ open }) => {
  let jobs: Jobs
  let metrics: Metrics
  let intel: Intel
  let indexes: Map<string, IndicatorIndex>
  let server: Api
  let drop: () => Promise<void>
  let elsewhere: Server
  let answer: Answer
  let seen: { url: string; headers: IncomingMessage['headers'] }[]

  beforeEach(async () => {
    const opened = await open()
    drop = opened.drop
    await migrate(opened.database, [...jobMigrations, ...intelMigrations], clock)
    indexes = new Map()
    metrics = createMetrics()
    jobs = createJobs({ database: opened.database, clock, log: silent as never, metrics })
    intel = createIntel({
      database: opened.database,
      clock,
      log: silent as never,
      publish: async (change) => {
        const index = indexes.get(change.workspace) ?? new IndicatorIndex()
        indexes.set(change.workspace, index)
        index.change(change)
      },
      jobs,
      listVerdicts: async () => [],
      metrics,
      takeMatchCounts: async () => ({
        lookups: 7,
        matches: { domain: 2 },
        patterns: { indexed: 1, scanned: 0, passedOver: 0 },
      }),
      sealer: {
        seal: async (bytes) => Buffer.from(bytes).reverse(),
        open: async (bytes) => Buffer.from(bytes).reverse(),
      },
      egressAllow: ['127.0.0.1'],
    })
    server = await aServer(
      intel.routes({
        compileFilter,
        requireWorkspace: async () => {},
        workspaces: async () => ['default', 'other'],
        publicUrl: () => '',
      }),
      clock,
    )
    await server.listen({ host: '127.0.0.1', port: 0 })
    await jobs.start()
    seen = []
    answer = (_, response) => response.writeHead(404).end()
    elsewhere = createHttp((request, response) => {
      seen.push({ url: request.url ?? '', headers: request.headers })
      answer(request, response)
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    await jobs.stop()
    await intel.stop()
    await server.close()
    elsewhere.closeAllConnections()
    elsewhere.close()
    await drop()
  })

  const portOf = (listening: { address(): unknown }) => (listening.address() as AddressInfo).port
  const there = (path: string) => `http://127.0.0.1:${portOf(elsewhere)}${path}`
  const put = async (name: string, body: object) => {
    const reply = await server.inject({ method: 'PUT', url: `/v1/workspaces/default/feeds/${name}`, payload: body })
    return { status: reply.statusCode, body: reply.json() }
  }
  const get = async (name: string) => (await server.inject({ url: `/v1/workspaces/default/feeds/${name}` })).json()
  const poll = async (name: string): Promise<Job> => {
    const reply = await server.inject({ method: 'POST', url: `/v1/workspaces/default/feeds/${name}:poll` })
    expect(reply.statusCode).toBe(202)
    return eventually('the poll ends', async () => {
      const job = await jobs.get(account, reply.json().jobId)
      return ['succeeded', 'failed'].includes(job.state) || (job.attempts > 0 && job.error) ? job : undefined
    })
  }
  const json =
    (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
    (_, response) =>
      response.writeHead(status, { ...MEDIA, ...headers }).end(JSON.stringify(body))

  it('reads our own TAXII server page by page, and then only what came since', async () => {
    const send = (objects: object[]) =>
      server.inject({
        method: 'POST',
        url: '/taxii2/other/collections/objects/objects/',
        headers: MEDIA,
        payload: JSON.stringify({ objects }),
      })
    await send([...Array(1200).keys()].map(indicator))
    const url = `http://127.0.0.1:${portOf(server.server)}/taxii2/other/collections/objects/`
    expect(await put('own', { kind: 'taxii', url, enabled: false, confidence: 90 })).toMatchObject({
      status: 200,
      body: { authorized: false },
    })
    expect((await poll('own')).output).toEqual({ created: 1200, updated: 0, refused: 0 })
    expect(metBy(indexes.get('default') ?? new IndicatorIndex(), 'domain', 'a.d1199.example', clock.now())).toEqual([
      'domain d1199.example',
    ])
    await send([indicator(5000)])
    expect((await poll('own')).output).toEqual({ created: 1, updated: 0, refused: 0 })
    expect((await poll('own')).output).toEqual({ created: 0, updated: 0, refused: 0 })
    expect(await get('own')).toMatchObject({ last: { created: 0 } })
  })

  it('is told in the metrics: how many it holds, how it went, how old it is', async () => {
    answer = (_, response) => response.end('evil.example\n10.0.0.1\n198.51.100.0/24\n')
    await put('list', { kind: 'file', url: there('/list.txt'), enabled: true })
    await poll('list')
    answer = (_, response) => response.writeHead(500).end()
    await poll('list')
    const { text } = await metrics.scrape()
    for (const line of [
      'rampart_intel_indicators{type="domain"} 1',
      'rampart_intel_indicators{type="network"} 1',
      'rampart_intel_opinions{source="feed:list"} 2',
      'rampart_intel_indicators_ended 0',
      'rampart_intel_lookups_total 7',
      'rampart_intel_matches_total{type="domain"} 2',
      'rampart_intel_patterns{place="indexed"} 1',
      'rampart_intel_sightings_waiting 0',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    expect(text).toMatch(/rampart_intel_refused_total\{format="text"\} [12]\n/)
    const feed = 'feed="000000000001/default/list"'
    expect(text).toContain(`rampart_intel_feed_polls_total{${feed},outcome="ok"} `)
    expect(text).toContain(`rampart_intel_feed_polls_total{${feed},outcome="intel.feed.wrongAnswer"} `)
    expect(text).toContain(`rampart_intel_feed_age_seconds{${feed}} `)
    expect((await get('list')).last).toMatchObject({ error: { code: 'intel.feed.wrongAnswer' } })
    expect((await get('list')).last.succeededAt).toBeDefined()
  })

  it('is read when it is put, by itself', async () => {
    answer = (_, response) => response.end('evil.example\n')
    await put('list', { kind: 'file', url: there('/list.txt') })
    await eventually('the feed was read', async () => (await get('list')).last?.created === 1, 30_000)
  })

  it('shows what authorises it to its own origin only, and to nobody else', async () => {
    answer = json(200, {})
    expect(
      (await put('secret', { kind: 'taxii', url: there('/c/'), enabled: false, authorization: 'Basic c2VjcmV0' })).body,
    ).toMatchObject({ authorized: true })
    await poll('secret')
    expect(seen.at(-1)?.headers).toMatchObject({
      authorization: 'Basic c2VjcmV0',
      accept: 'application/taxii+json;version=2.1',
    })
    expect(JSON.stringify(await get('secret'))).not.toContain('c2VjcmV0')
    const moved = there('/c/').replace('127.0.0.1', 'localhost')
    expect((await put('secret', { kind: 'taxii', url: moved, enabled: false })).body).toMatchObject({
      authorized: false,
    })
    expect(
      (await put('secret', { kind: 'taxii', url: there('/c/'), enabled: false, authorization: 'a\r\nb: c' })).status,
    ).toBe(422)
  })

  it('waits as long as it is asked to', async () => {
    answer = json(429, {}, { 'retry-after': '7200' })
    await put('busy', { kind: 'taxii', url: there('/c/'), enabled: false, intervalSec: 60 })
    await poll('busy')
    const { nextAt, last } = await get('busy')
    expect(last.error).toMatchObject({ code: 'intel.feed.later' })
    expect(Date.parse(nextAt) - clock.now()).toBeGreaterThan(7_000_000)
  })

  it('reads a MISP feed folder, changed events only', async () => {
    const manifest: Record<string, { timestamp: string }> = {
      [uuid(1)]: { timestamp: '100' },
      [uuid(2)]: { timestamp: '200' },
      '../../secret': { timestamp: '300' },
    }
    answer = (request, response) => {
      const path = request.url ?? ''
      if (path === '/feed/manifest.json') return void response.end(JSON.stringify(manifest))
      const value = path === `/feed/${uuid(1)}.json` ? 'a.example' : 'b.example'
      return void response.end(
        JSON.stringify({
          Event: {
            info: 'x',
            Attribute: [{ type: 'domain', value, to_ids: true, timestamp: String(Math.floor(clock.now() / 1000)) }],
          },
        }),
      )
    }
    await put('misp', { kind: 'misp', url: there('/feed/'), enabled: false })
    expect((await poll('misp')).output).toMatchObject({ created: 2 })
    expect(seen.map(({ url }) => url).filter((url) => url.includes('secret'))).toEqual([])
    seen.length = 0
    manifest[uuid(3)] = { timestamp: '400' }
    await poll('misp')
    expect(seen.map(({ url }) => url)).toEqual([
      '/feed/manifest.json',
      `/feed/${uuid(2)}.json`,
      `/feed/${uuid(3)}.json`,
    ])
  })

  describe('of a MISP', () => {
    const KEY = 'k'.repeat(40)
    const published = 1_772_355_600
    const attribute = (number: number, more: object = {}) => ({
      ...{ uuid: uuid(number), type: 'domain', value: `m${number}.example`, to_ids: true },
      timestamp: String(published),
      ...more,
    })
    const event = (number: number, at: number, ...attributes: object[]) => ({
      Event: { uuid: uuid(number), info: `event ${number}`, publish_timestamp: String(at), Attribute: attributes },
    })
    const bodyOf = async (request: IncomingMessage) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
    }

    it('asks for what was published since, page by page, with its key', async () => {
      const asked: Record<string, unknown>[] = []
      const pages = [
        Array.from({ length: 20 }, (_, at) => event(at, published + at, attribute(at))),
        [event(90, published - 5, attribute(90)), event(91, published + 7, attribute(91, { to_ids: false }))],
      ]
      answer = async (request, response) => {
        expect([request.method, request.url, request.headers.authorization]).toEqual([
          'POST',
          '/misp/events/restSearch',
          KEY,
        ])
        const body = await bodyOf(request)
        asked.push(body)
        response.end(JSON.stringify({ response: pages[Number(body.page) - 1] ?? [] }))
      }
      await put('misp', { kind: 'misp-api', url: there('/misp'), enabled: false, authorization: KEY })
      expect((await poll('misp')).output).toMatchObject({ created: 21 })
      expect(asked).toMatchObject([{ page: 1, published: true, returnFormat: 'json' }, { page: 2 }])
      expect(asked[0]).not.toHaveProperty('publish_timestamp')
      // What is gone there ends here.
      pages.splice(0, 2, [event(3, published + 60, attribute(3, { deleted: true, timestamp: String(published + 60) }))])
      await poll('misp')
      expect(asked[2]).toMatchObject({ publish_timestamp: String(published + 19) })
      expect(JSON.stringify(await get('misp'))).not.toContain(KEY)
      const index = indexes.get('default') ?? new IndicatorIndex()
      const at = published * 1000 + 1000
      expect(metBy(index, 'domain', 'm3.example', at)).toEqual([])
      expect(metBy(index, 'domain', 'm4.example', at)).toEqual(['domain m4.example'])
    })

    it('is told of its attributes that were met, and wrongly met, where it is asked for', async () => {
      const told: { url: string; body: object }[] = []
      answer = async (request, response) => {
        const url = request.url ?? ''
        const body = await bodyOf(request)
        if (url.endsWith('/restSearch')) {
          return void response.end(JSON.stringify({ response: [event(1, published, attribute(1), attribute(2))] }))
        }
        told.push({ url, body })
        response.end('{}')
      }
      const settings = { kind: 'misp-api', url: there('/'), enabled: false, authorization: KEY }
      const place = { account, workspace: 'default' }
      const meet = async (number: number, entity: string, at = clock.now()) => {
        const value = `m${number}.example`
        const { indicators } = await intel.indicators.lookUp(place, value)
        const sighting = { id: `${number}-${entity}`, entity, at, observable: value, recordIds: ['r'] }
        await intel.indicators.recordSightings(place, [{ ...sighting, indicator: indicators[0]?.id ?? '' }])
        return indicators[0]?.id ?? ''
      }
      await put('quiet', settings)
      await poll('quiet')
      await meet(1, 'before-it-was-asked-for')
      await put('loud', { ...settings, pushSightings: true })
      await poll('loud')
      const at = clock.now()
      await meet(1, 'pc-1', at)
      await meet(1, 'pc-1', at)
      const id = await meet(2, 'pc-2', at)
      await intel.indicators.judgeByAlert(place, { alert: 'a1', indicator: id, verdict: 'falsePositive', at })
      await eventually('the MISP was told', async () => told.length >= 3, 60_000)
      const timestamp = Math.floor(at / 1000)
      expect(told.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
        { url: `/sightings/add/${uuid(1)}`, body: { type: '0', source: 'rampart', timestamp } },
        { url: `/sightings/add/${uuid(2)}`, body: { type: '0', source: 'rampart', timestamp } },
        { url: `/sightings/add/${uuid(2)}`, body: { type: '1', source: 'rampart', timestamp: expect.any(Number) } },
      ])
      expect(JSON.stringify(told)).not.toContain('pc-')
      expect(await put('folder', { ...settings, kind: 'misp', pushSightings: true })).toMatchObject({ status: 422 })
    }, 90_000)
  })

  it.each<[string, Answer, string]>([
    [
      'leads elsewhere',
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'intel.feed.wrongAnswer',
    ],
    [
      'never ends',
      (_, response) => response.writeHead(200, MEDIA).end(JSON.stringify({ more: true, next: 'x', objects: [] })),
      'intel.feed.wrongAnswer',
    ],
    ['goes on without saying where', json(200, { more: true, objects: [] }), 'intel.feed.wrongAnswer'],
    ['is no JSON', (_, response) => response.writeHead(200, MEDIA).end('<html>'), 'intel.feed.wrongAnswer'],
    ['is a list', json(200, [1]), 'intel.feed.wrongAnswer'],
    ['breaks off', (_, response) => void response.socket?.destroy(), 'intel.feed.unreachable'],
    ['is too large', (_, response) => void endless(response), 'intel.feed.wrongAnswer'],
  ])('an answer that %s fails the poll, and nothing else', async (_, hostile, code) => {
    answer = hostile
    await put('hostile', { kind: 'taxii', url: there('/c/'), enabled: false })
    await poll('hostile')
    expect((await get('hostile')).last.error.code).toBe(code)
  })

  it.each([
    ['http://10.0.0.1/', 'intel.feed.notAllowed'],
    ['http://169.254.169.254/latest/meta-data/', 'intel.feed.notAllowed'],
    ['http://[::ffff:10.0.0.1]/', 'intel.feed.notAllowed'],
    ['http://not-listed.example/', 'intel.feed.notAllowed'],
  ])('%s is not connected to', async (url, code) => {
    await put('away', { kind: 'file', url, enabled: false })
    await poll('away')
    const { last } = await get('away')
    expect(['intel.feed.notAllowed', 'intel.feed.unreachable']).toContain(last.error.code)
    if (url.includes('10.0.0.1') || url.includes('169.')) expect(last.error.code).toBe(code)
  })

  it.each(['ftp://x.example/', 'http://user:pw@x.example/', 'nonsense'])('%s is no URL of a feed', async (url) => {
    expect(await put('wrong', { kind: 'file', url })).toMatchObject({
      status: 422,
      body: { code: 'intel.feed.invalid' },
    })
  })
})

/** More bytes than anybody takes, until the other side has had enough. */
function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(1024 * 1024, 32)
  const write = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', write)
  }
  write()
}
