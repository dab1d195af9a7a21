import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Api,
  type AuditEvent,
  createServer,
  migrate,
  openSealer,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'
import { iamRoutes } from '../routes.ts'

const account = parseAccountId('000000000001')
const DAY = 24 * 3_600_000
const first = 'correct horse 7 battery'
const standing = { lengthMin: 12, historyCount: 0, ageDaysMax: 0, failuresMax: 5, lockoutMinutes: 15 }

describe.each(testDatabases())('a password policy on $name', ({ open }) => {
  let dir: string
  let opened: Awaited<ReturnType<typeof open>>
  let iam: Iam
  let api: Api
  let now: number
  const audited: AuditEvent[] = []
  const clock = { now: () => now }

  beforeEach(async () => {
    now = systemClock.now()
    audited.length = 0
    dir = mkdtempSync(join(tmpdir(), 'rampart-passwords-'))
    opened = await open()
    await migrate(opened.database, iamMigrations, clock)
    iam = await createIam({ database: opened.database, sealer: openSealer({ dataDir: dir }), clock })
    await iam.bootstrap(() => {})
    api = await createServer({
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      clock,
      authenticator: iam.authenticator,
      authorizer: iam.authorizer,
      audit: { record: async (event) => void audited.push(event) },
      routes: [iamRoutes(iam, { compileFilter: () => () => true })],
    })
    await iam.users.create(account, { name: 'ann', password: first })
  })
  afterEach(async () => {
    await api.close()
    await iam.close()
    await opened.drop()
    rmSync(dir, { recursive: true })
  })

  const signIn = (password: string, sourceIp = '192.0.2.1') =>
    iam.signIn({ userName: 'ann', password, sourceIp }).then(
      () => 'in',
      ({ code }: { code: string }) => code,
    )
  const set = (password: string) =>
    iam.users.update(account, 'ann', { password }).then(
      () => 'set',
      ({ code }: { code: string }) => code,
    )
  const change = (password: string, newPassword: string) =>
    api.inject({ method: 'POST', url: '/v1/iam/tokens/password', payload: { userName: 'ann', password, newPassword } })

  it('is the standing one until an account says otherwise, and of that account alone', async () => {
    expect(await iam.passwordPolicies.get(account)).toEqual(standing)
    await iam.passwordPolicies.put(account, { ...standing, lengthMin: 20 })
    expect(await iam.passwordPolicies.get(parseAccountId('000000000002'))).toEqual(standing)
    expect(await set('only 19 characters!')).toBe('iam.password.weak')
    expect(await set('this one has twenty one')).toBe('set')
  })

  it('lets none of the last passwords come again', async () => {
    await iam.passwordPolicies.put(account, { ...standing, historyCount: 2 })
    const [second, third] = ['another phrase 8 words', 'the third phrase 9 now']
    expect(await set(first)).toBe('iam.password.used')
    now += 1
    expect(await set(second!)).toBe('set')
    expect(await set(first)).toBe('iam.password.used')
    now += 1
    expect(await set(third!)).toBe('set')
    expect([await set(second!), await set(third!)]).toEqual(['iam.password.used', 'iam.password.used'])
    now += 1
    expect(await set(first)).toBe('set')
    await iam.users.delete(account, 'ann')
    await iam.users.create(account, { name: 'ann', password: third! })
    expect(await signIn(third!)).toBe('in')
  })

  it('takes no password that is too old, but to set another, which ends its sessions', async () => {
    await iam.passwordPolicies.put(account, { ...standing, ageDaysMax: 90 })
    now += 90 * DAY - 1
    expect(await signIn(first)).toBe('in')
    now += 1
    expect(await signIn(first)).toBe('iam.signIn.passwordExpired')
    expect(await signIn('wrong')).toBe('iam.signIn.failed')
    expect((await change('wrong', 'another phrase 8 words')).statusCode).toBe(401)
    expect((await change(first, 'short')).statusCode).toBe(422)
    expect((await change(first, 'another phrase 8 words')).statusCode).toBe(204)
    expect(await signIn(first)).toBe('iam.signIn.failed')
    expect(await signIn('another phrase 8 words')).toBe('in')
    expect(audited).toMatchObject([
      { account: 'unknown', action: 'iam:password:change', outcome: 'refused' },
      { account: 'unknown', action: 'iam:password:change', outcome: 'failure' },
      { account, principal: `arn:rampart:iam::${account}:user/ann`, action: 'iam:password:change', outcome: 'success' },
    ])
  })

  it('locks out after as many failures, and for as long, as the account wants', async () => {
    await iam.passwordPolicies.put(account, { ...standing, failuresMax: 2, lockoutMinutes: 60 })
    expect([await signIn('no'), await signIn('no'), await signIn(first)]).toEqual([
      'iam.signIn.failed',
      'iam.signIn.failed',
      'iam.signIn.lockedOut',
    ])
    expect(await signIn(first, '198.51.100.1')).toBe('in')
    now += 59 * 60_000
    expect(await signIn(first)).toBe('iam.signIn.lockedOut')
    now += 60_000
    expect(await signIn(first)).toBe('in')
  })
})
