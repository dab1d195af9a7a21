import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { Type } from 'typebox'
import { afterEach, describe, expect, it } from 'vitest'
import { iamArn, parseAccountId } from '../base/arn.ts'
import { systemClock } from '../base/clock.ts'
import type { AuditEvent, AuthzRequest, Principal } from '../ports.ts'
import type { Api } from './api.ts'
import { httpError } from './errors.ts'
import { contextOf } from './guard.ts'
import { createServer } from './server.ts'

const account = parseAccountId('000000000001')
const ann: Principal = { kind: 'user', account, arn: iamArn(account, 'user', 'ann'), name: 'ann', auth: 'token' }

const THING = { action: 'siem:thing:put', resource: 'arn:rampart:siem:{region}:{account}:thing/{ws}/{id}' }

function thingRoutes(api: Api): void {
  api.route({
    method: 'PUT',
    url: '/v1/workspaces/:ws/things/:id',
    config: { access: THING },
    schema: {
      summary: 'Puts a thing',
      body: Type.Object({ size: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
      response: { 200: Type.Object({ who: Type.String() }) },
    },
    handler: async (request) => ({ who: contextOf(request).principal.arn, hidden: 'never leaves' }),
  })
  api.route({
    method: 'GET',
    url: '/v1/workspaces/:ws/things/:id',
    config: { access: { ...THING, action: 'siem:thing:get' } },
    handler: async () => ({}),
  })
}

interface Harness {
  readonly server: Api
  readonly audited: AuditEvent[]
  readonly asked: AuthzRequest[]
}

let running: Api | undefined
afterEach(() => running?.close())

async function start(
  routes: (api: Api) => void,
  allowed = true,
  trustedProxies: readonly string[] = [],
): Promise<Harness> {
  const audited: AuditEvent[] = []
  const asked: AuthzRequest[] = []
  running = await createServer({
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    clock: systemClock,
    authenticator: {
      authenticate: async (head) => {
        const token = head.headers.find(([name]) => name === 'authorization')?.[1]
        if (token === 'Bearer good') return ann
        if (token === 'signed') {
          return {
            kind: 'bodyBound',
            verify: async (digest) => {
              if (digest === createHash('sha256').update('{"size":2}').digest('hex')) return ann
              throw httpError('platform.http.unauthenticated', 'bad signature')
            },
          }
        }
        throw httpError('platform.http.unauthenticated', 'no credentials')
      },
    },
    authorizer: {
      authorize: async (request) => {
        asked.push(request)
        return { allowed, id: 'd-1', reason: allowed ? 'allow' : 'implicitDeny', determining: [] }
      },
    },
    audit: { record: async (event) => void audited.push(event) },
    trustedProxies,
    routes: [routes],
  })
  return { server: running, audited, asked }
}

const put = (server: Api, body: unknown, authorization = 'Bearer good', url = '/v1/workspaces/w/things/x') =>
  server.inject({
    method: 'PUT',
    url,
    headers: { authorization, 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('the server', () => {
  it('refuses to start with a route that declares no access, and names it', async () => {
    await expect(start((api) => void api.get('/v1/open', async () => ({})))).rejects.toThrow(
      'GET /v1/open declares no access',
    )
  })

  it('refuses to start with a resource that names a parameter its path has not', async () => {
    const routes = (api: Api) =>
      void api.get(
        '/v1/a/:b',
        { config: { access: { action: 'a:b:c', resource: 'arn:rampart:a:{region}:{account}:b/{bb}' } } },
        async () => ({}),
      )
    await expect(start(routes)).rejects.toThrow('names {bb}')
  })

  it('asks for the declared action on the resource of the request', async () => {
    const { server, asked } = await start(thingRoutes)
    expect((await put(server, { size: 1 })).json()).toEqual({ who: ann.arn })
    expect(asked[0]).toMatchObject({
      action: 'siem:thing:put',
      resource: 'arn:rampart:siem:local:000000000001:thing/w/x',
    })
  })

  it.each(['a*', 'a%2Fb', '%2e%2e%2f', 'a%20b', ''])('takes no path parameter %j into a resource name', async (id) => {
    const { server, asked } = await start(thingRoutes)
    expect((await put(server, { size: 1 }, 'Bearer good', `/v1/workspaces/w/things/${id}`)).statusCode).toBe(404)
    expect(asked).toEqual([])
  })

  it('answers 401 with a problem document and audits the refusal', async () => {
    const { server, audited } = await start(thingRoutes)
    const answer = await put(server, { size: 1 }, 'Bearer bad')
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status: 401, code: 'platform.http.unauthenticated' })
    expect(audited).toMatchObject([{ account: 'unknown', outcome: 'refused', status: 401 }])
  })

  it('answers 403 with the decision id and audits the refusal of a read', async () => {
    const { server, audited } = await start(thingRoutes, false)
    const answer = await server.inject({ url: '/v1/workspaces/w/things/x', headers: { authorization: 'Bearer good' } })
    expect(answer.json()).toMatchObject({ status: 403, decisionId: 'd-1' })
    expect(audited).toMatchObject([{ outcome: 'refused', action: 'siem:thing:get', principal: ann.arn }])
  })

  it.each([
    // peer, X-Forwarded-For, trusted, who the client is
    ['192.0.2.9', '198.51.100.7', [], '192.0.2.9'],
    ['10.0.0.1', '198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['10.0.0.1', '127.0.0.1, 198.51.100.7', ['10.0.0.0/8'], '198.51.100.7'],
    ['10.0.0.1', '127.0.0.1, 198.51.100.7, 10.0.0.2', ['10.0.0.0/8'], '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7, 10.9.9.9', ['10.0.0.1'], '10.9.9.9'],
    ['192.0.2.9', '10.0.0.5', ['10.0.0.0/8'], '192.0.2.9'],
    ['10.0.0.1', undefined, ['10.0.0.0/8'], '10.0.0.1'],
  ] as const)(
    'takes the client of a peer %s that forwards %j, with %j trusted, for %s',
    async (remoteAddress, forwarded, trusted, client) => {
      const { server, asked } = await start(thingRoutes, true, trusted)
      await server.inject({
        url: '/v1/workspaces/w/things/x',
        remoteAddress,
        headers: {
          authorization: 'Bearer good',
          'x-forwarded-proto': 'https',
          'user-agent': 'curl/8',
          ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
        },
      })
      const isFromProxy = trusted.length > 0 && remoteAddress === '10.0.0.1'
      expect(Object.fromEntries(asked[0]?.context ?? [])).toMatchObject({
        'g:SourceIp': client,
        'g:SecureTransport': isFromProxy,
        'g:UserAgent': 'curl/8',
      })
    },
  )

  it('audits a change and not a read', async () => {
    const { server, audited } = await start(thingRoutes)
    await server.inject({ url: '/v1/workspaces/w/things/x', headers: { authorization: 'Bearer good' } })
    expect(audited).toEqual([])
    await put(server, { size: 1 })
    expect(audited).toMatchObject([{ outcome: 'success', status: 200 }])
  })

  it('judges a signed body before it reaches the handler', async () => {
    const { server } = await start(thingRoutes)
    expect((await put(server, '{"size":2}', 'signed')).statusCode).toBe(200)
    expect((await put(server, '{"size":3}', 'signed')).statusCode).toBe(401)
  })

  it.each<[string, number, string]>([
    ['{"size":', 400, 'platform.http.malformed'],
    ['{"size":1,"__proto__":{"a":1}}', 400, 'platform.http.malformed'],
    ['{"size":1,"\\u005f_proto__":{"a":1}}', 400, 'platform.http.malformed'],
    ['{"size":"1"}', 422, 'platform.http.invalid'],
    ['{"size":1,"sise":2}', 422, 'platform.http.invalid'],
    [`{"size":1${' '.repeat(1024 * 1024)}}`, 413, 'platform.http.tooLarge'],
  ])('refuses the body %s with %d', async (body, status, code) => {
    const { server } = await start(thingRoutes)
    expect((await put(server, body)).json()).toMatchObject({ status, code })
  })

  it('echoes a request id it was given and makes one otherwise', async () => {
    const { server } = await start(thingRoutes)
    const given = await server.inject({ url: '/v1/nothing', headers: { 'x-request-id': 'abc-1' } })
    expect(given.headers['x-request-id']).toBe('abc-1')
    const forged = await server.inject({ url: '/v1/nothing', headers: { 'x-request-id': 'a\tb' } })
    expect(forged.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('describes each operation with its action and resource', async () => {
    const { server } = await start(thingRoutes)
    const api = (await server.inject('/openapi.json')).json()
    expect(api.openapi).toBe('3.1.0')
    expect(api.paths['/v1/workspaces/{ws}/things/{id}'].put).toMatchObject({
      'x-action': 'siem:thing:put',
      'x-resource': THING.resource,
    })
    expect(api.paths['/openapi.json'].get['x-public']).toBeTruthy()
    expect((await server.inject('/docs')).statusCode).toBeLessThan(400)
  })
})
