import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Api, type Database, migrate } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { IndicatorIndex } from '../match/indicator-index.ts'
import { intelMigrations } from '../migrations.ts'
import { aClock, account, aLive, aMatchSet, aServer, metBy, place } from '../testing/builders.ts'
import { createAllowLists } from './allow-lists.ts'
import { allowRoutes } from './routes.ts'
import { createAllowStore } from './store.ts'

describe.each(testDatabases())('allow-lists on $name', ({ open }) => {
  const clock = aClock()
  let database: Database
  let index: IndicatorIndex
  let server: Api
  let drop: () => Promise<void>
  const listsInto = (target: () => IndicatorIndex) =>
    createAllowLists({ store: createAllowStore(database), clock, publish: async (change) => target().change(change) })

  beforeEach(async () => {
    const opened = await open()
    database = opened.database
    drop = opened.drop
    await migrate(database, intelMigrations, clock)
    index = new IndicatorIndex()
    index.change({
      kind: 'set',
      ...place,
      set: aMatchSet([
        aLive('network', '8.8.0.0/16'),
        aLive('domain', 'example.com'),
        aLive('url', 'http://cdn.example.com/x'),
      ]),
      patterns: [],
      upTo: 0,
    })
    server = await aServer(
      [
        allowRoutes(
          listsInto(() => index),
          { requireWorkspace: async () => {} },
        ),
      ],
      clock,
    )
  })
  afterEach(async () => {
    await server.close()
    await drop()
  })
  const put = (body: object) =>
    server.inject({ method: 'PUT', url: '/v1/workspaces/default/allow-lists/own', payload: body })

  test('what they hold meets no indicator, from the answer on and after a start', async () => {
    const answer = await put({ name: 'CDNs', type: 'hostname', list: ['.cdn.example.com', '8.8.8.0/24'] })
    expect(answer.json()).toMatchObject({ name: 'own', valueCount: 2 })
    const fresh = new IndicatorIndex()
    fresh.change({ kind: 'set', ...place, set: aMatchSet([aLive('network', '8.8.0.0/16')]), patterns: [], upTo: 0 })
    await listsInto(() => fresh).load(account)
    expect(metBy(fresh, 'ip', '8.8.8.8')).toEqual([])
    expect(metBy(index, 'ip', '8.8.8.8')).toEqual([])
    expect(metBy(index, 'ip', '8.8.9.9')).toEqual(['network 8.8.0.0/16'])
    expect(metBy(index, 'domain', 'a.cdn.example.com')).toEqual([])
    expect(metBy(index, 'url', 'http://cdn.example.com/x')).toEqual([])
    expect(metBy(index, 'domain', 'www.example.com')).toEqual(['domain example.com'])
    const gone = await server.inject({ method: 'DELETE', url: '/v1/workspaces/default/allow-lists/own' })
    expect(gone.statusCode).toBe(204)
    expect(metBy(index, 'ip', '8.8.8.8')).toEqual(['network 8.8.0.0/16'])
    expect((await server.inject({ method: 'DELETE', url: '/v1/workspaces/default/allow-lists/own' })).statusCode).toBe(
      404,
    )
  })

  test('what is no value is refused by its place', async () => {
    const answer = await put({ list: ['8.8.8.8', '.*'] })
    expect(answer.json()).toMatchObject({ status: 422, code: 'intel.allow.refused' })
    expect(answer.json().detail).toContain('value 1')
  })
})
