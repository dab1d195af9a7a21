import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, createServer, migrate, openSealer, systemClock } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'
import { iamRoutes } from '../routes.ts'
import type { IamTables } from '../tables.ts'
import { hotp, STEP_SEC, stepAt } from './totp.ts'

describe.each(testDatabases())('sign-in with a second factor ($name)', ({ open }) => {
  let dir: string
  let opened: Awaited<ReturnType<typeof open>>
  let iam: Iam
  let api: Api
  let admin: string
  let now = 0
  const clock = { now: () => now }
  const password = 'correct horse 7 battery'

  beforeEach(async () => {
    now = systemClock.now()
    dir = mkdtempSync(join(tmpdir(), 'rampart-mfa-'))
    opened = await open()
    await migrate(opened.database, iamMigrations, clock)
    iam = await createIam({ database: opened.database, sealer: openSealer({ dataDir: dir }), clock })
    const first = await iam.bootstrap(() => {})
    api = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock,
      authenticator: iam.authenticator,
      authorizer: iam.authorizer,
      audit: { record: async () => {} },
      routes: [iamRoutes(iam, { compileFilter: () => () => true })],
    })
    admin = (await signIn({ userName: 'admin', password: first?.password })).json().accessToken
    expect((await call('POST', '/v1/iam/users', { name: 'ann', password })).statusCode).toBe(201)
  })
  afterEach(async () => {
    await api.close()
    await iam.close()
    await opened.drop()
    rmSync(dir, { recursive: true })
  })

  const signIn = (payload: object, remoteAddress = '10.0.0.1') =>
    api.inject({ method: 'POST', url: '/v1/iam/tokens', payload, remoteAddress })
  const asAnn = (mfaCode?: string, remoteAddress?: string) =>
    signIn({ userName: 'ann', password, ...(mfaCode === undefined ? {} : { mfaCode }) }, remoteAddress)
  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object, token = admin) =>
    api.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}` },
      ...(payload ? { payload } : {}),
    })
  const device = '/v1/iam/users/ann/mfa-device'

  function codeOf(secret: string, stepsOn = 0): string {
    const bits = [...secret]
      .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
      .join('')
    const bytes = bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []
    return hotp(Buffer.from(bytes), stepAt(now) + stepsOn)
  }

  async function enrolled(): Promise<{ secret: string; recoveryCodes: string[] }> {
    const { secret } = (await call('POST', device)).json()
    const confirmed = await call('POST', `${device}/confirm`, { code: codeOf(secret) })
    expect(confirmed.statusCode).toBe(200)
    now += STEP_SEC * 1000
    return { secret, recoveryCodes: confirmed.json().recoveryCodes }
  }

  it('asks for a code once one was confirmed, not before, and no longer when it is removed', async () => {
    const made = await call('POST', device)
    expect(made.statusCode).toBe(201)
    expect(made.headers['cache-control']).toBe('no-store')
    expect(made.json().otpauthUri).toContain(`secret=${made.json().secret}&`)
    expect((await asAnn()).statusCode).toBe(200)
    expect((await call('POST', `${device}/confirm`, { code: '000000' })).json().code).toBe('iam.mfa.wrongCode')
    expect((await call('GET', device)).json()).toMatchObject({ state: 'pending' })
    const { secret } = await enrolled()
    expect((await call('GET', device)).json()).toMatchObject({ state: 'active', recoveryCodesLeft: 10 })
    expect((await asAnn()).json()).toMatchObject({ status: 401, code: 'iam.signIn.mfaRequired' })
    expect((await asAnn(codeOf(secret))).statusCode).toBe(200)
    expect((await call('POST', device)).json()).toMatchObject({ status: 409, code: 'iam.thing.exists' })
    expect((await call('DELETE', device)).statusCode).toBe(204)
    expect((await asAnn()).statusCode).toBe(200)
    expect((await call('DELETE', device)).statusCode).toBe(404)
  })

  it('tells nothing of the second factor to who does not know the password', async () => {
    await enrolled()
    expect((await signIn({ userName: 'ann', password: 'wrong' })).json().code).toBe('iam.signIn.failed')
  })

  it('takes a code once, also when it is sent many times at once, and none from before it', async () => {
    const { secret } = await enrolled()
    const code = codeOf(secret)
    const answers = await Promise.all(Array.from({ length: 4 }, (_, i) => asAnn(code, `10.0.1.${i}`)))
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([200, 401, 401, 401])
    expect((await asAnn(codeOf(secret, -1))).statusCode).toBe(401)
    expect((await asAnn(codeOf(secret, 1))).statusCode).toBe(200)
  })

  it('does not take the code that confirmed the device', async () => {
    const { secret } = (await call('POST', device)).json()
    const code = codeOf(secret)
    expect((await call('POST', `${device}/confirm`, { code })).statusCode).toBe(200)
    expect((await asAnn(code)).json().code).toBe('iam.signIn.failed')
  })

  it('locks out who guesses codes, like who guesses passwords', async () => {
    const { secret } = await enrolled()
    const right = codeOf(secret)
    const wrong = String((Number(right) + 500_000) % 1_000_000).padStart(6, '0')
    for (let i = 0; i < 5; i++) expect((await asAnn(wrong)).statusCode).toBe(401)
    expect((await asAnn(right)).statusCode).toBe(429)
    expect((await asAnn(right, '10.0.0.2')).statusCode).toBe(200)
  })

  it('takes each recovery code once, however it is typed', async () => {
    const { recoveryCodes } = await enrolled()
    const [code = ''] = recoveryCodes
    expect((await asAnn(code.toLowerCase().replaceAll('-', ' '))).statusCode).toBe(200)
    expect((await asAnn(code)).statusCode).toBe(401)
    expect((await call('GET', device)).json().recoveryCodesLeft).toBe(9)
  })

  it('makes g:MFAPresent and g:MFAAge true of the sign-in', async () => {
    const statement = (sid: string, action: string, condition: object) => ({
      Sid: sid,
      Effect: 'Allow',
      Action: action,
      Condition: condition,
    })
    const document = {
      Version: '5.0',
      Statement: [
        statement('Present', 'iam:user:list', { Bool: { 'g:MFAPresent': 'true' } }),
        statement('Recent', 'iam:group:list', { NumericLessThan: { 'g:MFAAge': '300' } }),
      ],
    }
    await call('PUT', '/v1/iam/users/ann/inline-policies/mfa', { document })
    const statuses = async (token: string) => [
      (await call('GET', '/v1/iam/users', undefined, token)).statusCode,
      (await call('GET', '/v1/iam/groups', undefined, token)).statusCode,
    ]
    const without = (await asAnn()).json().accessToken
    expect(await statuses(without)).toEqual([403, 403])
    const { secret } = await enrolled()
    const token = (await asAnn(codeOf(secret))).json().accessToken
    expect(await statuses(token)).toEqual([200, 200])
    now += 301_000
    expect(await statuses(token)).toEqual([200, 403])
    expect(await statuses(without)).toEqual([403, 403])
  })

  it('keeps the secret sealed, and nothing of a user that is deleted', async () => {
    const { secret } = await enrolled()
    const rows = () => opened.database.as<IamTables>().read.selectFrom('iam_totp').selectAll().execute()
    const [row] = await rows()
    const bytes = Buffer.from(row?.sealed_secret ?? [])
    expect(bytes.length).toBeGreaterThan(20)
    expect(bytes.includes(secret)).toBe(false)
    expect((await call('DELETE', '/v1/iam/users/ann')).statusCode).toBe(204)
    expect(await rows()).toEqual([])
    await call('POST', '/v1/iam/users', { name: 'ann', password })
    expect((await asAnn()).statusCode).toBe(200)
  })
})
