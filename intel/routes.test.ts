import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compileFilter } from '../pipeline/index.ts'
import { type Api, type Database, migrate } from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import { createIndicators, type Indicators } from './indicators.ts'
import { IndicatorIndex } from './match/indicator-index.ts'
import { intelMigrations } from './migrations.ts'
import { indicatorRoutes } from './routes.ts'
import { sourceRoutes } from './sources/routes.ts'
import { aClock, account, aServer, DAY_MS, metBy, place, silent } from './testing/builders.ts'

const base = '/v1/workspaces/default/indicators'

describe.each(testDatabases())('indicators over HTTP on $name', ({ open }) => {
  const clock = aClock()
  let database: Database
  let indicators: Indicators
  let index: IndicatorIndex
  let server: Api
  let drop: () => Promise<void>

  beforeEach(async () => {
    const opened = await open()
    database = opened.database
    drop = opened.drop
    clock.at = aClock().at
    await migrate(database, intelMigrations, clock)
    index = new IndicatorIndex()
    indicators = createIndicators({
      database,
      clock,
      log: silent as never,
      publish: async (change) => index.change(change),
    })
    const routes = [
      indicatorRoutes(indicators, { compileFilter, requireWorkspace: async () => {} }),
      sourceRoutes(indicators.sources, { requireWorkspace: async () => {} }),
    ]
    server = await aServer(routes, clock)
  })
  afterEach(async () => {
    await indicators.stop()
    await server.close()
    await drop()
  })

  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object | string) => {
    const answer = await server.inject({
      method,
      url: `${base}${path}`,
      ...(body === undefined
        ? {}
        : {
            payload: body,
            headers: { 'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json' },
          }),
    })
    return {
      status: answer.statusCode,
      body: answer.body === '' ? undefined : answer.json(),
      etag: answer.headers.etag,
    }
  }

  test('one that is put is matched when the answer comes, and no more when it is deleted', async () => {
    const put = await call('POST', '', { value: 'EVIL[.]example', source: 'mine', confidence: 90, labels: ['c2'] })
    expect(put).toMatchObject({
      status: 201,
      body: { type: 'domain', value: 'evil.example', score: 90, active: true, sources: ['mine'], labels: ['c2'] },
    })
    expect(metBy(index, 'domain', 'a.evil.example')).toEqual(['domain evil.example'])
    expect(await call('GET', `/${put.body.id}`)).toEqual({ ...put, status: 200 })
    expect((await call('DELETE', `/${put.body.id}`)).status).toBe(204)
    expect(metBy(index, 'domain', 'a.evil.example')).toEqual([])
    expect(await call('GET', `/${put.body.id}`)).toMatchObject({
      status: 404,
      body: { code: 'intel.indicator.notFound' },
    })
    expect((await call('DELETE', `/${put.body.id}`)).status).toBe(404)
  })

  test('PUT takes the id of the value only', async () => {
    const { body } = await call('POST', '', { value: '8.8.8.8' })
    expect(await call('PUT', `/${body.id}`, { value: '8.8.8.8', confidence: 50 })).toMatchObject({
      status: 200,
      body: { id: body.id, confidence: 50 },
    })
    expect(await call('PUT', `/${body.id}`, { value: '8.8.8.9' })).toMatchObject({
      status: 422,
      body: { code: 'intel.indicator.otherId' },
    })
  })

  test('sources keep opinions of their own, each withdrawn by itself', async () => {
    const { body } = await call('POST', '', { value: 'evil.example', source: 'a', confidence: 40 })
    await call('POST', '', { value: 'evil.example', source: 'b', confidence: 95 })
    expect((await call('GET', `/${body.id}`)).body).toMatchObject({ confidence: 95, sources: ['a', 'b'] })
    expect((await call('DELETE', `/${body.id}?source=b`)).status).toBe(204)
    expect((await call('GET', `/${body.id}`)).body).toMatchObject({ confidence: 40, sources: ['a'] })
    expect(index.lookUp('domain', 'evil.example', clock.at)[0]?.opinions.map(({ source }) => source)).toEqual(['a'])
    expect((await call('DELETE', `/${body.id}?source=b`)).status).toBe(404)
    await call('DELETE', `/${body.id}?source=a`)
    expect((await call('GET', `/${body.id}`)).status).toBe(404)
  })

  test('NDJSON takes what can be taken, and tells the rest', async () => {
    const lines = [
      '{"value":"8.8.8.8"}',
      '',
      '{"value":"10.0.0.1"}',
      'x',
      '{"value":"a@b.example","no":1}',
      '{"value":"e.example","type":"domain"}',
      '{"value":"8.8.8.8"}',
    ]
    const { status, body } = await call('POST', '', lines.join('\n'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ accepted: 3, created: 2, rejectedCount: 3 })
    expect(body.rejected.map(({ index }: { index: number }) => index)).toEqual([1, 2, 3])
    expect(body.rejected[0].message).toContain('private')
    expect((await call('POST', '', lines.join('\n'))).body).toMatchObject({ created: 0, updated: 0, unchanged: 2 })
  })

  test('the list pages and filters', async () => {
    const lines = Array.from({ length: 25 }, (_, number) =>
      JSON.stringify({ value: `d${number}.example`, confidence: 40 + number }),
    )
    await call('POST', '', lines.join('\n'))
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call('GET', `?limit=10${cursor}`)
      seen.push(...body.items.map(({ value }: { value: string }) => value))
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : ''
    } while (cursor)
    expect(new Set(seen).size).toBe(25)
    expect(seen.length).toBe(25)
    const { body } = await call('GET', `?filter=${encodeURIComponent("confidence >= 60 and type = 'domain'")}`)
    expect(body.items.length).toBe(5)
  })

  test('an indicator ends when its source says, and when it has decayed', async () => {
    const until = new Date(clock.at + 1000).toISOString()
    await call('POST', '', { value: 'short.example', validUntil: until })
    await call('POST', '', { value: '9.9.9.9', confidence: 80 })
    expect(metBy(index, 'domain', 'short.example', clock.at + 999)).toEqual(['domain short.example'])
    expect(metBy(index, 'domain', 'short.example', clock.at + 1000)).toEqual([])
    expect(metBy(index, 'ip', '9.9.9.9', clock.at + 11 * DAY_MS)).toEqual(['ip 9.9.9.9'])
    expect(metBy(index, 'ip', '9.9.9.9', clock.at + 12 * DAY_MS)).toEqual([])
    const { body } = await call('GET', ':lookup?value=9.9.9.9')
    expect(body.items[0]).toMatchObject({ active: true, score: 80 })
    clock.at += 12 * DAY_MS
    expect((await call('GET', `/${body.items[0].id}`)).body).toMatchObject({ active: false, score: 0, confidence: 80 })
    const seen = await call('POST', `/${body.items[0].id}/sightings`, { type: 'seen' })
    expect(seen.body).toMatchObject({ active: true, score: 80 })
    expect(metBy(index, 'ip', '9.9.9.9', clock.at)).toEqual(['ip 9.9.9.9'])
    const wrong = await call('POST', `/${body.items[0].id}/sightings`, { type: 'falsePositive' })
    expect(wrong.body).toMatchObject({ confidence: 53, truePositives: 1, falsePositives: 1, active: true })
    const over = await call('POST', `/${body.items[0].id}/sightings`, { type: 'expired' })
    expect(over.body).toMatchObject({ active: false })
    expect(metBy(index, 'ip', '9.9.9.9', clock.at)).toEqual([])
  })

  test('what a source says is worth what it weighs, matched or not, and after a start', async () => {
    const weigh = async (name: string, weight: number) =>
      server.inject({ method: 'PUT', url: `/v1/workspaces/default/indicator-sources/${name}`, payload: { weight } })
    await call('POST', '', { value: 'a.example', source: 'noisy', confidence: 90 })
    await call('POST', '', { value: 'a.example', source: 'good', confidence: 50 })
    await call('POST', '', { value: 'b.example', source: 'noisy', confidence: 90 })
    expect((await weigh('noisy', 50)).json()).toMatchObject({ name: 'noisy', weight: 50, falsePositives: 0 })
    const of = async (value: string) => (await call('GET', `:lookup?value=${value}`)).body.items[0]
    expect(await of('a.example')).toMatchObject({
      confidence: 50,
      opinions: [
        { source: 'good', stated: 50, weight: 100, confidence: 50, score: 50 },
        { source: 'noisy', stated: 90, weight: 50, confidence: 45, score: 45 },
      ],
    })
    expect(index.lookUp('domain', 'b.example', clock.at)[0]?.opinions).toMatchObject([{ confidence: 45 }])
    await weigh('noisy', 20)
    expect(metBy(index, 'domain', 'b.example', clock.at)).toEqual([])
    expect(metBy(index, 'domain', 'a.example', clock.at)).toEqual(['domain a.example'])
    // What comes later weighs as much, and what the source says again is no other word.
    await call('POST', '', { value: 'c.example', source: 'noisy', confidence: 100 })
    expect(metBy(index, 'domain', 'c.example', clock.at)).toEqual([])
    const again = await call('POST', '', '{"value":"c.example","source":"noisy","confidence":100}')
    expect(again.body).toMatchObject({ unchanged: 1 })
    const fresh = new IndicatorIndex()
    const other = createIndicators({
      database,
      clock,
      log: silent as never,
      publish: async (change) => fresh.change(change),
    })
    await other.load(account)
    expect(metBy(fresh, 'domain', 'b.example', clock.at)).toEqual([])
    await weigh('noisy', 100)
    expect(metBy(index, 'domain', 'b.example', clock.at)).toEqual(['domain b.example'])
    expect((await weigh('noisy', 101)).statusCode).toBe(422)
    const list = await server.inject({ url: '/v1/workspaces/default/indicator-sources' })
    expect(list.json().items).toMatchObject([{ name: 'noisy', weight: 100 }])
  })

  test('a value is looked up as an event would meet it', async () => {
    for (const value of ['8.8.8.0/24', '8.8.8.8', 'evil.example', 'http://evil.example/a'])
      await call('POST', '', { value })
    const valuesOf = async (text: string) =>
      (await call('GET', `:lookup?value=${encodeURIComponent(text)}`)).body.items
        .map(({ value }: { value: string }) => value)
        .sort()
    expect(await valuesOf('8.8.8.8')).toEqual(['8.8.8.0/24', '8.8.8.8'])
    expect(await valuesOf('a.b.evil.example')).toEqual(['evil.example'])
    expect(await valuesOf('http://EVIL.example/a#x')).toEqual(['evil.example', 'http://evil.example/a'])
    expect(await valuesOf('good.example')).toEqual([])
    expect((await call('GET', ':lookup?value=%20')).status).toBe(422)
  })

  test('sightings are written once an hour for each entity', async () => {
    const { body } = await call('POST', '', { value: 'evil.example' })
    const sighting = (id: string, entity: string, at: number) => ({
      id,
      indicator: body.id,
      entity,
      at,
      observable: 'evil.example',
      recordIds: ['r'],
    })
    const given = [
      sighting('1', 'web-1', clock.at),
      sighting('2', 'web-1', clock.at + 60_000),
      sighting('3', 'web-2', clock.at),
    ]
    expect(await indicators.recordSightings(place, given)).toBe(2)
    expect(await indicators.recordSightings(place, given)).toBe(0)
    expect(await indicators.recordSightings(place, [sighting('4', 'web-1', clock.at + 3_600_000)])).toBe(1)
    expect((await call('GET', `/${body.id}/sightings`)).body.items.length).toBe(3)
    expect((await call('GET', `/${body.id}`)).body).toMatchObject({ sightings: 3 })
  })

  test('what was kept is matched again after a start, what has expired is not', async () => {
    await call('POST', '', '{"value":"a.example"}\n{"value":"8.8.0.0/16"}\n{"value":"b.example","confidence":31}')
    clock.at += 10 * DAY_MS
    const fresh = new IndicatorIndex()
    const again = createIndicators({
      database,
      clock,
      log: silent as never,
      publish: async (change) => fresh.change(change),
    })
    await again.load(account)
    expect(metBy(fresh, 'domain', 'x.a.example', clock.at)).toEqual(['domain a.example'])
    expect(metBy(fresh, 'ip', '8.8.1.1', clock.at)).toEqual(['network 8.8.0.0/16'])
    expect(metBy(fresh, 'domain', 'b.example', clock.at)).toEqual([])
    expect(fresh.size).toBe(2)
  })
})
