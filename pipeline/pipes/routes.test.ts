import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, createServer, iamArn, migrate, type Principal, parseAccountId } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { pipeMigrations } from './migrations.ts'
import { createPipes } from './pipes.ts'
import { pipeRoutes } from './routes.ts'

const account = parseAccountId('000000000001')
const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }
const clock = { now: () => 1_767_225_600_000 }

describe('the API of pipes', () => {
  let server: Api
  let drop: () => Promise<void>
  let asked: string[]

  beforeEach(async () => {
    const opened = await testDatabases()[0]!.open()
    drop = opened.drop
    asked = []
    await migrate(opened.database, pipeMigrations, clock)
    const pipes = createPipes({
      database: opened.database,
      clock,
      declare: async () => {},
      dropEvents: async () => {},
    })
    await pipes.ensureAccount(account)
    server = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock,
      authenticator: { authenticate: async () => ann },
      authorizer: {
        authorize: async ({ action, resource }) => {
          asked.push(`${action} ${resource}`)
          return { allowed: true, id: 'd', reason: 'allow', determining: [] }
        },
      },
      audit: { record: async () => {} },
      routes: [pipeRoutes(pipes)],
    })
  })
  afterEach(async () => {
    await server.close()
    await drop()
  })

  const pipes = '/v1/workspaces/default/dataspaces/default/pipes'
  const put = (url: string, payload?: object, headers = {}) =>
    server.inject({ method: 'PUT', url, headers, ...(payload ? { payload } : {}) })

  it('makes, shows, lists and removes a pipe', async () => {
    const made = await put(`${pipes}/dns`, { fields: { latency: 'double' }, retentionDays: 30 })
    expect(made.statusCode).toBe(200)
    expect(made.headers.etag).toBe('"1"')
    const pipe = {
      name: 'dns',
      workspace: 'default',
      dataspace: 'default',
      fields: { latency: 'double' },
      retentionDays: 30,
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
    }
    expect(made.json()).toEqual(pipe)
    expect((await server.inject(`${pipes}/dns`)).json()).toEqual(pipe)
    const { items } = (await server.inject(pipes)).json()
    expect(items.map((item: { name: string }) => item.name)).toEqual(['audit', 'dns', 'logs'])
    expect((await put(`${pipes}/dns`, {}, { 'if-match': '"2"' })).statusCode).toBe(412)
    expect((await server.inject({ method: 'DELETE', url: `${pipes}/dns` })).statusCode).toBe(204)
    expect((await server.inject(`${pipes}/dns`)).json()).toMatchObject({ status: 404, code: 'pipeline.pipe.notFound' })
    expect(new Set(asked)).toEqual(
      new Set([
        'siem:pipe:put arn:rampart:siem:local:000000000001:pipe/default/default/dns',
        'siem:pipe:get arn:rampart:siem:local:000000000001:pipe/default/default/dns',
        'siem:pipe:list arn:rampart:siem:local:000000000001:dataspace/default/default',
        'siem:pipe:delete arn:rampart:siem:local:000000000001:pipe/default/default/dns',
      ]),
    )
  })

  it('makes a pipe of nothing but its name', async () => {
    expect((await put(`${pipes}/bare`)).json()).toMatchObject({ name: 'bare', fields: {} })
  })

  it('makes workspaces and dataspaces, more than once if asked', async () => {
    for (let time = 0; time < 2; time++) {
      expect((await put('/v1/workspaces/blue')).json()).toEqual({ name: 'blue' })
      expect((await put('/v1/workspaces/blue/dataspaces/eu')).json()).toEqual({ name: 'eu' })
    }
    expect((await put('/v1/workspaces/blue/dataspaces/eu/pipes/dns')).statusCode).toBe(200)
    expect((await server.inject('/v1/workspaces')).json().items).toEqual([{ name: 'blue' }, { name: 'default' }])
    expect((await server.inject('/v1/workspaces/blue/dataspaces')).json().items).toEqual([{ name: 'eu' }])
  })

  it('lists what a filter lets through', async () => {
    for (const name of ['web-1', 'web-2', 'dns']) await put(`${pipes}/${name}`, { retentionDays: name.length })
    const filtered = async (url: string) => (await server.inject(url)).json()
    const web = encodeURIComponent("name like 'web%'")
    const first = await filtered(`${pipes}?limit=1&filter=${web}`)
    const second = await filtered(`${pipes}?limit=1&filter=${web}&cursor=${first.nextCursor}`)
    expect([...first.items, ...second.items].map((pipe) => pipe.name)).toEqual(['web-1', 'web-2'])
    expect(second).not.toHaveProperty('nextCursor')
    expect((await filtered(`${pipes}?filter=retentionDays<5`)).items).toMatchObject([{ name: 'dns' }])
    expect((await filtered("/v1/workspaces?filter=name='blue'")).items).toEqual([])
    expect(await filtered(`${pipes}?filter=name%20%3D`)).toMatchObject({ status: 422 })
  })

  it.each([
    ['a type there is not', `${pipes}/x`, { fields: { a: 'varchar' } }, 422],
    ['a member there is not', `${pipes}/x`, { feilds: {} }, 422],
    ['no days at all', `${pipes}/x`, { retentionDays: 0 }, 422],
    ['a name in capitals', `${pipes}/Dns`, {}, 400],
    ['a name with a dot', `${pipes}/a.b`, {}, 400],
    ['a name that is too long', `${pipes}/${'a'.repeat(65)}`, {}, 400],
    ['a workspace there is not', '/v1/workspaces/red/dataspaces/default/pipes/x', {}, 404],
    ['fields of the audit pipe', `${pipes}/audit`, { fields: { a: 'string' } }, 409],
  ])('refuses %s', async (_, url, body, status) => {
    expect((await put(url, body)).statusCode).toBe(status)
  })

  it('does not remove the audit pipe', async () => {
    const answer = await server.inject({ method: 'DELETE', url: `${pipes}/audit` })
    expect(answer.json()).toMatchObject({ status: 409, code: 'pipeline.pipe.reserved' })
  })
})
