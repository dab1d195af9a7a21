import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as client from 'openid-client'
import { pino } from 'pino'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { createServer, migrate, openDatabase, openSealer, parseAccountId, systemClock } from '../../platform/index.ts'
import { hasEngine } from '../../test/support/requirements.ts'
import { createIam } from '../iam.ts'
import { hotp, STEP_SEC, stepAt } from '../mfa/totp.ts'
import { iamMigrations } from '../migrations.ts'
import { iamRoutes } from '../routes.ts'

const executablePath = '/usr/bin/chromium'
const account = parseAccountId('000000000001')
const password = 'correct horse 7 battery'

/** A relying party: `/` sends to sign in, `/back` takes the code and tells who it is. */
async function startRelyingParty() {
  let config: client.Configuration | undefined
  let pending: { pkceCodeVerifier: string; expectedState: string; expectedNonce: string } | undefined
  let tokens: Awaited<ReturnType<typeof client.authorizationCodeGrant>> | undefined
  let origin = ''
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    if (!config) throw new Error('not configured')
    const url = new URL(request.url ?? '/', origin)
    if (url.pathname === '/') {
      pending = {
        pkceCodeVerifier: client.randomPKCECodeVerifier(),
        expectedState: client.randomState(),
        expectedNonce: client.randomNonce(),
      }
      const location = client.buildAuthorizationUrl(config, {
        redirect_uri: `${origin}/back`,
        scope: 'openid profile',
        code_challenge: await client.calculatePKCECodeChallenge(pending.pkceCodeVerifier),
        code_challenge_method: 'S256',
        state: pending.expectedState,
        nonce: pending.expectedNonce,
      })
      response.writeHead(303, { location: location.href }).end()
    } else if (url.pathname === '/back' && pending) {
      tokens = await client.authorizationCodeGrant(config, url, pending)
      const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '')
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<h1>Hello ${user.preferred_username}</h1>`)
    } else {
      response.writeHead(url.pathname === '/bye' ? 200 : 404, { 'content-type': 'text/html' }).end('<h1>Bye</h1>')
    }
  }
  const server = createHttpServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    configure: (given: client.Configuration) => {
      config = given
    },
    claims: () => tokens?.claims(),
    signOutUrl: () =>
      config &&
      client.buildEndSessionUrl(config, {
        id_token_hint: tokens?.id_token ?? '',
        post_logout_redirect_uri: `${origin}/bye`,
      }).href,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const found = hasEngine('chromium', existsSync(executablePath))

describe.skipIf(!found)('sign-in in a browser (needs chromium, `npm run engines`)', () => {
  it('takes password and code, asks for consent once, signs out', { timeout: 120_000 }, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rampart-browser-'))
    const database = openDatabase({ file: join(dir, 'rampart.db') })
    await migrate(database, iamMigrations, systemClock)
    const iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
    await iam.bootstrap(() => {})
    let endpoint = ''
    const api = await createServer({
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
    const party = await startRelyingParty()
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
    try {
      await iam.users.create(account, { name: 'ann', password })
      const { secret } = await iam.mfa.enrol(account, 'ann')
      // Confirmed with the code of the step before, so that the one of now is still good.
      const codeAt = (ms: number) => hotp(fromBase32(secret), stepAt(ms))
      const earlier = codeAt(systemClock.now() - STEP_SEC * 1000)
      await iam.mfa.confirm(account, 'ann', { code: earlier, sourceIp: '127.0.0.1' })
      const { app } = await iam.oidc.apps.create(account, {
        name: 'Wiki',
        redirectUris: [`${party.origin}/back`],
        postLogoutRedirectUris: [`${party.origin}/bye`],
      })
      party.configure(
        await client.discovery(new URL(`${endpoint}/oidc/${account}`), app.id, undefined, client.None(), {
          execute: [client.allowInsecureRequests],
        }),
      )

      const page = await browser.newPage()
      const refused: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' && message.text().includes('Content Security Policy'))
          refused.push(message.text())
      })
      await page.goto(party.origin)
      await page.getByLabel('User name').fill('ann')
      await page.getByLabel('Password').fill('not the password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('wrong')
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('authenticator')
      await page.getByLabel('Password').fill(password)
      await page.getByLabel('Code').fill(codeAt(systemClock.now()))
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('heading').textContent()).toBe('Allow access')
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.getByRole('heading', { name: 'Hello ann' }).waitFor()
      expect(party.claims()).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], aud: app.id })

      await page.goto(party.origin)
      await page.getByRole('heading', { name: 'Hello ann' }).waitFor()

      await page.goto(party.signOutUrl() ?? '')
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'Bye' }).waitFor()
      await page.goto(party.origin)
      await page.getByLabel('User name').waitFor()
      expect(refused).toEqual([])
    } finally {
      await browser.close()
      await party.close()
      await api.close()
      await iam.close()
      await database.close()
      rmSync(dir, { recursive: true })
    }
  })
})

function fromBase32(text: string): Buffer {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}
