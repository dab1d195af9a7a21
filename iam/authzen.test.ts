import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Api,
  createServer,
  type Database,
  migrate,
  openDatabase,
  openSealer,
  systemClock,
} from '../platform/index.ts'
import { sharedData } from '../test/support/requirements.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'
import { iamRoutes } from './routes.ts'

const folder = sharedData('vectors/authzen')
const allow = (Action: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  ...(Condition ? { Condition } : {}),
})
const policy = (...Statement: object[]) => ({ Version: '5.0', Statement })

let dir: string
let database: Database
let iam: Iam
let api: Api
let token: string

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampart-authzen-'))
  database = openDatabase({ file: join(dir, 'rampart.db') })
  await migrate(database, iamMigrations, systemClock)
  iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
  const first = await iam.bootstrap(() => {})
  api = await createServer({
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    clock: systemClock,
    authenticator: iam.authenticator,
    authorizer: iam.authorizer,
    audit: { record: async () => {} },
    routes: [iamRoutes(iam, { compileFilter: () => () => true, publicUrl: () => 'https://pdp.example' })],
  })
  const { accessToken } = await iam.signIn({ userName: 'admin', password: first!.password, sourceIp: '127.0.0.1' })
  token = accessToken
  await put('cert', certification)
})
afterAll(async () => {
  await api.close()
  await iam.close()
  await database.close()
  rmSync(dir, { recursive: true })
})

const call = (method: 'POST' | 'PUT', url: string, payload: unknown, headers: object = {}) =>
  api.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
const post = (path: string, payload: unknown, headers: object = {}) => call('POST', path, payload, headers)
const put = async (app: string, payload: object) => {
  const answer = await call('PUT', `/v1/iam/applications/${app}`, payload)
  expect([answer.statusCode, answer.body]).toEqual([200, answer.body])
}

/** The fixture that the certification scenario demands, as an application. */
const certification = {
  subjectTypes: ['user'],
  resourceTypes: ['record'],
  actions: ['read', 'write', 'delete'],
  entities: [
    { type: 'user', id: 'alice' },
    { type: 'user', id: 'bob', properties: { role: 'admin' } },
    { type: 'record', id: 'record-1', properties: { status: 'active' } },
    { type: 'record', id: 'record-2', properties: { status: 'archived' } },
  ],
  policies: [
    policy(
      allow('cert:record:read', { StringEquals: { 'subject.id': ['alice', 'bob'] } }),
      allow('cert:record:write', {
        StringEquals: { 'subject.id': 'alice' },
        StringNotEquals: { 'resource.status': 'archived' },
      }),
      allow('cert:record:write', { StringEquals: { 'subject.role': 'admin', 'resource.status': 'archived' } }),
      allow('cert:record:delete', { StringEquals: { 'subject.id': 'alice' }, Bool: { 'action.soft': 'true' } }),
    ),
  ],
}

const alice = { type: 'user', id: 'alice' }
const bob = { type: 'user', id: 'bob' }
const admin = { ...bob, properties: { role: 'admin' } }
const record1 = { type: 'record', id: 'record-1' }
const record2 = { type: 'record', id: 'record-2' }
const archived = { ...record2, properties: { status: 'archived' } }
const read = { name: 'read' }
const write = { name: 'write' }
const soft = (value: boolean) => ({ name: 'delete', properties: { soft: value } })
const ask = (subject: unknown, action: unknown, resource: unknown, more: object = {}) => ({
  subject,
  action,
  resource,
  ...more,
})

describe('AuthZEN, certification: Basic', () => {
  const properties = { department: 'Sales', role: 'manager' }
  it.each<[string, object, boolean]>([
    ['2.2.1 permit', ask(alice, read, record1), true],
    ['2.2.2 deny', ask(bob, write, record1), false],
    [
      '2.2.3 context',
      ask(alice, read, record1, { context: { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' } }),
      true,
    ],
    ['2.2.4 resource properties', ask(alice, write, archived), false],
    ['2.2.5 subject properties', ask(admin, write, archived), true],
    ['2.2.6 action properties', ask(alice, soft(true), record1), true],
    ['2.2.7 action properties', ask(alice, soft(false), record1), false],
    ['2.2.8 more properties', ask({ ...alice, properties }, { ...read, properties: { method: 'GET' } }, record1), true],
    ['2.2.9 unknown members', ask(alice, read, record1, { foo: 'bar', futureField: { nested: true } }), true],
  ])('%s', async (_, body, decision) => {
    for (let i = 0; i < 2; i++) {
      const answer = await post('/access/v1/evaluation', body)
      expect([answer.statusCode, answer.json().decision]).toEqual([200, decision])
    }
  })

  it.each<[string, unknown]>([
    ['2.4.1 no subject', { action: read, resource: record1 }],
    ['2.4.1 no action', { subject: alice, resource: record1 }],
    ['2.4.1 no resource', { subject: alice, action: read }],
    ['2.4.2 subject without type', ask({ id: 'alice' }, read, record1)],
    ['2.4.2 subject without id', ask({ type: 'user' }, read, record1)],
    ['2.4.2 action without name', ask(alice, {}, record1)],
    ['2.4.2 resource without type', ask(alice, read, { id: 'record-1' })],
    ['2.4.2 resource without id', ask(alice, read, { type: 'record' })],
    ['2.4.4 malformed JSON', '{"subject":'],
    ['2.4.5 empty body', ''],
    ['2.4.6 subject is a string', ask('alice', read, record1)],
    ['2.4.6 action.name is a number', ask(alice, { name: 123 }, record1)],
    ['a list', []],
    ['properties are a list', ask({ ...alice, properties: [] }, read, record1)],
  ])('%s is 400', async (_, body) => {
    expect((await post('/access/v1/evaluation', body)).statusCode).toBe(400)
  })

  it('2.4.3 another content type is 400', async () => {
    const headers = { 'content-type': 'text/plain' }
    expect((await post('/access/v1/evaluation', ask(alice, read, record1), headers)).statusCode).toBe(400)
  })

  it('2.5 echoes X-Request-ID', async () => {
    const answer = await post('/access/v1/evaluation', ask(alice, read, record1), { 'x-request-id': 'bfe9eb29-ab87' })
    expect(answer.headers['x-request-id']).toBe('bfe9eb29-ab87')
  })

  it('does not let a property stand for the id, nor a request speak without credentials', async () => {
    const forged = ask({ type: 'user', id: 'eve', properties: { id: 'alice' } }, read, record1)
    expect((await post('/access/v1/evaluation', forged)).json().decision).toBe(false)
    const answer = await post('/access/v1/evaluation', ask(alice, read, record1), { authorization: '' })
    expect(answer.statusCode).toBe(401)
  })
})

describe('AuthZEN, certification: Batch', () => {
  const active = { ...record1, properties: { status: 'active' } }
  it.each<[string, object, boolean[]]>([
    ['3.2.2', { subject: bob, resource: record1, evaluations: [{ action: read }, { action: write }] }, [true, false]],
    [
      '3.2.3',
      { subject: alice, action: write, evaluations: [{ resource: active }, { resource: archived }] },
      [true, false],
    ],
    [
      '3.2.4',
      { action: write, resource: archived, evaluations: [{ subject: alice }, { subject: admin }] },
      [false, true],
    ],
    ['3.2.5', { evaluations: [ask(alice, read, record1), ask(bob, write, record1)] }, [true, false]],
    ['3.2.7', { ...ask(alice, write, active), evaluations: [{}, { resource: archived }] }, [true, false]],
    ['3.4.1', { subject: alice, action: read, evaluations: [{ resource: record1 }, {}] }, [true, false]],
    ['an item that is none', { ...ask(alice, read, record1), evaluations: [7, {}] }, [false, true]],
    [
      'deny_on_first_deny',
      {
        subject: alice,
        resource: record1,
        options: { evaluations_semantic: 'deny_on_first_deny' },
        evaluations: [{ action: read }, { action: soft(false) }, { action: read }],
      },
      [true, false],
    ],
    [
      'permit_on_first_permit',
      {
        subject: alice,
        resource: record1,
        options: { evaluations_semantic: 'permit_on_first_permit' },
        evaluations: [{ action: soft(false) }, { action: read }, { action: read }],
      },
      [false, true],
    ],
  ])('%s', async (_, body, decisions) => {
    const answer = await post('/access/v1/evaluations', body)
    expect(answer.statusCode).toBe(200)
    expect(answer.json().evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual(decisions)
  })

  it.each([{}, { evaluations: [] }])('3.4.2, 3.4.3 without evaluations it is a single one: %j', async (more) => {
    const answer = await post('/access/v1/evaluations', { ...ask(alice, read, record1), ...more })
    expect(answer.json()).toMatchObject({ decision: true })
  })

  it('takes a thousand, and not one more', async () => {
    const evaluations = new Array(1000).fill({})
    const many = await post('/access/v1/evaluations', { ...ask(alice, read, record1), evaluations })
    expect(many.json().evaluations).toHaveLength(1000)
    const more = await post('/access/v1/evaluations', {
      ...ask(alice, read, record1),
      evaluations: [...evaluations, {}],
    })
    expect(more.statusCode).toBe(400)
  })
})

describe('AuthZEN, certification: Search and Discovery', () => {
  const search = async (what: string, body: object) => (await post(`/access/v1/search/${what}`, body)).json()
  const context = { context: { time: '2025-06-27T18:03-07:00' } }

  it.each([{}, context, { subject: { type: 'user', id: 'alice' } }])(
    '4.2.1 to 4.2.3 finds subjects: %j',
    async (more) => {
      expect(await search('subject', { ...ask({ type: 'user' }, read, record1), ...more })).toEqual({
        results: [alice, bob],
      })
    },
  )

  it('4.2.4 finds subjects by properties of the resource', async () => {
    expect((await search('subject', ask({ type: 'user' }, write, archived))).results).toEqual([bob])
  })

  it.each([{}, context, { resource: record1 }])('4.3.1 to 4.3.3 finds resources: %j', async (more) => {
    const body = { ...ask(alice, read, { type: 'record' }), ...more }
    expect(await search('resource', body)).toEqual({ results: [record1, record2] })
  })

  it('4.3.4 finds resources by properties of the subject', async () => {
    expect((await search('resource', ask(admin, write, { type: 'record' }))).results).toEqual([record2])
  })

  it('4.4 finds actions', async () => {
    const found = await search('action', { subject: alice, resource: record1, ...context })
    expect(found.results).toEqual([read, write])
    expect((await search('action', { subject: admin, resource: archived })).results).toEqual([read, write])
  })

  it('4.5 pages', async () => {
    const body = ask({ type: 'user' }, read, record1)
    const first = await search('subject', { ...body, page: { limit: 1 } })
    expect(first).toMatchObject({ results: [alice], page: { count: 1, total: 2 } })
    const rest = await search('subject', { ...body, page: { token: first.page.next_token } })
    expect(rest).toMatchObject({ results: [bob], page: { next_token: '' } })
  })

  it('4.6 finds nothing for what is unknown', async () => {
    const nothing = { results: [] }
    const nobody = { type: 'user', id: 'nonexistent-user' }
    expect(await search('action', { subject: nobody, resource: record1 })).toEqual(nothing)
    expect(await search('subject', ask({ type: 'spaceship' }, read, record1))).toEqual(nothing)
    expect(await search('resource', ask(alice, read, { type: 'spaceship' }))).toEqual(nothing)
    expect(await search('resource', ask(nobody, read, { type: 'record' }))).toEqual(nothing)
    expect(await search('subject', ask({ type: 'user' }, read, { type: 'record', id: 'nope' }))).toEqual(nothing)
  })

  it('4.7 refuses what is malformed', async () => {
    expect((await post('/access/v1/search/subject', { action: read, resource: record1 })).statusCode).toBe(400)
    expect((await post('/access/v1/search/action', { subject: alice })).statusCode).toBe(400)
  })

  it('6 says where its endpoints are, for the account and for one application', async () => {
    const answer = (await api.inject('/.well-known/authzen-configuration')).json()
    expect(answer).toMatchObject({
      policy_decision_point: 'https://pdp.example',
      access_evaluation_endpoint: 'https://pdp.example/access/v1/evaluation',
      search_action_endpoint: 'https://pdp.example/access/v1/search/action',
    })
    const ofApp = (await api.inject('/.well-known/authzen-configuration/apps/cert')).json()
    expect(ofApp.access_evaluation_endpoint).toBe('https://pdp.example/apps/cert/access/v1/evaluation')
    const decided = await post('/apps/cert/access/v1/evaluation', ask(alice, read, record1))
    expect(decided.json()).toMatchObject({ decision: true })
  })
})

describe.skipIf(!folder)('AuthZEN, interop decision files (needs ../shared/data/vectors/authzen)', () => {
  const file = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'))
  const pid = (n: number) =>
    Buffer.from(`\n$fd${n}614d3-c39a-4781-b7bd-8b96f5a5100d\u0012\u0005local`, 'latin1')
      .toString('base64')
      .replace(/=+$/, '')
  const people = [
    { email: 'rick@the-citadel.com', roles: ['admin', 'evil_genius'] },
    { email: 'morty@the-citadel.com', roles: ['editor'] },
    { email: 'summer@the-smiths.com', roles: ['editor'] },
    { email: 'beth@the-smiths.com', roles: ['viewer'] },
    { email: 'jerry@the-smiths.com', roles: ['viewer'] },
  ]
  const anyRole = (...roles: string[]) => ({ 'ForAnyValue:StringEquals': { 'subject.roles': roles } })
  const own = { StringEquals: { 'resource.ownerID': '${subject.email}' } }

  async function expectDecisions(app: string, decisions: { request: object; expected: unknown }[]) {
    expect(decisions.length).toBeGreaterThan(0)
    for (const { request, expected } of decisions) {
      const answer = await post(`/apps/${app}/access/v1/evaluation`, request)
      expect([request, answer.json().decision]).toEqual([request, expected])
    }
  }

  it('todo', async () => {
    await put('todo', {
      subjectTypes: ['user'],
      resourceTypes: ['user', 'todo'],
      actions: ['can_read_user', 'can_read_todos', 'can_create_todo', 'can_update_todo', 'can_delete_todo'],
      entities: people.map((properties, index) => ({ type: 'user', id: pid(index), properties })),
      policies: [
        policy(
          allow(['todo:user:can_read_user', 'todo:todo:can_read_todos']),
          allow('todo:todo:can_create_todo', anyRole('admin', 'editor')),
          allow('todo:todo:can_update_todo', anyRole('evil_genius')),
          allow('todo:todo:can_delete_todo', anyRole('admin')),
          allow(['todo:todo:can_update_todo', 'todo:todo:can_delete_todo'], { ...anyRole('editor'), ...own }),
        ),
      ],
    })
    const { evaluation, evaluations } = file('todo-decisions')
    await expectDecisions('todo', evaluation)
    for (const { request, expected } of evaluations) {
      const answer = (await post('/apps/todo/access/v1/evaluations', request)).json()
      expect(answer.evaluations.map(({ decision }: { decision: boolean }) => ({ decision }))).toEqual(expected)
    }
  })

  it('gateway', async () => {
    await put('gateway', {
      subjectTypes: ['identity'],
      resourceTypes: ['route'],
      actions: ['GET', 'POST', 'PUT', 'DELETE'],
      entities: people.map((properties, index) => ({ type: 'identity', id: pid(index), properties })),
      policies: [
        policy(
          allow('gateway:route:GET'),
          allow('gateway:route:POST', anyRole('admin', 'editor')),
          allow('gateway:route:PUT', anyRole('evil_genius', 'editor')),
          allow('gateway:route:DELETE', anyRole('admin', 'editor')),
        ),
      ],
    })
    await expectDecisions('gateway', file('gateway-decisions').evaluation)
  })

  it('search', async () => {
    const manager = { StringEquals: { 'subject.role': 'manager' } }
    const owns = { StringEquals: { 'resource.owner': '${subject.id}' } }
    const sameDepartment = { StringEquals: { 'resource.department': '${subject.department}' } }
    await put('search', {
      subjectTypes: ['user'],
      resourceTypes: ['record'],
      actions: ['view', 'edit', 'delete'],
      entities: [
        ...file('search-users').map(({ id, ...properties }: { id: string }) => ({ type: 'user', id, properties })),
        ...file('search-records').map(({ id, ...properties }: { id: number }) => ({
          type: 'record',
          id: String(id),
          properties,
        })),
      ],
      policies: [
        policy(
          allow(['search:record:view', 'search:record:edit', 'search:record:delete'], owns),
          allow('search:record:view', sameDepartment),
          allow('search:record:view', manager),
          allow('search:record:edit', {
            StringEquals: { 'subject.role': 'manager', 'resource.department': '${subject.department}' },
          }),
        ),
      ],
    })
    for (const what of ['subject', 'resource', 'action']) {
      const decisions = file(`search-${what}`).evaluation
      expect(decisions.length).toBeGreaterThan(0)
      for (const { request, expected } of decisions) {
        const { results } = (await post(`/apps/search/access/v1/search/${what}`, request)).json()
        const sorted = (list: object[]) => list.map((one) => JSON.stringify(one)).sort()
        expect([request, sorted(results)]).toEqual([request, sorted(expected.results)])
      }
    }
  })

  it('lets the words of a request choose among applications, and refuses where they do not', async () => {
    const route = { type: 'route', id: '/todos' }
    const rick = { type: 'identity', id: pid(0) }
    expect((await post('/access/v1/evaluation', ask(rick, { name: 'GET' }, route))).json().decision).toBe(true)
    const someone = ask({ type: 'user', id: 'x' }, { name: 'delete' }, { type: 'record', id: 'y' })
    expect((await post('/access/v1/evaluation', someone)).json()).toMatchObject({
      decision: false,
      context: { reason: expect.stringContaining('more than one application') },
    })
  })
})

describe('AuthZEN about the users and policies of the account', () => {
  const doc = { type: 'doc', id: 'arn:rampart:docs:local:000000000001:doc/1' }
  const ann = { type: 'user', id: 'ann' }
  const statement = (Action: string, Condition: object) => ({ Effect: 'Allow', Action, Resource: doc.id, Condition })
  let pep: string

  beforeAll(async () => {
    const account = iam.accounts()[0]!
    const give = (name: string, document: object) =>
      iam.attachments.putInline(account, { kind: 'user', name }, 'given', JSON.stringify(document))
    await iam.users.create(account, { name: 'ann' })
    await give(
      'ann',
      policy(
        statement('docs:doc:read', { Bool: { 'g:MFAPresent': 'true' } }),
        statement('docs:doc:list', { StringEquals: { 'ctx:region': 'eu' } }),
        statement('docs:doc:print', { StringEquals: { 'ctx:resource.label': 'open', 'ctx:subject.desk': '7' } }),
        statement('docs:doc:tag', { StringEquals: { 'docs:Label': 'a' } }),
        statement('docs:doc:own', { StringEquals: { 'g:UserName': 'ann' } }),
      ),
    )
    const password = 'long-Pass-phrase-7-for-this-test'
    await iam.users.create(account, { name: 'pep', password })
    await give('pep', policy({ Effect: 'Allow', Action: 'iam:pdp:evaluate', Resource: '*' }))
    pep = (await iam.signIn({ userName: 'pep', password, sourceIp: '127.0.0.1' })).accessToken
  })

  const decided = async (who: string, body: object) => {
    const answer = await post('/access/v1/evaluation', body, { authorization: `Bearer ${who}` })
    expect(answer.statusCode).toBe(200)
    return answer.json().decision
  }
  const act = (name: string) => ({ name: `docs:doc:${name}` })

  it.each([
    ['g:MFAPresent', true],
    ['G:mfapresent', true],
    ['aws:MultiFactorAuthPresent', 'true'],
  ])('takes %s only from who may assert it', async (key, value) => {
    const body = ask(ann, act('read'), doc, { context: { [key]: value } })
    expect(await decided(token, body)).toBe(true)
    expect(await decided(pep, body)).toBe(false)
  })

  it('lets nobody be somebody else by properties or context', async () => {
    const stranger = { type: 'user', id: 'pep', properties: { 'g:UserName': 'ann', UserName: 'ann' } }
    expect(await decided(pep, ask(ann, act('own'), doc))).toBe(true)
    expect(await decided(pep, ask(stranger, act('own'), doc, { context: { 'g:UserName': 'ann' } }))).toBe(false)
    expect(await decided(pep, ask(ann, act('own'), doc, { context: { 'g:UserName': 'bob' } }))).toBe(true)
  })

  it('reads context and properties under `ctx:`, and keys of services as they are', async () => {
    expect(await decided(pep, ask(ann, act('list'), doc, { context: { region: 'eu' } }))).toBe(true)
    expect(await decided(pep, ask(ann, act('list'), doc, { context: { region: 'us' } }))).toBe(false)
    const open = { ...doc, properties: { label: 'open' } }
    expect(await decided(pep, ask({ ...ann, properties: { desk: 7 } }, act('print'), open))).toBe(true)
    expect(await decided(pep, ask(ann, act('print'), open))).toBe(false)
    expect(await decided(pep, ask(ann, act('tag'), doc, { context: { 'docs:Label': 'a' } }))).toBe(true)
  })

  it('finds the users who may, a page at a time', async () => {
    const account = iam.accounts()[0]!
    for (const name of ['searched-a', 'searched-b', 'searched-c']) {
      await iam.users.create(account, { name })
      const given = policy({
        Effect: 'Allow',
        Action: 'shelf:doc:find',
        Resource: '*',
        ...(name.endsWith('b') ? { Condition: { StringEquals: { 'ctx:desk': '7' } } } : {}),
      })
      await iam.attachments.putInline(account, { kind: 'user', name }, 'given', JSON.stringify(given))
    }
    const shelf = { type: 'doc', id: 'arn:rampart:shelf:local:000000000001:doc/1' }
    const search = async (more: object) =>
      (
        await post('/access/v1/search/subject', {
          ...ask({ type: 'user' }, { name: 'shelf:doc:find' }, shelf),
          ...more,
        })
      ).json()
    const ids = ({ results }: { results: { id: string }[] }) =>
      results.map(({ id }) => id).filter((id) => id.startsWith('searched-'))
    expect(ids(await search({}))).toEqual(['searched-a', 'searched-c'])
    expect(ids(await search({ context: { desk: 7 } }))).toEqual(['searched-a', 'searched-b', 'searched-c'])
    const found: string[] = []
    let token: string | undefined
    do {
      const answer = await search({ page: { limit: 1, ...(token ? { token } : {}) } })
      found.push(...ids(answer))
      token = answer.page.next_token
    } while (token)
    expect(found).toEqual(['searched-a', 'searched-c'])
    expect(await search({ subject: { type: 'spaceship' } })).toEqual({ results: [] })
  })

  it('says the request id back, its own where there is none or a strange one', async () => {
    const answered = async (id?: string) =>
      (await post('/access/v1/evaluation', ask(ann, act('own'), doc), id === undefined ? {} : { 'x-request-id': id }))
        .headers['x-request-id']
    expect(await answered('bfe9eb29-ab87-4ca3-be83-a1d5d8305716')).toBe('bfe9eb29-ab87-4ca3-be83-a1d5d8305716')
    expect(await answered()).toMatch(/^[0-9a-f-]{36}$/)
    expect(await answered('a b\tc')).toMatch(/^[0-9a-f-]{36}$/)
  })
})
