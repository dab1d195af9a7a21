import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  type AuditEvent,
  createServer,
  type Database,
  migrate,
  openDatabase,
  openSealer,
  systemClock,
} from '../platform/index.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'
import { iamRoutes } from './routes.ts'

describe('the API of identities', () => {
  let dir: string
  let database: Database
  let iam: Iam
  let api: Api
  let admin: string
  const audited: AuditEvent[] = []

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-iam-'))
    database = openDatabase({ file: join(dir, 'rampart.db') })
    await migrate(database, iamMigrations, systemClock)
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
    const first = await iam.bootstrap(() => {})
    audited.length = 0
    const compileFilter = (text: string) => (item: object) => JSON.stringify(item).includes(text)
    api = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: iam.authenticator,
      authorizer: iam.authorizer,
      audit: { record: async (event) => void audited.push(event) },
      routes: [iamRoutes(iam, { compileFilter })],
    })
    admin = await signIn('admin', first?.password ?? '')
  })
  afterEach(async () => {
    await api.close()
    await iam.close()
    await database.close()
    rmSync(dir, { recursive: true })
  })

  async function signIn(userName: string, password: string): Promise<string> {
    const answer = await api.inject({ method: 'POST', url: '/v1/iam/tokens', payload: { userName, password } })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    return answer.json().accessToken
  }

  const call = (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object | string,
    token = admin,
  ) =>
    api.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${token}`,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(payload === undefined ? {} : { payload }),
    })

  const made = async (url: string, payload: object) => {
    const answer = await call('POST', url, payload)
    expect([answer.statusCode, answer.body]).toEqual([url.endsWith('attached-policies') ? 204 : 201, answer.body])
    return answer
  }

  it('keeps a user from making to deleting, its secret shown once, everything audited', async () => {
    await made('/v1/iam/users', { name: 'ann', password: 'correct horse 7 battery', tags: { team: 'soc' } })
    expect((await call('GET', '/v1/iam/users/ann')).json()).toMatchObject({
      arn: 'arn:rampart:iam::000000000001:user/ann',
      enabled: true,
      hasPassword: true,
      tags: { team: 'soc' },
    })
    const key = (await made('/v1/iam/users/ann/access-keys', {})).json()
    expect(key.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/)
    expect(key.secretAccessKey).toHaveLength(40)
    const listed = await call('GET', '/v1/iam/users/ann/access-keys')
    expect(listed.json()).toMatchObject({ items: [{ accessKeyId: key.accessKeyId, enabled: true }] })
    expect(listed.body).not.toContain(key.secretAccessKey)
    expect(
      (await call('PATCH', `/v1/iam/users/ann/access-keys/${key.accessKeyId}`, { enabled: false })).statusCode,
    ).toBe(204)
    expect((await call('DELETE', '/v1/iam/users/ann')).statusCode).toBe(204)
    expect((await call('GET', '/v1/iam/users/ann')).json()).toMatchObject({ status: 404, code: 'iam.thing.absent' })
    expect(audited.map((event) => event.action)).toEqual([
      'iam:session:create',
      'iam:user:create',
      'iam:access-key:create',
      'iam:access-key:update',
      'iam:user:delete',
    ])
  })

  it('answers a refused sign-in with 401, and a locked out one with 429 and when to come back', async () => {
    const wrong = () =>
      api.inject({ method: 'POST', url: '/v1/iam/tokens', payload: { userName: 'admin', password: 'wrong' } })
    for (let i = 0; i < 5; i++) expect((await wrong()).statusCode).toBe(401)
    const locked = await wrong()
    expect(locked.statusCode).toBe(429)
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('gives a user what its policies give, from attaching to detaching', async () => {
    await made('/v1/iam/users', { name: 'ann', password: 'correct horse 7 battery' })
    const ann = await signIn('ann', 'correct horse 7 battery')
    const list = () => call('GET', '/v1/iam/users', undefined, ann)
    const refused = (await list()).json()
    expect(refused).toMatchObject({ status: 403, decisionId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    const document = { Version: '5.0', Statement: { Effect: 'Allow', Action: 'iam:user:list' } }
    const policy = (await made('/v1/iam/policies', { name: 'lister', document })).json()
    await made('/v1/iam/users/ann/attached-policies', { policyArn: policy.arn })
    expect((await list()).statusCode).toBe(200)
    const query = new URLSearchParams({ policyArn: policy.arn })
    expect((await call('DELETE', `/v1/iam/users/ann/attached-policies?${query}`)).statusCode).toBe(204)
    expect((await list()).statusCode).toBe(403)
  })

  it('refuses a document with a duplicate member even inside the body, with its place', async () => {
    const body =
      '{"name":"p",\n"document":{"Version":"5.0","Statement":{"Effect":"Deny","Effect":"Allow","Action":"*"}}}'
    const answer = await call('POST', '/v1/iam/policies', body)
    expect(answer.json()).toMatchObject({ status: 400, code: 'iam.policy.malformed', errors: [{ path: '2:58' }] })
    const asText = await call('POST', '/v1/iam/policies', { name: 'p', document: '{"Version":"5.0",}' })
    expect(asText.json()).toMatchObject({ status: 400, errors: [{ path: '1:18' }] })
  })

  it('tells what a policy says that is rarely meant', async () => {
    const document = { Version: '5.0', Statement: { Effect: 'Allow', NotAction: 'iam:*' } }
    const answer = await made('/v1/iam/policies', { name: 'p', document })
    expect(answer.json().lints).toMatchObject([{ code: 'allow-not-action', line: 1 }])
    expect(answer.json().document).toBe(JSON.stringify(document))
  })

  it('pages and filters', async () => {
    for (const name of ['a1', 'a2', 'b1']) await made('/v1/iam/groups', { name })
    const first = (await call('GET', '/v1/iam/groups?limit=2')).json()
    expect(first.items.map((group: { name: string }) => group.name)).toEqual(['a1', 'a2'])
    const rest = (await call('GET', `/v1/iam/groups?limit=2&cursor=${first.nextCursor}`)).json()
    expect(rest).toMatchObject({ items: [{ name: 'b1' }] })
    expect(rest.nextCursor).toBeUndefined()
    const filtered = (await call('GET', `/v1/iam/groups?filter=${encodeURIComponent('"name":"a2"')}`)).json()
    expect(filtered.items).toHaveLength(1)
  })

  it('lets nobody change a role of the platform', async () => {
    expect((await call('GET', '/v1/iam/roles/playbook-runner')).json()).toMatchObject({ builtin: true })
    expect((await call('DELETE', '/v1/iam/roles/playbook-runner')).json()).toMatchObject({ code: 'iam.role.platform' })
  })

  it('decides many requests at once, each alone', async () => {
    await made('/v1/iam/users', { name: 'ann' })
    const document = {
      Version: '5.0',
      Statement: {
        Sid: 'Vip',
        Effect: 'Allow',
        Action: 'shop:order:read',
        Condition: { StringEquals: { 'shop:Tier': 'gold' } },
      },
    }
    await call('PUT', '/v1/iam/users/ann/inline-policies/shop', { document })
    const principal = 'arn:rampart:iam::000000000001:user/ann'
    const ask = { principal, action: 'shop:order:read', resource: 'arn:rampart:shop:local:000000000001:order/1' }
    const answer = await call('POST', '/v1/iam/authorize', {
      requests: [{ ...ask, context: { 'shop:tier': 'gold' } }, ask, { ...ask, principal: `${principal}x` }],
    })
    expect(answer.json().decisions).toMatchObject([
      { decision: 'allow', determining: [`${principal}#shop.Vip`] },
      { decision: 'deny', reason: 'implicitDeny', determining: [] },
      { decision: 'deny', reason: 'implicitDeny', determining: [] },
    ])
  })

  it('explains to who may read policies, and finds who can', async () => {
    await made('/v1/iam/users', { name: 'ann' })
    await made('/v1/iam/users', { name: 'bob' })
    await made('/v1/iam/groups', { name: 'night' })
    await call('PUT', '/v1/iam/groups/night/members/ann')
    const statement = {
      Sid: 'Night',
      Effect: 'Allow',
      Action: 'ecs:server:stop',
      Condition: { Bool: { 'g:MFAPresent': 'true' } },
    }
    await call('PUT', '/v1/iam/groups/night/inline-policies/ops', {
      document: { Version: '5.0', Statement: statement },
    })
    const principal = 'arn:rampart:iam::000000000001:user/ann'
    const about = { action: 'ecs:server:stop', resource: 'arn:rampart:ecs:local:000000000001:server/1' }
    const { decisions } = (
      await call('POST', '/v1/iam/authorize', { requests: [{ principal, ...about }], explain: true })
    ).json()
    const failed = [{ op: 'Bool', key: 'g:MFAPresent', want: ['true'], got: null }]
    expect(decisions[0].explanation).toMatchObject({ suggest: ['step-up: mfa'], layers: [{ nearest: [{ failed }] }] })
    const statements = ['arn:rampart:iam::000000000001:group/night#ops.Night']
    const who = async (more: object = {}) => (await call('POST', '/v1/iam/who-can', { ...about, ...more })).json()
    const admin = { principal: 'arn:rampart:iam::000000000001:user/admin', can: 'now' }
    expect(await who()).toMatchObject({ items: [admin, { principal, can: 'conditionally', statements, if: 'MFA' }] })
    expect(await who({ context: { 'g:MFAPresent': true } })).toMatchObject({
      items: [admin, { principal, can: 'now' }],
    })
    const what = (await call('POST', '/v1/iam/what-can', { principal, limit: 1 })).json()
    expect(what).toMatchObject({ items: [{ action: 'ecs:server:stop', if: 'MFA' }], complete: true })
    const first = await who({ limit: 1 })
    expect(first.items).toMatchObject([admin])
    expect(await who({ cursor: first.nextCursor })).toMatchObject({ items: [{ principal }] })
  })

  it('lets only those who may set keys of the platform', async () => {
    const requests = [{ action: 'a:b:c', resource: '*', context: { 'AWS:MultiFactorAuthPresent': true } }]
    expect((await call('POST', '/v1/iam/authorize', { requests })).statusCode).toBe(200)
    await made('/v1/iam/users', { name: 'ann', password: 'correct horse 7 battery' })
    const document = { Version: '5.0', Statement: { Effect: 'Allow', Action: 'iam:pdp:evaluate' } }
    await call('PUT', '/v1/iam/users/ann/inline-policies/pdp', { document })
    const ann = await signIn('ann', 'correct horse 7 battery')
    const refused = await call('POST', '/v1/iam/authorize', { requests }, ann)
    expect(refused.json()).toMatchObject({ status: 403, code: 'iam.pdp.notAllowed' })
  })

  it('refuse changes that give new access unless they are meant, where the account wants it', async () => {
    await call('POST', '/v1/iam/users', { name: 'ann' })
    const document = { Version: '5.0', Statement: [{ Effect: 'Allow', Action: 'iam:user:attachPolicy' }] }
    const change = {
      kind: 'putInlinePolicy',
      holder: { kind: 'user', name: 'ann' },
      name: 'p',
      document: JSON.stringify(document),
    }
    const row = { action: 'iam:user:attachpolicy', before: { can: 'no' }, escalation: ['iam:user:attachpolicy'] }
    const gains = [{ ...row, principals: ['arn:rampart:iam::000000000001:user/ann'], principalCount: 1 }]
    expect((await call('POST', '/v1/iam/diff', { change })).json()).toMatchObject({ gains, loses: [], complete: true })
    expect((await call('POST', '/v1/iam/diff', {})).json()).toMatchObject({ code: 'iam.analysis.malformed' })
    const files = { before: [], after: [JSON.stringify(document)] }
    expect((await call('POST', '/v1/iam/diff', files)).json()).toMatchObject({ gains: [row] })
    expect((await call('PUT', '/v1/iam/settings', { refuseNewAccess: true })).statusCode).toBe(200)
    expect((await call('GET', '/v1/iam/settings')).json()).toEqual({ refuseNewAccess: true })
    const url = '/v1/iam/users/ann/inline-policies/p'
    const refused = await call('PUT', url, { document })
    expect(refused.statusCode).toBe(409)
    expect(refused.json()).toMatchObject({ code: 'iam.access.isNew', newAccess: [row] })
    const headers = { authorization: `Bearer ${admin}`, 'x-rampart-allow-new-access': 'true' }
    const meant = await api.inject({ method: 'PUT', url, payload: { document }, headers })
    expect(meant.statusCode).toBeLessThan(300)
  })
})
