import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  type AuthzRequest,
  type ContextValue,
  createServer,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
} from '../platform/index.ts'
import { testDatabases } from '../test/support/databases.ts'
import type { IamAuthorizer } from './authorizer.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'
import { canonicalKey, contextKeys } from './policy/context-keys.ts'
import { iamRoutes } from './routes.ts'

const account = parseAccountId('000000000001')
const password = 'long-Pass-phrase-7-for-this-test'

/** Declared, so that policies may be written, and given by nobody yet; a condition on one sees it absent. */
const ABSENT: Readonly<Record<string, string>> = {
  'g:ResourceOwner': 'no resource has an owner beside its account',
  'g:ResourceSensitivity': 'no resource has a security label yet',
  'g:TlsClientCertSubject': 'the API has no listener that asks for client certificates',
  'g:ViaService': 'no service of ours calls another in the name of a user',
  'g:CalledVia': 'no service of ours calls another in the name of a user',
  'g:IncidentId': 'playbooks do not tell for which incident they act',
  'g:ApprovalId': 'playbooks do not tell by which approval they act',
  'g:Referer': 'nothing that is decided here depends on where a browser comes from',
  'g:FederatedProvider': 'seen by trust policies only: see web-identity.test.ts',
}

describe.each(testDatabases())('context keys on $name', ({ open }) => {
  let dir: string
  let opened: Awaited<ReturnType<typeof open>>
  let iam: Iam
  let api: Api
  let now: number
  let asked: AuthzRequest[]
  const clock = { now: () => now }

  beforeEach(async () => {
    now = Date.parse('2026-11-21T12:00:00Z')
    asked = []
    dir = mkdtempSync(join(tmpdir(), 'rampart-keys-'))
    opened = await open()
    await migrate(opened.database, iamMigrations, clock)
    iam = await createIam({ database: opened.database, sealer: openSealer({ dataDir: dir }), clock })
    await iam.bootstrap(() => {})
    api = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock,
      authenticator: iam.authenticator,
      authorizer: {
        authorize: async (request) => {
          asked.push(request)
          return iam.authorizer.authorize(request)
        },
      },
      audit: { record: async () => {} },
      routes: [iamRoutes(iam, { compileFilter: () => () => true })],
    })
    await iam.users.create(account, { name: 'ann', password, tags: { Team: 'soc' } })
    await iam.groups.create(account, 'night')
    await iam.groups.addUser(account, 'night', 'ann')
    now += 60_000
  })
  afterEach(async () => {
    await api.close()
    await iam.close()
    await opened.drop()
    rmSync(dir, { recursive: true })
  })

  /** What a decision about a request sees of a key: by default of ann, who signed in just now. */
  async function seen(
    key: string,
    given: { principal?: Principal; resource?: string; context?: [string, ContextValue][] } = {},
  ): Promise<ContextValue | undefined> {
    const { resource = '*', context = [] } = given
    const principal = given.principal ?? (await caller())
    const request = { principal, action: 'a:b:c', resource, context: new Map(context) }
    const found = (iam.authorizer as IamAuthorizer).caseOf(request)
    return found?.question.keys.get(canonicalKey(key), key)
  }

  async function caller(more: { readonly code?: string } = {}): Promise<Principal> {
    const { accessToken } = await iam.signIn({ userName: 'ann', password, sourceIp: '192.0.2.1', ...more })
    return callerOf(accessToken)
  }
  const callerOf = (accessToken: string) =>
    iam.authenticator.authenticate({
      method: 'GET',
      rawUrl: '/',
      headers: [['authorization', `Bearer ${accessToken}`]],
      sourceIp: '192.0.2.1',
      service: 'rampart',
    }) as Promise<Principal>

  const annId = () => iam.users.get(account, 'ann').id
  const rule = 'arn:rampart:siem:local:000000000001:rule/default/x'
  const ann = `arn:rampart:iam::${account}:user/ann`

  it('of a user who signed in with a password are what is known of it', async () => {
    const principal = await caller()
    const expected = [
      ['g:PrincipalArn', ann],
      ['g:PrincipalType', 'User'],
      ['g:PrincipalAccount', account],
      ['g:DomainId', account],
      ['g:DomainName', 'first'],
      ['g:UserName', 'ann'],
      ['g:PrincipalTag/team', 'soc'],
      ['aws:PrincipalTag/TEAM', 'soc'],
      ['g:PrincipalTag/other', undefined],
      ['g:PrincipalCreatedAt', '2026-11-21T12:00:00.000Z'],
      ['g:TokenIssueTime', '2026-11-21T12:01:00.000Z'],
      ['g:AuthMethod', 'password'],
      ['g:MFAPresent', false],
      ['g:MFAAge', undefined],
      ['g:Groups', ['night']],
      ['g:SourceIdentity', undefined],
      ['g:RoleSessionName', undefined],
      ['g:PrincipalOrgId', undefined],
      ['g:PrincipalOrgPath', undefined],
      ['g:CurrentTime', '2026-11-21T12:01:00.000Z'],
      ['g:EpochTime', 1_795_262_460],
      ['g:DayOfWeek', 'Saturday'],
      ['g:RequestedRegion', 'local'],
      ['g:DeviceId', undefined],
      ['g:DeviceManaged', undefined],
      ['g:DevicePosture', undefined],
    ] as const
    for (const [key, value] of expected) expect(await seen(key, { principal }), key).toEqual(value)
  })

  it('g:PrincipalId and g:UserId are of the user and not of its name', async () => {
    expect([await seen('g:PrincipalId'), await seen('g:UserId')]).toEqual([annId(), annId()])
  })

  it('of a resource are what is known of it', async () => {
    const principal = await caller()
    const expected = [
      ['g:ResourceAccount', rule, account],
      ['g:ResourceArn', rule, rule],
      ['g:ResourceName', rule, 'x'],
      ['g:EnterpriseProjectId', rule, '0'],
      ['g:ResourceOrgId', rule, undefined],
      ['g:ResourceOrgPath', rule, undefined],
      ['g:ResourceTag/team', rule, undefined],
      ['g:ResourceCreatedAt', rule, undefined],
      ['g:ResourceTag/team', ann, 'soc'],
      ['g:ResourceName', ann, 'ann'],
      ['g:ResourceCreatedAt', ann, '2026-11-21T12:00:00.000Z'],
    ] as const
    for (const [key, resource, value] of expected) {
      expect(await seen(key, { principal, resource }), `${key} of ${resource}`).toEqual(value)
    }
  })

  it('device keys are what was registered, of the session that was bound, until it is forgotten', async () => {
    const { accessToken } = await iam.signIn({ userName: 'ann', password, sourceIp: '192.0.2.1', userAgent: 'curl/8' })
    const [session] = await iam.sessions.list(account, 'ann')
    expect(session).toMatchObject({ method: 'password', sourceIp: '192.0.2.1', userAgent: 'curl/8' })
    await iam.sessions.putDevice(account, 'laptop-7', {
      name: 'Laptop',
      managed: true,
      posture: 'compliant',
      userName: 'ann',
    })
    const bind = (device?: string) => iam.sessions.bind(account, { userName: 'ann', id: session!.id }, device)
    await bind('laptop-7')
    const principal = await callerOf(accessToken)
    const keys = ['g:DeviceId', 'g:DeviceManaged', 'g:DevicePosture']
    const all = async (one: Principal) => {
      const values: (ContextValue | undefined)[] = []
      for (const key of keys) values.push(await seen(key, { principal: one }))
      return values
    }
    expect(await all(principal)).toEqual(['laptop-7', true, 'compliant'])
    await iam.sessions.putDevice(account, 'laptop-7', { name: 'Laptop', managed: false, posture: 'x' })
    expect(await all(await callerOf(accessToken))).toEqual(['laptop-7', false, 'x'])
    const other = await createIam({ database: opened.database, sealer: openSealer({ dataDir: dir }), clock })
    expect(
      await other.authenticator.authenticate({
        method: 'GET',
        rawUrl: '/',
        headers: [['authorization', `Bearer ${accessToken}`]],
        sourceIp: '192.0.2.1',
        service: 'rampart',
      }),
    ).toMatchObject({ device: { id: 'laptop-7' } })
    await other.close()
    await iam.sessions.deleteDevice(account, 'laptop-7')
    expect(await all(await callerOf(accessToken))).toEqual([undefined, undefined, undefined])
    await iam.users.create(account, { name: 'bob', password })
    await iam.sessions.putDevice(account, 'phone', { name: 'Phone', managed: true, posture: 'x', userName: 'bob' })
    await expect(bind('phone')).rejects.toMatchObject({ code: 'iam.device.ofOther' })
    await expect(bind('absent')).rejects.toMatchObject({ code: 'iam.thing.absent' })
    await iam.sessions.revoke(account, 'ann', session!.id)
    await expect(callerOf(accessToken)).rejects.toMatchObject({ code: 'iam.token.invalid' })
  })

  it('keys of a session of a role: tags of the session before those of the role, source identity, its own name', async () => {
    await iam.roles.create(account, {
      name: 'r',
      tags: { team: 'other', floor: '0' },
      trust: JSON.stringify({
        Version: '5.0',
        Statement: { Effect: 'Allow', Action: 'sts:*', Principal: { IAM: `arn:rampart:iam::${account}:user/ann` } },
      }),
    })
    const principal: Principal = {
      ...iam.principalOfRole(account, 'r'),
      arn: `arn:rampart:sts::${account}:assumed-role/r/s1` as Principal['arn'],
      auth: 'token',
      sessionTags: { Team: 'soc' },
      sourceIdentity: 'tess',
    }
    expect(await seen('g:PrincipalTag/team', { principal })).toBe('soc')
    expect(await seen('g:PrincipalTag/floor', { principal })).toBe('0')
    expect(await seen('g:SourceIdentity', { principal })).toBe('tess')
    expect(await seen('g:RoleSessionName', { principal })).toBe('s1')
    expect(await seen('g:UserName', { principal })).toBeUndefined()
  })

  it('g:SourceIp, g:SecureTransport and g:UserAgent are of the request, g:RequestTag and g:TagKeys of its body', async () => {
    const context: [string, ContextValue][] = [
      ['g:SourceIp', '192.0.2.1'],
      ['g:SecureTransport', false],
      ['g:UserAgent', 'curl/8'],
    ]
    for (const [key, value] of context) expect(await seen(key, { context })).toBe(value)
    const document = {
      Version: '5.0',
      Statement: {
        Effect: 'Allow',
        Action: ['iam:user:create', 'iam:user:tag'],
        Resource: '*',
        Condition: {
          StringEquals: { 'aws:RequestTag/team': 'soc' },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'floor'] },
        },
      },
    }
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'tagger', JSON.stringify(document))
    const { accessToken } = await iam.signIn({ userName: 'ann', password, sourceIp: '192.0.2.1' })
    const call = async (method: 'POST' | 'PUT', url: string, payload: object) =>
      (await api.inject({ method, url, payload, headers: { authorization: `Bearer ${accessToken}` } })).statusCode
    expect(await call('POST', '/v1/iam/users', { name: 'u1', tags: { team: 'soc' } })).toBe(201)
    expect(await call('POST', '/v1/iam/users', { name: 'u2', tags: { team: 'other' } })).toBe(403)
    expect(await call('POST', '/v1/iam/users', { name: 'u2' })).toBe(403)
    expect(await call('PUT', '/v1/iam/users/u1/tags', { tags: { team: 'soc', floor: '3' } })).toBe(200)
    expect(await call('PUT', '/v1/iam/users/u1/tags', { tags: { team: 'soc', admin: '1' } })).toBe(403)
    expect(await call('PUT', '/v1/iam/users/u1/tags', { tags: [] })).toBe(403)
    const last = asked.findLast(({ action }) => action === 'iam:user:create')
    expect(last?.context?.has('g:TagKeys')).toBe(false)
  })

  it('nothing that a request says of itself stands in for what the platform knows', async () => {
    const claimed: [string, ContextValue][] = [
      ['g:MFAPresent', true],
      ['aws:MultiFactorAuthPresent', true],
      ['g:UserName', 'root'],
      ['g:PrincipalTag/team', 'admin'],
      ['g:AuthMethod', 'webauthn'],
      ['g:DeviceManaged', true],
      ['g:CurrentTime', '2030-01-01T00:00:00Z'],
    ]
    expect(await seen('g:MFAPresent', { context: claimed })).toBe(false)
    expect(await seen('g:UserName', { context: claimed })).toBe('ann')
    expect(await seen('g:PrincipalTag/team', { context: claimed })).toBe('soc')
    expect(await seen('g:AuthMethod', { context: claimed })).toBe('password')
    expect(await seen('g:DeviceManaged', { context: claimed })).toBeUndefined()
    expect(await seen('g:CurrentTime', { context: claimed })).toBe('2026-11-21T12:01:00.000Z')
  })
})

it('every declared key has a source that is tested here or beside it, or is named as absent', () => {
  const tested = [
    'g:PrincipalArn',
    'g:PrincipalId',
    'g:PrincipalType',
    'g:PrincipalAccount',
    'g:PrincipalOrgId',
    'g:PrincipalOrgPath',
    'g:PrincipalCreatedAt',
    'g:PrincipalTag/',
    'g:UserName',
    'g:UserId',
    'g:DomainName',
    'g:Groups',
    'g:MFAPresent',
    'g:MFAAge',
    'g:AuthMethod',
    'g:TokenIssueTime',
    'g:SourceIdentity',
    'g:RoleSessionName',
    'g:ResourceTag/',
    'g:ResourceArn',
    'g:ResourceAccount',
    'g:ResourceOrgId',
    'g:ResourceOrgPath',
    'g:ResourceCreatedAt',
    'g:ResourceName',
    'g:EnterpriseProjectId',
    'g:SourceIp',
    'g:CurrentTime',
    'g:EpochTime',
    'g:TimeOfDay',
    'g:DayOfWeek',
    'g:SecureTransport',
    'g:DeviceId',
    'g:DeviceManaged',
    'g:DevicePosture',
    'g:RequestedRegion',
    'g:UserAgent',
    'g:RequestTag/',
    'g:TagKeys',
  ]
  const declared = contextKeys.map(({ name }) => name).filter((name) => name.startsWith('g:'))
  expect([...tested, ...Object.keys(ABSENT)].sort()).toEqual(declared.sort())
})
