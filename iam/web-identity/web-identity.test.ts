import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, migrate, openSealer, parseAccountId, systemClock } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { FETCHED_KEYS_EVERY_MS, FETCHED_KEYS_FAILED_MS, FETCHED_KEYS_TTL_MS } from '../limits.ts'
import { iamMigrations } from '../migrations.ts'
import { createFetchJson, isPublicAddress } from './fetch-json.ts'

const account = parseAccountId('000000000001')
const arn = `arn:rampart:iam::${account}:role/deployer`

describe.each(testDatabases())('web identity on $name', ({ open }) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let iam: Iam
  let now: number
  let issuerServer: Server
  let issuer: string
  let answers: Record<string, unknown>
  let asked: string[]
  const clock = { now: () => now }

  beforeEach(async () => {
    now = systemClock.now()
    asked = []
    issuerServer = createServer((request, response) => {
      asked.push(request.url ?? '')
      const answer = answers[request.url ?? '']
      response.writeHead(answer === undefined ? 500 : 200).end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`
    answers = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
    }
    ;({ database, drop } = await open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-web-identity-'))
    await migrate(database, iamMigrations, clock)
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock, oidcPrivateOrigins: [issuer] })
    await iam.bootstrap(() => {})
    const { arn: Federated } = await iam.identityProviders.put(account, {
      name: 'ci',
      issuer,
      audiences: ['rampart'],
    })
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Principal: { Federated } }
    await iam.roles.create(account, {
      name: 'deployer',
      trust: JSON.stringify({ Version: '5.0', Statement: statement }),
    })
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
    await new Promise((resolve) => issuerServer.close(resolve))
  })

  async function publish(kid: string) {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    answers['/keys'] = { keys: [{ ...(await exportJWK(publicKey)), kid }] }
    return (more: object = {}) =>
      new SignJWT({ iss: issuer, sub: 's', aud: 'rampart', ...more })
        .setProtectedHeader({ alg: 'RS256', kid })
        .setIssuedAt(Math.floor(now / 1000))
        .setExpirationTime(Math.floor(now / 1000) + 600)
        .sign(privateKey)
  }
  const assume = (token: string) =>
    iam.assumeRoleWithWebIdentity({ arn, sessionName: 'build', token, context: new Map() })
  const refusal = (token: string) =>
    assume(token).then(
      () => 'assumed',
      ({ code }: { code: string }) => code,
    )

  it('takes the keys the issuer publishes, keeps them for a while, and follows their rotation', async () => {
    const sign = await publish('one')
    const { credentials, identity } = await assume(await sign())
    expect(identity).toMatchObject({ subject: 's', audience: 'rampart' })
    expect(credentials.expiresAt).toBe(now + 3_600_000)
    await assume(await sign())
    expect(asked).toEqual(['/.well-known/openid-configuration', '/keys'])
    const next = await publish('two')
    expect(await refusal(await next())).toBe('iam.webIdentity.invalid')
    now += FETCHED_KEYS_EVERY_MS
    expect(await refusal(await next())).toBe('assumed')
    expect(await refusal(await sign())).toBe('iam.webIdentity.invalid')
    expect(asked).toHaveLength(4)
    now += FETCHED_KEYS_TTL_MS
    await assume(await next())
    expect(asked).toHaveLength(6)
  })

  it('asks an issuer that does not answer now and then only', async () => {
    const sign = await publish('one')
    delete answers['/keys']
    for (let i = 0; i < 5; i++) expect(await refusal(await sign())).toBe('iam.webIdentity.unreachable')
    expect(asked).toHaveLength(2)
    now += FETCHED_KEYS_FAILED_MS
    for (const nonsense of [null, {}, { keys: [] }, { keys: [{ kty: 'oct', k: 'AA' }] }]) {
      answers['/keys'] = nonsense
      expect(await refusal(await sign())).toBe('iam.webIdentity.unreachable')
      now += FETCHED_KEYS_FAILED_MS
    }
    answers['/.well-known/openid-configuration'] = { issuer: 'https://other.example', jwks_uri: `${issuer}/keys` }
    expect(await refusal(await sign())).toBe('iam.webIdentity.unreachable')
  })

  it('is bound by guardrails on the resources of its account', async () => {
    const sign = await publish('one')
    const administrator = { userName: 'root', password: 'long-Pass-phrase-7-for-this-test' }
    const { root } = await iam.organizations.create(account)
    const { id: member } = await iam.organizations.createAccount(account, { name: 'm', parent: root.id, administrator })
    const { arn: Federated } = await iam.identityProviders.put(member, { name: 'ci', issuer, audiences: ['rampart'] })
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Principal: { Federated } }
    const trust = JSON.stringify({ Version: '5.0', Statement: statement })
    await iam.roles.create(member, { name: 'deployer', trust })
    const there = async () => {
      const asks = { arn: arn.replace(account, member), sessionName: 'build', context: new Map() }
      return iam.assumeRoleWithWebIdentity({ ...asks, token: await sign() }).then(
        () => 'assumed',
        ({ code }: { code: string }) => code,
      )
    }
    expect(await there()).toBe('assumed')
    const shut = '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"sts:*"}}'
    await iam.organizations.putGuardrail(account, { name: 'Shut', kind: 'resource', document: shut })
    await iam.organizations.attach(account, root.id, 'Shut')
    expect(await there()).toBe('iam.role.notTrusted')
  })

  it('refuses audiences, issuers and keys that would let in anybody', async () => {
    const put = (more: object) =>
      iam.identityProviders.put(account, { name: 'x', issuer: 'https://a.example', audiences: ['a'], ...more })
    for (const more of [
      { audiences: [] },
      { issuer: 'http://a.example' },
      { issuer: 'https://a.example/?x=1' },
      { issuer: 'https://u:p@a.example' },
      { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } },
      { jwks: { keys: [{ kty: 'RSA', d: 'AA' }] } },
      { jwks: {} },
    ]) {
      await expect(put(more)).rejects.toMatchObject({ code: 'iam.webIdentity.malformed' })
    }
    await expect(put({ issuer })).rejects.toMatchObject({ code: 'iam.thing.exists' })
  })
})

describe('what identity providers are asked at', () => {
  it.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['127.0.0.1', false],
    ['10.1.2.3', false],
    ['169.254.169.254', false],
    ['172.31.0.1', false],
    ['192.168.1.1', false],
    ['100.64.0.1', false],
    ['0.0.0.0', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['::1', false],
    ['::ffff:127.0.0.1', false],
    ['64:ff9b::7f00:1', false],
    ['2002:7f00:1::', false],
    ['2001:0:7f00:1::', false],
    ['fe80::1', false],
    ['fd00::1', false],
  ])('%s: %s', (address, isPublic) => expect(isPublicAddress(address)).toBe(isPublic))

  it.each(['https://localhost/', 'https://127.0.0.1/', 'https://[::1]/', 'http://8.8.8.8/', 'https://2130706433/'])(
    'is never %s',
    async (url) => {
      await expect(createFetchJson([])(new URL(url))).rejects.toMatchObject({ code: 'iam.webIdentity.unreachable' })
    },
  )
})
