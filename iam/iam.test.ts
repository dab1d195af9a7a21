import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type AuthzRequest,
  type Database,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  type RequestHead,
  systemClock,
} from '../platform/index.ts'
import { type TestDatabase, testDatabases } from '../test/support/databases.ts'
import { type BootstrapResult, createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'

const account = parseAccountId('000000000001')
const emptyHash = createHash('sha256').update('').digest('hex')
const administrator = 'arn:rampart:iam::rampart:policy/Administrator'
const thing = 'arn:rampart:siem:local:000000000001:rule/default/x'

class TestClock {
  at = Date.parse('2026-11-21T12:00:00Z')
  now(): number {
    return this.at
  }
}

function head(authorization: string | undefined, more: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    rawUrl: '/v1/iam/users',
    headers: [['host', 'localhost:8080'], ...(authorization ? [['authorization', authorization] as const] : [])],
    sourceIp: '127.0.0.1',
    service: 'rampart',
    ...more,
  }
}

/** Signs as a client does, written out again so that a mistake on our side is not made twice. */
function sign(clock: TestClock, key: { id: string; secret: string }, more: Partial<RequestHead> = {}): RequestHead {
  const stamp = new Date(clock.at).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${stamp.slice(0, 8)}/local/rampart/aws4_request`
  const canonical = `GET\n/v1/iam/users\n\nhost:localhost:8080\nx-amz-date:${stamp}\n\nhost;x-amz-date\n${emptyHash}`
  const text = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
  const derived = scope
    .split('/')
    .reduce<Buffer | string>((k, part) => createHmac('sha256', k).update(part).digest(), `AWS4${key.secret}`)
  const signature = createHmac('sha256', derived).update(text).digest('hex')
  return head(undefined, {
    headers: [
      ['host', 'localhost:8080'],
      ['x-amz-date', stamp],
      [
        'authorization',
        `AWS4-HMAC-SHA256 Credential=${key.id}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
      ],
    ],
    ...more,
  })
}

describe.each(testDatabases())('identities on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let clock: TestClock
  let iam: Iam
  let first: BootstrapResult
  let published: BootstrapResult | undefined

  const open = () => createIam({ database, sealer: openSealer({ dataDir: dir }), clock })

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-iam-'))
    clock = new TestClock()
    await migrate(database, iamMigrations, systemClock)
    iam = await open()
    first = (await iam.bootstrap((told) => {
      published = told
    }))!
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const token = async (userName = 'admin', password = first.password) =>
    (await iam.signIn({ userName, password, sourceIp: '10.0.0.1' })).accessToken
  const caller = async (request: RequestHead): Promise<Principal> => {
    const found = await iam.authenticator.authenticate(request)
    return 'verify' in found ? found.verify(emptyHash) : found
  }
  const may = async (principal: Principal, action: string, more: Partial<AuthzRequest> = {}) =>
    (await iam.authorizer.authorize({ principal, action, resource: thing, ...more })).reason

  it('makes the first account once', async () => {
    expect(first).toMatchObject({ accountId: account, userName: 'admin' })
    expect(published).toEqual(first)
    expect(await iam.bootstrap(() => {})).toBeUndefined()
    expect(await (await open()).bootstrap(() => {})).toBeUndefined()
  })

  it('signs in, and knows the caller by its token also after a restart', async () => {
    const bearer = head(`Bearer ${await token()}`)
    const expected = { kind: 'user', account, name: 'admin', auth: 'token', mfa: false, authenticatedAt: clock.at }
    expect(await caller(bearer)).toMatchObject(expected)
    iam = await open()
    expect(await caller(bearer)).toMatchObject(expected)
  })

  it('refuses a token after its hour, an altered one and one of another key', async () => {
    const accessToken = await token()
    const [header, payload, signature = ''] = accessToken.split('.')
    const altered = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
    for (const bad of [altered, none, 'x', `${accessToken}.x`]) {
      await expect(caller(head(`Bearer ${bad}`))).rejects.toMatchObject({ code: 'iam.token.invalid', status: 401 })
    }
    await caller(head(`Bearer ${accessToken}`))
    clock.at += 3_600_000
    await expect(caller(head(`Bearer ${accessToken}`))).rejects.toMatchObject({ code: 'iam.token.invalid' })
  })

  it.each<[string, (iam: Iam) => Promise<unknown>]>([
    ['the user is disabled', (iam) => iam.users.update(account, 'ann', { enabled: false })],
    ['the password changes', (iam) => iam.users.update(account, 'ann', { password: 'another good one 9' })],
    ['the user is deleted', (iam) => iam.users.delete(account, 'ann')],
    ['its sessions are revoked', (iam) => iam.users.revokeSessions(account, 'ann')],
    [
      'the user is deleted and another made under the name',
      async (iam) => {
        await iam.users.delete(account, 'ann')
        await iam.users.create(account, { name: 'ann' })
      },
    ],
  ])('ends a session at the next request when %s', async (_, end) => {
    await iam.users.create(account, { name: 'ann', password: 'correct horse 7 battery' })
    const bearer = head(`Bearer ${await token('ann', 'correct horse 7 battery')}`)
    expect(await caller(bearer)).toMatchObject({ name: 'ann' })
    await end(iam)
    await expect(caller(bearer)).rejects.toMatchObject({ code: 'iam.token.invalid' })
  })

  it('gives a wrong password, an unknown user and a disabled one the same answer', async () => {
    await iam.users.create(account, { name: 'ann', password: 'correct horse 7 battery' })
    await iam.users.update(account, 'ann', { enabled: false })
    const answers = await Promise.all(
      [
        { userName: 'admin', password: 'wrong' },
        { userName: 'nobody', password: 'wrong' },
        { userName: 'ann', password: 'correct horse 7 battery' },
        { userName: 'admin', password: first.password, accountId: '000000000009' },
        { userName: 'admin', password: first.password, accountId: 'x' },
      ].map((input) =>
        iam.signIn({ ...input, sourceIp: '10.0.0.1' }).catch(({ code, message }) => `${code} ${message}`),
      ),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('iam.signIn.failed')
  })

  it('locks a pair of user and address out after five failures, others not, and lets it in again later', async () => {
    const wrong = (sourceIp: string) => iam.signIn({ userName: 'admin', password: 'wrong', sourceIp })
    for (let i = 0; i < 5; i++) await expect(wrong('10.0.0.9')).rejects.toMatchObject({ code: 'iam.signIn.failed' })
    const right = (sourceIp: string) => iam.signIn({ userName: 'admin', password: first.password, sourceIp })
    await expect(right('10.0.0.9')).rejects.toMatchObject({ code: 'iam.signIn.lockedOut', status: 429 })
    await right('10.0.0.10')
    clock.at += 15 * 60_000
    await right('10.0.0.9')
  })

  it('lets in many at once who are right, and counts guesses sent at once one by one', async () => {
    const at = (password: string, sourceIp: string) => () => iam.signIn({ userName: 'admin', password, sourceIp })
    const right = await Promise.all(new Array(8).fill(at(first.password, '10.0.0.7')).map((go) => go()))
    expect(right).toHaveLength(8)
    const wrong = await Promise.allSettled(new Array(12).fill(at('wrong', '10.0.0.8')).map((go) => go()))
    const codes = wrong.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'in'))
    expect(codes.filter((code) => code === 'iam.signIn.failed')).toHaveLength(5)
    expect(codes.filter((code) => code === 'iam.signIn.lockedOut')).toHaveLength(7)
  })

  it('knows the caller by a signature, whose key can be disabled and deleted', async () => {
    const key = { id: first.accessKeyId, secret: first.secretAccessKey }
    expect(await caller(sign(clock, key))).toMatchObject({ name: 'admin', auth: 'accessKey', accessKeyId: key.id })
    await iam.accessKeys.setEnabled(account, 'admin', key.id, false)
    await expect(caller(sign(clock, key))).rejects.toMatchObject({ code: 'iam.signature.invalid' })
    await iam.accessKeys.setEnabled(account, 'admin', key.id, true)
    await caller(sign(clock, key))
    await iam.accessKeys.delete(account, 'admin', key.id)
    await expect(caller(sign(clock, key))).rejects.toMatchObject({ code: 'iam.signature.invalid' })
  })

  it('refuses signatures that are late, for another service, with an unsigned header, or of a changed body', async () => {
    const key = { id: first.accessKeyId, secret: first.secretAccessKey }
    const signed = sign(clock, key)
    const refusal = (request: RequestHead) => caller(request).catch((error) => error.code)
    expect(await refusal({ ...signed, service: 'kms' })).toBe('iam.signature.scope')
    expect(await refusal({ ...signed, headers: [...signed.headers, ['x-amz-meta', 'a']] })).toBe(
      'iam.signature.unsignedHeader',
    )
    expect(await refusal({ ...signed, headers: [...signed.headers, ['host', 'other']] })).toBe(
      'iam.signature.malformed',
    )
    expect(await refusal({ ...signed, method: 'DELETE' })).toBe('iam.signature.invalid')
    expect(await refusal(sign(clock, { ...key, secret: 'wrong' }))).toBe('iam.signature.invalid')
    expect(await refusal(sign(clock, { ...key, id: 'AKIAAAAAAAAAAAAAAAAA' }))).toBe('iam.signature.invalid')
    const bound = await iam.authenticator.authenticate(signed)
    const otherBody = createHash('sha256').update('x').digest('hex')
    if (!('verify' in bound)) throw new Error('a signed request is judged with its body')
    await expect(bound.verify(otherBody)).rejects.toMatchObject({ code: 'iam.signature.invalid' })
    clock.at += 5 * 60_000 + 1000
    expect(await refusal(signed)).toBe('iam.signature.expired')
  })

  it('allows two access keys a user, also when three are asked for at once', async () => {
    await iam.users.create(account, { name: 'ann' })
    const made = await Promise.allSettled([1, 2, 3].map(() => iam.accessKeys.create(account, 'ann')))
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    expect(made.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'iam.limit.reached' } })
  })

  it('decides by what a user and its groups hold, deny winning', async () => {
    await iam.users.create(account, { name: 'ann', password: 'correct horse 7 battery' })
    const ann = await caller(head(`Bearer ${await token('ann', 'correct horse 7 battery')}`))
    expect(await may(ann, 'siem:rule:put')).toBe('implicitDeny')
    await iam.groups.create(account, 'authors')
    await iam.groups.addUser(account, 'authors', 'ann')
    await iam.attachments.attach(account, { kind: 'group', name: 'authors' }, administrator)
    expect(await may(ann, 'siem:rule:put')).toBe('allow')
    expect(await may(ann, 'kms:cmk:decrypt')).toBe('implicitDeny')
    expect(await may(ann, 'siem:rule:put', { resource: thing.replace('000000000001', '000000000002') })).toBe(
      'implicitDeny',
    )
    const deny = '{"Version":"5.0","Statement":{"Sid":"No","Effect":"Deny","Action":"siem:rule:*"}}'
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'no-rules', deny)
    expect(await iam.authorizer.authorize({ principal: ann, action: 'SIEM:Rule:Put', resource: thing })).toMatchObject({
      allowed: false,
      reason: 'explicitDeny',
      determining: ['arn:rampart:iam::000000000001:user/ann#no-rules.No'],
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    await iam.attachments.deleteInline(account, { kind: 'user', name: 'ann' }, 'no-rules')
    await iam.groups.removeUser(account, 'authors', 'ann')
    expect(await may(ann, 'siem:rule:put')).toBe('implicitDeny')
  })

  it('denies what is asked about a user who is disabled, whoever asks', async () => {
    await iam.users.create(account, { name: 'ann' })
    await iam.attachments.attach(account, { kind: 'user', name: 'ann' }, administrator)
    const ann = iam.findPrincipal(account, 'arn:rampart:iam::000000000001:user/ann') as Principal
    const asked = () => iam.decide({ principal: ann, action: 'siem:rule:put', resource: thing }).reason
    expect(asked()).toBe('allow')
    await iam.users.update(account, 'ann', { enabled: false })
    expect([asked(), await may(ann, 'siem:rule:put')]).toEqual(['implicitDeny', 'implicitDeny'])
    await iam.users.update(account, 'ann', { enabled: true })
    expect(asked()).toBe('allow')
  })

  it('narrows a role by each of its session policies and widens it by none', async () => {
    const alert = { resource: 'arn:rampart:siem:local:000000000001:alert/default/1' }
    const action = { resource: 'arn:rampart:soar:local:000000000001:connection/default/http.request' }
    const runner = (...policies: object[]) => iam.principalOfRole(account, 'playbook-runner', policies)
    const allow = (pattern: string) => ({ Version: '5.0', Statement: [{ Effect: 'Allow', Action: pattern }] })
    expect(await may(runner(), 'soar:action:invoke', action)).toBe('allow')
    expect(await may(runner(), 'siem:alert:update', alert)).toBe('allow')
    expect(await may(runner(), 'siem:rule:put')).toBe('implicitDeny')
    expect(await may(runner(allow('*')), 'siem:rule:put')).toBe('implicitDeny')
    expect(await may(runner(allow('soar:*')), 'siem:alert:update', alert)).toBe('implicitDeny')
    expect(await may(runner(allow('*'), allow('siem:*')), 'siem:alert:update', alert)).toBe('allow')
    expect(await may(runner({ Version: 'x' }), 'siem:alert:update', alert)).toBe('error')
    expect(() => iam.principalOfRole(account, 'nobody')).toThrow('there is no role')
  })

  it('asks the policy on a resource where its service has such, and refuses where that fails', async () => {
    const key = 'arn:rampart:kms:local:000000000001:key/k1'
    const ann: Principal = {
      ...(await caller(head(`Bearer ${await token()}`))),
      name: 'ann',
      arn: 'arn:rampart:iam::000000000001:user/ann' as Principal['arn'],
    }
    await iam.users.create(account, { name: 'ann' })
    await iam.attachments.attach(account, { kind: 'user', name: 'ann' }, administrator)
    let document: string | undefined
    iam.provideResourcePolicies('kms', {
      required: true,
      find: async (arn) => (arn === key && document !== undefined ? { document } : undefined),
    })
    const grant = (who: string) =>
      `{"Version":"5.0","Statement":{"Sid":"Use","Effect":"Allow","Action":"kms:*","Principal":{"IAM":"${who}"}}}`
    const use = (action: string) => may(ann, action, { resource: key })
    expect(await use('kms:cmk:describe')).toBe('implicitDeny')
    document = grant('000000000001')
    expect([await use('kms:cmk:describe'), await use('kms:cmk:decrypt')]).toEqual(['allow', 'implicitDeny'])
    document = grant(ann.arn)
    expect([await use('kms:cmk:describe'), await use('kms:cmk:decrypt')]).toEqual(['allow', 'allow'])
    document = grant('arn:rampart:iam::000000000001:user/bob')
    expect(await use('kms:cmk:describe')).toBe('implicitDeny')
    document = '{'
    expect(await use('kms:cmk:describe')).toBe('error')
  })

  it('denies whoever holds a policy that can no longer be read, and says so', async () => {
    const document = '{"Version":"5.0","Statement":{"Effect":"Allow","Action":"*"}}'
    await iam.users.create(account, { name: 'ann' })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'all', document)
    const ann: Principal = { ...(await caller(head(`Bearer ${await token()}`))), name: 'ann', auth: 'internal' }
    expect(await may(ann, 'siem:rule:put')).toBe('allow')
    const tables = database.as<{ iam_inline_policy: { document: string } }>()
    await tables.write((tx) => tx.updateTable('iam_inline_policy').set({ document: '{"Version":' }).execute())
    const errors: object[] = []
    const log = { error: (fields: object) => void errors.push(fields), warn: () => {} }
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock, log })
    expect(await may(ann, 'siem:rule:put')).toBe('error')
    expect(errors).toContainEqual(expect.objectContaining({ policies: ['arn:rampart:iam::000000000001:user/ann#all'] }))
  })

  it('keeps versions of a policy, and goes back to an earlier one', async () => {
    const allow = (action: string) => JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: action } })
    const { arn } = await iam.policies.create(account, { name: 'p', document: allow('a:b:c') })
    await iam.users.create(account, { name: 'ann' })
    await iam.attachments.attach(account, { kind: 'user', name: 'ann' }, arn)
    const ann: Principal = { ...(await caller(head(`Bearer ${await token()}`))), name: 'ann' }
    expect(await may(ann, 'a:b:c')).toBe('allow')
    expect(await iam.policies.createVersion(account, 'p', { document: allow('a:b:d') })).toMatchObject({ version: 2 })
    expect(await may(ann, 'a:b:c')).toBe('implicitDeny')
    expect(await may(ann, 'a:b:d')).toBe('allow')
    await iam.policies.setDefaultVersion(account, 'p', 1)
    expect(await may(ann, 'a:b:c')).toBe('allow')
    await expect(iam.policies.deleteVersion(account, 'p', 1)).rejects.toMatchObject({ code: 'iam.policy.inUse' })
    await iam.policies.deleteVersion(account, 'p', 2)
    expect(await iam.policies.createVersion(account, 'p', { document: allow('x:y:z') })).toMatchObject({ version: 3 })
    await expect(iam.policies.delete(account, 'p')).rejects.toMatchObject({ code: 'iam.policy.inUse' })
    await iam.attachments.detach(account, { kind: 'user', name: 'ann' }, arn)
    await iam.policies.delete(account, 'p')
    expect(() => iam.policies.get(account, arn)).toThrow('no policy')
  })
})
