import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, createServer, migrate, openSealer, systemClock } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'
import { iamRoutes } from '../routes.ts'
import type { IamTables } from '../tables.ts'
import { OidcStore } from './store.ts'

const redirectUri = 'http://127.0.0.1:4999/back'
const device = 'urn:ietf:params:oauth:grant-type:device_code'
const plainHttp = { execute: [client.allowInsecureRequests] }

/** A browser without a window: keeps cookies and follows nothing by itself. */
class Browser {
  readonly #cookies = new Map<string, { value: string; path: string }>()

  async go(url: string, form?: Record<string, string>, headers: Record<string, string> = {}) {
    const { pathname, origin } = new URL(url)
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name.split(' ')[0]}=${value}`)
      .join('; ')
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie, ...(form ? { origin } : {}), ...headers },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const path = /path=([^;]+)/i.exec(line)?.[1] ?? '/'
      expect(line).toMatch(/httponly/i)
      if (value === '') this.#cookies.delete(`${name} ${path}`)
      else this.#cookies.set(`${name} ${path}`, { value, path })
    }
    return answer
  }

  /** Where a request leads to in the end, as long as that is here; `url` is what a page is at. */
  async follow(start: string, form?: Record<string, string>) {
    let url = start
    let answer = await this.go(url, form)
    for (let hops = 0; hops < 10 && answer.status >= 300 && answer.status < 400; hops++) {
      const next = new URL(answer.headers.get('location') ?? '', url).href
      if (next.startsWith(redirectUri)) return { url: next, answer, text: '' }
      url = next
      answer = await this.go(url)
    }
    return { url, answer, text: await answer.text() }
  }
}

describe.each(testDatabases())('OpenID Connect ($name)', ({ open }) => {
  let dir: string
  let opened: Awaited<ReturnType<typeof open>>
  let iam: Iam
  let api: Api
  let admin: string
  let issuer: string
  let logoutServer: ReturnType<typeof createHttpServer>
  let logoutUri: string
  const loggedOut: string[] = []
  const password = 'correct horse 7 battery'

  beforeEach(async () => {
    loggedOut.length = 0
    logoutServer = createHttpServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        loggedOut.push(new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? '')
        response.writeHead(200).end()
      })
    })
    await new Promise<void>((resolve) => logoutServer.listen(0, '127.0.0.1', resolve))
    const logoutOrigin = `http://127.0.0.1:${(logoutServer.address() as AddressInfo).port}`
    logoutUri = `${logoutOrigin}/logout`
    dir = mkdtempSync(join(tmpdir(), 'rampart-oidc-'))
    opened = await open()
    await migrate(opened.database, iamMigrations, systemClock)
    const sealer = openSealer({ dataDir: dir })
    iam = await createIam({
      database: opened.database,
      sealer,
      clock: systemClock,
      log: pino({ level: 'silent' }),
      oidcPrivateOrigins: [logoutOrigin],
    })
    const first = await iam.bootstrap(() => {})
    let endpoint = ''
    api = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: iam.authenticator,
      authorizer: iam.authorizer,
      audit: { record: async () => {} },
      routes: [iamRoutes(iam, { compileFilter: () => () => true, publicUrl: () => endpoint })],
    })
    await api.listen({ host: '127.0.0.1', port: 0 })
    endpoint = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`
    issuer = `${endpoint}/oidc/000000000001`
    const signedIn = await api.inject({
      method: 'POST',
      url: '/v1/iam/tokens',
      payload: { userName: 'admin', password: first?.password },
    })
    admin = signedIn.json().accessToken
    expect((await call('POST', '/v1/iam/users', { name: 'ann', password })).statusCode).toBe(201)
  })
  afterEach(async () => {
    await api.close()
    await iam.close()
    await opened.drop()
    await new Promise((resolve) => logoutServer.close(resolve))
    rmSync(dir, { recursive: true })
  })

  const call = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
    api.inject({ method, url, headers: { authorization: `Bearer ${admin}` }, ...(payload ? { payload } : {}) })

  async function register(more: object = {}) {
    const answer = await call('POST', '/v1/iam/app-registrations', {
      name: 'Wiki & <b>co</b>',
      redirectUris: [redirectUri],
      grantTypes: ['authorization_code', 'refresh_token'],
      authMethod: 'client_secret_basic',
      ...more,
    })
    expect([answer.statusCode, answer.body]).toEqual([201, answer.body])
    return answer.json() as { id: string; clientSecret: string }
  }

  const discover = (app: { id: string; clientSecret?: string }, authentication?: client.ClientAuth) =>
    client.discovery(
      new URL(issuer),
      app.id,
      app.clientSecret,
      authentication ?? (app.clientSecret ? client.ClientSecretBasic(app.clientSecret) : client.None()),
      plainHttp,
    )

  /** Signs ann in at our pages and gives what the relying party gets. */
  async function signIn(
    config: client.Configuration,
    browser = new Browser(),
    scope = 'openid profile offline_access',
  ) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedNonce = client.randomNonce()
    const expectedState = client.randomState()
    const start = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope,
      prompt: 'consent',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      nonce: expectedNonce,
      state: expectedState,
    })
    let at = await browser.follow(start.href)
    if (at.text.includes('name="password"')) {
      at = await browser.follow(at.url, { userName: 'ann', password, mfaCode: '', decision: 'allow' })
    }
    expect(at.text).toContain('Allow access')
    at = await browser.follow(at.url, { decision: 'allow' })
    const back = new URL(at.url)
    const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true }
    return { back, checks, tokens: () => client.authorizationCodeGrant(config, back, checks) }
  }

  it('signs a user in by code and PKCE; tokens tell who it is', async () => {
    const config = await discover(await register())
    const { tokens } = await signIn(config)
    const got = await tokens()
    const claims = got.claims()
    const userId = (await call('GET', '/v1/iam/users/ann')).json().id
    expect(claims).toMatchObject({ iss: issuer, sub: userId, amr: ['pwd'] })
    expect(await client.fetchUserInfo(config, got.access_token, userId)).toMatchObject({ preferred_username: 'ann' })
    expect((await client.tokenIntrospection(config, got.access_token)).active).toBe(true)
    await client.tokenRevocation(config, got.access_token)
    expect((await client.tokenIntrospection(config, got.access_token)).active).toBe(false)
  })

  it('publishes two keys, none private, under the address it has, whatever a request says', async () => {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    })
    const metadata = (await answer.json()) as Record<string, string | string[]>
    expect(metadata.issuer).toBe(issuer)
    expect(JSON.stringify(metadata)).not.toContain('evil')
    expect(metadata.code_challenge_methods_supported).toEqual(['S256'])
    expect(metadata.id_token_signing_alg_values_supported).toEqual(['RS256'])
    const { keys } = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: object[] }
    expect(keys).toHaveLength(2)
    for (const key of keys) expect(Object.keys(key)).not.toContain('d')
  })

  it('refuses a code without PKCE, with the wrong verifier, and twice', async () => {
    const app = await register()
    const config = await discover(app)
    const bare = client.buildAuthorizationUrl(config, { redirect_uri: redirectUri, scope: 'openid', state: 's' })
    expect(new URL((await new Browser().follow(bare.href)).url).searchParams.get('error')).toBe('invalid_request')
    const wrong = await signIn(config)
    const otherVerifier = { ...wrong.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }
    await expect(client.authorizationCodeGrant(config, wrong.back, otherVerifier)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const right = await signIn(config)
    const got = await right.tokens()
    await expect(right.tokens()).rejects.toMatchObject({ error: 'invalid_grant' })
    expect((await client.tokenIntrospection(config, got.access_token)).active).toBe(false)
  })

  it('sends nobody to an address that is not registered', async () => {
    const app = await register()
    const config = await discover(app)
    for (const redirect_uri of [`${redirectUri}/x`, 'https://evil.example/', `${redirectUri}?a=b`]) {
      const start = client.buildAuthorizationUrl(config, { redirect_uri, scope: 'openid' })
      const { answer, text } = await new Browser().follow(start.href)
      expect(answer.status).toBe(400)
      expect(text).toContain('redirect_uri')
    }
  })

  it('rotates refresh tokens, and ends all where an old one comes again, one after another or at once', async () => {
    const config = await discover(await register())
    const first = await (await signIn(config)).tokens()
    const second = await client.refreshTokenGrant(config, first.refresh_token ?? '')
    expect(second.refresh_token).not.toBe(first.refresh_token)
    await expect(client.refreshTokenGrant(config, first.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(client.refreshTokenGrant(config, second.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const { refresh_token: token = '' } = await (await signIn(config)).tokens()
    const race = await Promise.allSettled(Array.from({ length: 4 }, () => client.refreshTokenGrant(config, token)))
    const winners = race.flatMap((one) => (one.status === 'fulfilled' ? [one.value.refresh_token ?? ''] : []))
    expect(winners.length).toBeLessThanOrEqual(1)
    for (const winner of winners) await expect(client.refreshTokenGrant(config, winner)).rejects.toThrow()
  })

  it('ends sign-ins and tokens of a user that is disabled or gets a new password', async () => {
    const config = await discover(await register())
    const browser = new Browser()
    const { access_token, refresh_token = '' } = await (await signIn(config, browser)).tokens()
    expect((await call('PATCH', '/v1/iam/users/ann', { enabled: false })).statusCode).toBe(200)
    await expect(client.refreshTokenGrant(config, refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(client.fetchUserInfo(config, access_token, client.skipSubjectCheck)).rejects.toThrow()
    const start = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: createHash('sha256').update('x'.repeat(43)).digest('base64url'),
      code_challenge_method: 'S256',
    })
    expect((await browser.follow(start.href)).text).toContain('name="password"')
  })

  it('shows pages that run nothing and load nothing, and takes forms from itself only', async () => {
    const config = await discover(await register())
    const start = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      login_hint: '"><script>alert(1)</script>',
      code_challenge: createHash('sha256').update('x'.repeat(43)).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const browser = new Browser()
    const { url, answer, text } = await browser.follow(start.href)
    expect(text).toContain('Wiki &amp; &lt;b&gt;co&lt;/b&gt;')
    expect(text).not.toContain('<script')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`default-src 'none';script-src;`)
    expect(policy).toContain(`form-action 'self' http://127.0.0.1:4999`)
    expect(policy).toContain(`frame-ancestors 'none'`)
    const form = { userName: 'ann', password, decision: 'allow' }
    expect((await browser.go(url, form, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await browser.go(url, form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await new Browser().go(url, form)).status).toBe(400)
    expect((await browser.go(url, { ...form, password: 'wrong' })).status).toBe(401)
    expect(new URL((await browser.follow(url, { decision: 'deny' })).url).searchParams.get('error')).toBe(
      'access_denied',
    )
  })

  it('locks out who guesses passwords at the page', async () => {
    const config = await discover(await register())
    const start = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: createHash('sha256').update('x'.repeat(43)).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const browser = new Browser()
    const { url } = await browser.follow(start.href)
    const guess = (text: string) => browser.go(url, { userName: 'ann', password: text, decision: 'allow' })
    for (let i = 0; i < 5; i++) expect((await guess(`wrong ${i}`)).status).toBe(401)
    expect((await guess(password)).status).toBe(429)
  })

  it('gives a service a token for an assertion signed with its key, once', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const app = await register({
      name: 'service',
      redirectUris: [],
      grantTypes: ['client_credentials'],
      authMethod: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] },
    })
    const config = await discover({ id: app.id }, client.PrivateKeyJwt({ key: privateKey, kid: 'k' }))
    expect((await client.clientCredentialsGrant(config)).token_type).toBe('bearer')
    const other = await generateKeyPair('ES256')
    const forged = await discover({ id: app.id }, client.PrivateKeyJwt({ key: other.privateKey, kid: 'k' }))
    await expect(client.clientCredentialsGrant(forged)).rejects.toMatchObject({ error: 'invalid_client' })
    let assertion = ''
    config[client.customFetch] = async (url, options) => {
      assertion = String(options.body)
      return fetch(url, options as RequestInit)
    }
    await client.clientCredentialsGrant(config)
    const replay = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: assertion,
    })
    expect(await replay.json()).toMatchObject({ error: 'invalid_client' })
  })

  it('connects a device once its user allows it', async () => {
    const app = await register({ name: 'tv', redirectUris: [], grantTypes: [device], authMethod: 'none' })
    const config = await discover({ id: app.id })
    const started = await client.initiateDeviceAuthorization(config, { scope: 'openid profile' })
    const poll = () => client.genericGrantRequest(config, device, { device_code: started.device_code })
    await expect(poll()).rejects.toMatchObject({ error: 'authorization_pending' })
    const browser = new Browser()
    const xsrfOf = (text: string) => /name="xsrf" value="([^"]+)"/.exec(text)?.[1] ?? ''
    let at = await browser.follow(started.verification_uri)
    expect((await browser.follow(at.url, { xsrf: 'wrong', user_code: started.user_code })).answer.status).toBe(400)
    at = await browser.follow(started.verification_uri)
    at = await browser.follow(at.url, { xsrf: xsrfOf(at.text), user_code: started.user_code })
    expect(at.text).toContain(started.user_code)
    at = await browser.follow(at.url, { xsrf: xsrfOf(at.text), user_code: started.user_code, confirm: 'yes' })
    at = await browser.follow(at.url, { userName: 'ann', password, decision: 'allow' })
    at = await browser.follow(at.url, { decision: 'allow' })
    expect(at.text).toContain('Your device is signed in')
    expect((await poll()).access_token).toBeTruthy()
    await expect(poll()).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('tells applications of a sign-out', async () => {
    const config = await discover(await register({ backchannelLogoutUri: logoutUri }))
    const browser = new Browser()
    const got = await (await signIn(config, browser)).tokens()
    const end = client.buildEndSessionUrl(config, { id_token_hint: got.id_token ?? '' })
    const asked = await browser.follow(end.href)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)?.[1] ?? ''
    const done = await browser.follow(`${issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
    expect(done.text).toContain('You are signed out')
    expect(loggedOut).toHaveLength(1)
    const payload = JSON.parse(Buffer.from(loggedOut[0]?.split('.')[1] ?? '', 'base64url').toString())
    expect(payload).toMatchObject({ iss: issuer, sub: got.claims()?.sub, sid: expect.any(String) })
    expect(Object.keys(payload.events)).toEqual(['http://schemas.openid.net/event/backchannel-logout'])
  })

  it('keeps no token, code or secret that a reader of the database could use', async () => {
    const app = await register()
    const config = await discover(app)
    const got = await (await signIn(config)).tokens()
    const database = opened.database.as<IamTables>()
    const rows = [
      ...(await database.read.selectFrom('iam_oidc_entry').selectAll().execute()),
      ...(await database.read.selectFrom('iam_app_registration').selectAll().execute()),
    ]
    const stored = rows
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)))
    expect(stored.length).toBeGreaterThan(20)
    for (const secret of [got.access_token, got.refresh_token ?? '', app.clientSecret]) {
      expect(stored.filter((text) => text.includes(secret))).toEqual([])
    }
  })

  it('clears what is over, some time after', async () => {
    const store = new OidcStore(opened.database)
    const now = 1_800_000_000_000
    const entry = (id: string, expires_at: number) => ({
      account: '000000000001',
      kind: 'AccessToken',
      id,
      grant_id: null,
      uid: null,
      user_code: null,
      expires_at,
      sealed_payload: Buffer.from('x'),
    })
    await store.putEntry(entry('long over', now - 11 * 60_000))
    await store.putEntry(entry('just over', now - 1_000))
    await store.putEntry(entry('good', now + 1_000))
    await store.pruneNowAndThen(now)
    const ids = await opened.database.as<IamTables>().read.selectFrom('iam_oidc_entry').select('id').execute()
    expect(ids.map(({ id }) => id).sort()).toEqual(['good', 'just over'])
  })

  it('sends cookies over TLS only, where that is how it is reached', async () => {
    const app = await register()
    const behindProxy = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock: systemClock,
      authenticator: iam.authenticator,
      authorizer: iam.authorizer,
      audit: { record: async () => {} },
      routes: [iamRoutes(iam, { compileFilter: () => () => true, publicUrl: () => 'https://sso.example' })],
    })
    const query = new URLSearchParams({
      client_id: app.id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    })
    const answer = await behindProxy.inject({ url: `/oidc/000000000001/auth?${query}` })
    expect(answer.headers.location).toMatch(/^\/oidc\/000000000001\/interaction\//)
    const cookies = [answer.headers['set-cookie']].flat()
    expect(cookies.length).toBeGreaterThan(1)
    for (const cookie of cookies) expect(cookie).toMatch(/path=\/oidc\/000000000001\/.*samesite=lax.*secure.*httponly/i)
    await behindProxy.close()
  })

  it('keeps app registrations, each account its own', async () => {
    const app = await register()
    const one = `/v1/iam/app-registrations/${app.id}`
    const listed = await call('GET', '/v1/iam/app-registrations')
    expect(listed.json().items).toMatchObject([{ id: app.id, authMethod: 'client_secret_basic' }])
    expect(listed.body).not.toContain(app.clientSecret)
    const rotated = (await call('POST', `${one}/secret`)).json()
    expect(rotated.clientSecret).not.toBe(app.clientSecret)
    const replaced = await call('PUT', one, {
      name: 'wiki',
      redirectUris: [redirectUri],
      authMethod: 'client_secret_post',
    })
    expect(replaced.json()).toMatchObject({ name: 'wiki', authMethod: 'client_secret_post' })
    expect(replaced.json().clientSecret).toBeUndefined()
    expect((await call('DELETE', one)).statusCode).toBe(204)
    expect((await call('GET', one)).statusCode).toBe(404)
    expect((await fetch(`${issuer.slice(0, -1)}2/.well-known/openid-configuration`)).status).toBe(404)
  })

  it.each([
    [{ redirectUris: ['http://wiki.example/back'] }],
    [{ redirectUris: ['javascript:alert(1)'] }],
    [{ redirectUris: ['data:text/html,x'], applicationType: 'native' }],
    [{ redirectUris: ['https://wiki.example/#x'] }],
    [{ redirectUris: [] }],
    [{ redirectUris: [redirectUri], authMethod: 'private_key_jwt' }],
    [{ redirectUris: [redirectUri], backchannelLogoutUri: 'http://169.254.169.254/latest' }],
    [
      {
        redirectUris: [redirectUri],
        authMethod: 'private_key_jwt',
        jwks: { keys: [{ kty: 'oct', k: 'AAECAwQFBgcICQoLDA0ODw' }] },
      },
    ],
  ])('refuses to register %j', async (more) => {
    const answer = await call('POST', '/v1/iam/app-registrations', { name: 'x', ...more })
    expect(answer.json()).toMatchObject({ status: 422, code: 'iam.app.malformed' })
  })
})
