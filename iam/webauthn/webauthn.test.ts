import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  type AuditEvent,
  createServer,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { hasEngine } from '../../test/support/requirements.ts'
import { createIam, type Iam } from '../iam.ts'
import { WEBAUTHN_CHALLENGE_TTL_MS } from '../limits.ts'
import { iamMigrations } from '../migrations.ts'
import { iamRoutes } from '../routes.ts'

const account = parseAccountId('000000000001')
const password = 'correct horse 7 battery'
const executablePath = '/usr/bin/chromium'
const found = hasEngine('chromium', existsSync(executablePath))

/** What a browser does with options, and its answer as JSON. */
const create = (options: object) =>
  `navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)})}).then((key) => key.toJSON())`
const get = (options: object) =>
  `navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)})}).then((key) => key.toJSON())`

describe.skipIf(!found)('security keys in a browser (needs chromium, `npm run engines`)', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  }, 60_000)
  afterAll(() => browser.close())

  describe.each(testDatabases())('on $name', ({ open }) => {
    let dir: string
    let opened: Awaited<ReturnType<typeof open>>
    let iam: Iam
    let api: Api
    let admin: string
    let endpoint: string
    let page: Page
    let cdp: CDPSession
    let authenticatorId: string
    let now: number
    const audited: AuditEvent[] = []
    const clock = { now: () => now }

    beforeEach(async () => {
      now = systemClock.now()
      audited.length = 0
      dir = mkdtempSync(join(tmpdir(), 'rampart-webauthn-'))
      opened = await open()
      await migrate(opened.database, iamMigrations, clock)
      iam = await createIam({ database: opened.database, sealer: openSealer({ dataDir: dir }), clock })
      const first = await iam.bootstrap(() => {})
      endpoint = ''
      api = await createServer({
        log: pino({ level: 'silent' }),
        version: '0.0.0',
        clock,
        authenticator: iam.authenticator,
        authorizer: iam.authorizer,
        audit: { record: async (event) => void audited.push(event) },
        routes: [iamRoutes(iam, { compileFilter: () => () => true, publicUrl: () => endpoint })],
      })
      await api.listen({ host: '127.0.0.1', port: 0 })
      endpoint = `http://localhost:${(api.server.address() as AddressInfo).port}`
      admin = (await tokens({ userName: 'admin', password: first?.password })).json().accessToken
      for (const name of ['ann', 'bob']) await iam.users.create(account, { name, password })
      page = await (await browser.newContext()).newPage()
      await page.goto(`${endpoint}/oidc/${account}/.well-known/openid-configuration`)
      cdp = await page.context().newCDPSession(page)
      await cdp.send('WebAuthn.enable')
      const options = {
        protocol: 'ctap2' as const,
        transport: 'internal' as const,
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      }
      ;({ authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options }))
    }, 60_000)
    afterEach(async () => {
      await page.context().close()
      await api.close()
      await iam.close()
      await opened.drop()
      rmSync(dir, { recursive: true })
    })

    const post = (url: string, payload?: object, authorization?: string) =>
      api.inject({
        method: 'POST',
        url,
        ...(payload ? { payload } : {}),
        headers: authorization ? { authorization: `Bearer ${authorization}` } : {},
      })
    const tokens = (payload: object) => post('/v1/iam/tokens', payload)
    const keysOf = (name: string) => `/v1/iam/users/${name}/security-keys`

    async function register(name: string) {
      const options = (await post(`${keysOf(name)}/options`, undefined, admin)).json()
      const response = await page.evaluate(create(options))
      const answer = await post(keysOf(name), { name: 'blue', response }, admin)
      expect([answer.statusCode, answer.body]).toEqual([201, answer.body])
      return { options, response, key: answer.json() as { id: string } }
    }
    /** After the password: what the key answers to what is asked. */
    async function second(userName: string) {
      const asked = await tokens({ userName, password })
      expect(asked.statusCode).toBe(401)
      expect(asked.json()).toMatchObject({ code: 'iam.signIn.mfaRequired', factors: ['webauthn'] })
      return page.evaluate(get(asked.json().securityKeyOptions)) as Promise<object>
    }
    const callerOf = (accessToken: string) =>
      iam.authenticator.authenticate({
        method: 'GET',
        rawUrl: '/',
        headers: [['authorization', `Bearer ${accessToken}`]],
        sourceIp: '192.0.2.1',
        service: 'rampart',
      }) as Promise<Principal>

    it('stand as a second factor after the password, and are listed and removed', async () => {
      expect((await tokens({ userName: 'ann', password })).statusCode).toBe(200)
      const { key } = await register('ann')
      const securityKey = await second('ann')
      const answer = await tokens({ userName: 'ann', password, securityKey })
      expect(answer.statusCode).toBe(200)
      const caller = await callerOf(answer.json().accessToken)
      expect(caller).toMatchObject({ mfa: true, authMethod: 'password+webauthn' })
      const document = JSON.stringify({
        Version: '5.0',
        Statement: {
          Effect: 'Allow',
          Action: 'a:b:c',
          Condition: { Bool: { 'g:MFAPresent': 'true' }, StringEquals: { 'g:AuthMethod': 'password+webauthn' } },
        },
      })
      await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'mfa', document)
      expect((await iam.authorizer.authorize({ principal: caller, action: 'a:b:c', resource: '*' })).allowed).toBe(true)
      const headers = { authorization: `Bearer ${admin}` }
      const listed = (await api.inject({ method: 'GET', url: keysOf('ann'), headers })).json()
      expect(listed.items).toMatchObject([{ id: key.id, name: 'blue', lastUsedAt: expect.any(String) }])
      expect((await api.inject({ method: 'DELETE', url: `${keysOf('ann')}/${key.id}`, headers })).statusCode).toBe(204)
      expect((await tokens({ userName: 'ann', password })).statusCode).toBe(200)
    })

    it('are asked for only after the right password, and never replace it', async () => {
      await register('ann')
      const wrong = await tokens({ userName: 'ann', password: 'wrong' })
      expect(wrong.json()).toMatchObject({ code: 'iam.signIn.failed' })
      expect(wrong.body).not.toContain('securityKeyOptions')
      const securityKey = await second('ann')
      expect((await tokens({ userName: 'ann', password: 'wrong', securityKey })).statusCode).toBe(401)
      expect((await tokens({ userName: 'bob', password, securityKey })).json()).toHaveProperty('accessToken')
      expect((await post('/v1/iam/tokens/passkey', { securityKey })).statusCode).toBe(401)
    })

    it('answer a challenge once, in time, at our own address, and for whom it was made', async () => {
      const { response } = await register('ann')
      const again = await post(keysOf('ann'), { name: 'blue', response }, admin)
      expect(again.json()).toMatchObject({ code: 'iam.webauthn.refused' })
      const once = await second('ann')
      const both = await Promise.all([1, 2].map(() => tokens({ userName: 'ann', password, securityKey: once })))
      expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401])

      const late = await second('ann')
      now += WEBAUTHN_CHALLENGE_TTL_MS
      expect((await tokens({ userName: 'ann', password, securityKey: late })).statusCode).toBe(401)

      const elsewhere = await second('ann')
      const here = endpoint
      endpoint = endpoint.replace('localhost', 'phishing.example').replace('http:', 'https:')
      expect((await tokens({ userName: 'ann', password, securityKey: elsewhere })).statusCode).toBe(401)
      endpoint = here

      await register('bob')
      const forBob = await second('bob')
      const swapped = { ...(await second('ann')), ...pick(forBob, ['response']) }
      expect((await tokens({ userName: 'ann', password, securityKey: swapped })).statusCode).toBe(401)
      const changed = JSON.parse(JSON.stringify(await second('ann'))) as { response: { signature: string } }
      const { signature } = changed.response
      changed.response.signature = `${signature.slice(0, -4)}${signature.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
      expect((await tokens({ userName: 'ann', password, securityKey: changed })).statusCode).toBe(401)
      for (const nonsense of [{}, { id: 'x' }, { id: (once as { id: string }).id, response: {} }]) {
        expect((await post('/v1/iam/tokens/passkey', { securityKey: nonsense })).statusCode).toBe(401)
      }
    })

    it('are refused when they count less than before: somebody has a copy', async () => {
      await register('ann')
      const [original] = (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials
      expect(original).toBeDefined()
      const use = async () => (await tokens({ userName: 'ann', password, securityKey: await second('ann') })).statusCode
      expect([await use(), await use()]).toEqual([200, 200])
      const { credentialId } = original!
      await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId })
      await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...original!, signCount: 1 } })
      expect(await use()).toBe(401)
      await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId })
      await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...original!, signCount: 50 } })
      expect(await use()).toBe(200)
    })

    it('let in without a password where they make sure who holds them, and say nothing about who exists', async () => {
      const options = async () => (await post('/v1/iam/tokens/passkey-options', {})).json()
      expect(await options()).toMatchObject({ allowCredentials: [], userVerification: 'required', rpId: 'localhost' })
      await register('ann')
      const enter = async (asked: object) =>
        post('/v1/iam/tokens/passkey', { securityKey: (await page.evaluate(get(asked))) as object })
      const answer = await enter(await options())
      expect(answer.statusCode).toBe(200)
      expect(await callerOf(answer.json().accessToken)).toMatchObject({
        name: 'ann',
        mfa: true,
        authMethod: 'webauthn',
      })
      expect(audited.at(-1)).toMatchObject({
        account,
        principal: `arn:rampart:iam::${account}:user/ann`,
        action: 'iam:session:create',
        outcome: 'success',
      })
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
      const unverified = await enter({ ...(await options()), userVerification: 'discouraged' })
      expect(unverified.statusCode).toBe(401)
      expect(audited.at(-1)).toMatchObject({ account: 'unknown', action: 'iam:session:create', outcome: 'refused' })
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
      await iam.users.update(account, 'ann', { enabled: false })
      expect((await enter(await options())).statusCode).toBe(401)
      await iam.users.delete(account, 'ann')
      await iam.users.create(account, { name: 'ann', password })
      expect((await enter(await options())).statusCode).toBe(401)
      expect((await tokens({ userName: 'ann', password })).statusCode).toBe(200)
    })

    it('need a name: an address has none', async () => {
      endpoint = 'http://127.0.0.1:8080'
      expect((await post(`${keysOf('ann')}/options`, undefined, admin)).json()).toMatchObject({
        code: 'iam.webauthn.noName',
      })
    })

    it('are used at the sign-in page: alone, and after a password', async () => {
      await register('ann')
      const { app } = await iam.oidc.apps.create(account, { name: 'Wiki', redirectUris: [`${endpoint}/back`] })
      const refused: string[] = []
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) refused.push(message.text())
      })
      const start = () =>
        page.goto(
          `${endpoint}/oidc/${account}/auth?${new URLSearchParams({
            client_id: app.id,
            redirect_uri: `${endpoint}/back`,
            response_type: 'code',
            scope: 'openid',
            prompt: 'login',
            code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
            code_challenge_method: 'S256',
          })}`,
        )
      await start()
      await page.getByRole('button', { name: 'Use a security key' }).click()
      await page.getByRole('heading', { name: 'Allow access' }).waitFor()
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.waitForURL(/\/back\?code=/)

      await start()
      await page.getByLabel('User name').fill('ann')
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('security key')
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Use a security key' }).click()
      await page.waitForURL(/\/back\?code=/)
      expect(refused).toEqual([])
      const signIns = audited.filter(({ action }) => action === 'iam:session:create').slice(1)
      expect(signIns.map(({ outcome, errorCode }) => [outcome, errorCode])).toEqual([
        ['success', undefined],
        ['refused', 'iam.signIn.mfaRequired'],
        ['success', undefined],
      ])
    }, 60_000)
  })
})

function pick(value: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))
}
