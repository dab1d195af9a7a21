import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Database,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { ACCESS_LAPSES_AFTER_MS, ACCESS_PENDING_PER_USER_MAX } from '../limits.ts'
import { iamMigrations } from '../migrations.ts'
import type { BreakGlassUse } from './break-glass.ts'

const account = parseAccountId('000000000001')
const password = 'long-Pass-phrase-7-for-this-test'
const rule = `arn:rampart:siem:local:${account}:rule/default/x`
const HOUR = 3_600_000
const document = (effect: 'Allow' | 'Deny', action: string, more: object = {}) =>
  JSON.stringify({ Version: '5.0', Statement: { Effect: effect, Action: action, Resource: '*', ...more } })

class TestClock {
  at = Date.parse('2026-11-21T12:00:00Z')
  now(): number {
    return this.at
  }
}

describe.each(testDatabases())('access for a time on $name', ({ open: openDatabase }) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let clock: TestClock
  let iam: Iam
  let alarm: (use: BreakGlassUse) => Promise<void>
  const uses: BreakGlassUse[] = []
  const open = () =>
    createIam({ database, sealer: openSealer({ dataDir: dir }), clock, onBreakGlass: (use) => alarm(use) })

  beforeEach(async () => {
    ;({ database, drop } = await openDatabase())
    dir = mkdtempSync(join(tmpdir(), 'rampart-access-'))
    clock = new TestClock()
    uses.length = 0
    alarm = async (use) => void uses.push(use)
    await migrate(database, iamMigrations, systemClock)
    iam = await open()
    await iam.bootstrap(() => {})
    for (const name of ['ann', 'bob', 'cid', 'dan']) await iam.users.create(account, { name, password })
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const user = (name: string, of = iam): Principal => {
    const found = of.findPrincipal(account, `arn:rampart:iam::${account}:user/${name}`)
    if (!found) throw new Error(`no user ${name}`)
    return { ...found, auth: 'token' }
  }
  const may = (name: string, action = 'siem:rule:get', of = iam) =>
    of.decide({ principal: user(name), action, resource: rule }).allowed
  const byBoth = async (name: string, action = 'siem:rule:get') => {
    const allowed = (await iam.authorizer.authorize({ principal: user(name), action, resource: rule })).allowed
    expect(may(name, action)).toBe(allowed)
    return allowed
  }
  const ask = (name: string, target: { kind: 'policy' | 'group'; name: string }, durationSec = 3_600) =>
    iam.accessRequests.create(user(name), { target, reason: 'a broken rule', durationSec })
  const policy = async (text = document('Allow', 'siem:rule:*')) => {
    const { arn } = await iam.policies.create(account, { name: 'rules', document: text })
    return { kind: 'policy' as const, name: arn }
  }

  it('begins with the approval of somebody else and is over at its very instant', async () => {
    const { id, state } = await ask('ann', await policy())
    expect([state, await byBoth('ann')]).toEqual(['pending', false])
    const after = await iam.accessRequests.approve(user('admin'), id, 'for an hour')
    expect(after).toMatchObject({
      state: 'active',
      startsAt: clock.at,
      expiresAt: clock.at + HOUR,
      voices: [{ approver: `arn:rampart:iam::${account}:user/admin`, approved: true, comment: 'for an hour' }],
    })
    expect(await byBoth('ann')).toBe(true)
    clock.at += HOUR - 1
    expect(await byBoth('ann')).toBe(true)
    clock.at += 1
    expect(await byBoth('ann')).toBe(false)
    expect((await iam.accessRequests.get(account, id)).state).toBe('expired')
    await expect(iam.accessRequests.revoke(user('admin'), id)).rejects.toMatchObject({ code: 'iam.access.notOpen' })
  })

  it('ends what it denies at the same instant as what it allows', async () => {
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'own', document('Allow', 'siem:rule:get'))
    const { id } = await ask('ann', await policy(document('Deny', 'siem:rule:get')))
    await iam.accessRequests.approve(user('admin'), id)
    expect(await byBoth('ann')).toBe(false)
    clock.at += HOUR
    expect(await byBoth('ann')).toBe(true)
  })

  it('is never approved by who asked, nor as a role, nor by who may not give what is asked for', async () => {
    const { id } = await ask('admin', await policy())
    await expect(iam.accessRequests.approve(user('admin'), id)).rejects.toMatchObject({ code: 'iam.access.ownRequest' })
    const asRole = iam.principalOfRole(account, 'playbook-runner')
    await expect(iam.accessRequests.approve(asRole, id)).rejects.toMatchObject({ code: 'iam.access.usersOnly' })
    await expect(iam.accessRequests.approve(user('bob'), id)).rejects.toMatchObject({ code: 'iam.pdp.notAllowed' })
    const lead = document('Allow', 'iam:access-request:approve', { Resource: `arn:rampart:iam::${account}:group/*` })
    await iam.attachments.putInline(account, { kind: 'user', name: 'bob' }, 'groups', lead)
    await expect(iam.accessRequests.approve(user('bob'), id)).rejects.toMatchObject({ code: 'iam.pdp.notAllowed' })
    expect((await iam.accessRequests.get(account, id)).state).toBe('pending')
  })

  it('puts a user in a group for a time: its policies, and g:Groups', async () => {
    await iam.groups.create(account, 'night')
    const holder = { kind: 'group' as const, name: 'night' }
    await iam.attachments.putInline(account, holder, 'p', document('Allow', 'siem:rule:get'))
    const inNight = document('Allow', 'siem:alert:get', {
      Condition: { 'ForAnyValue:StringEquals': { 'g:Groups': 'night' } },
    })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'own', inNight)
    const { id } = await ask('ann', { kind: 'group', name: 'night' })
    expect([await byBoth('ann'), await byBoth('ann', 'siem:alert:get')]).toEqual([false, false])
    await iam.accessRequests.approve(user('admin'), id)
    expect([await byBoth('ann'), await byBoth('ann', 'siem:alert:get')]).toEqual([true, true])
    const page = await iam.whoCan(account, { action: 'siem:rule:get', resource: rule, context: new Map(), limit: 10 })
    expect(page.items.map(({ principal }) => principal.split('/')[1])).toContain('ann')
    clock.at += HOUR
    expect([await byBoth('ann'), await byBoth('ann', 'siem:alert:get')]).toEqual([false, false])
  })

  it.each([
    ['cancelled', () => user('ann'), 'cancel'],
    ['revoked', () => user('admin'), 'revoke'],
  ] as const)('is %s before its time and counts at the next decision', async (state, by, verb) => {
    const { id } = await ask('ann', await policy())
    await iam.accessRequests.approve(user('admin'), id)
    expect(await byBoth('ann')).toBe(true)
    await expect(iam.accessRequests.cancel(user('bob'), id)).rejects.toMatchObject({ code: 'iam.access.notOwn' })
    expect(await iam.accessRequests[verb](by(), id)).toMatchObject({ state, endedAt: clock.at, endedBy: by().arn })
    expect(await byBoth('ann')).toBe(false)
  })

  it('is rejected by one voice, lapses unheard, and is decided once', async () => {
    const target = await policy()
    const first = await ask('ann', target)
    await iam.accessRequests.reject(user('admin'), first.id, 'no')
    await expect(iam.accessRequests.approve(user('admin'), first.id)).rejects.toMatchObject({
      code: 'iam.access.notOpen',
    })
    const second = await ask('ann', target)
    clock.at += ACCESS_LAPSES_AFTER_MS
    expect((await iam.accessRequests.get(account, second.id)).state).toBe('lapsed')
    await expect(iam.accessRequests.approve(user('admin'), second.id)).rejects.toMatchObject({
      code: 'iam.access.notOpen',
    })
    const third = await ask('ann', target)
    const both = [1, 2].map(() => iam.accessRequests.approve(user('admin'), third.id))
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await iam.accessRequests.list(account)).map(({ state }) => state)).toEqual(['active', 'lapsed', 'rejected'])
  })

  it('gives nothing by a policy, group or user that was deleted and made again', async () => {
    const target = await policy()
    const held = await ask('ann', target)
    const waiting = await ask('bob', target)
    await iam.accessRequests.approve(user('admin'), held.id)
    await iam.policies.delete(account, 'rules')
    expect(may('ann')).toBe(false)
    await policy()
    expect(may('ann')).toBe(false)
    await expect(iam.accessRequests.approve(user('admin'), waiting.id)).rejects.toMatchObject({
      code: 'iam.access.notOpen',
    })
    const again = await ask('cid', target)
    await iam.accessRequests.approve(user('admin'), again.id)
    await iam.users.delete(account, 'cid')
    await iam.users.create(account, { name: 'cid' })
    expect(may('cid')).toBe(false)
  })

  it('is known after a restart, and to another process', async () => {
    const other = database.dialect === 'postgres' ? await open() : undefined
    const { id } = await ask('ann', await policy())
    await iam.accessRequests.approve(user('admin'), id)
    const restarted = await open()
    expect(may('ann', 'siem:rule:get', restarted)).toBe(true)
    await restarted.close()
    if (!other) return
    const request = { principal: user('ann'), action: 'siem:rule:get', resource: rule }
    await other.authenticator
      .authenticate({ method: 'GET', rawUrl: '/', headers: [], sourceIp: '192.0.2.1', service: 'rampart' })
      .catch(() => {})
    expect(other.decide(request).allowed).toBe(true)
    await other.close()
  })

  it('is asked for in bounded number', async () => {
    const target = await policy()
    for (let i = 0; i < ACCESS_PENDING_PER_USER_MAX; i++) await ask('ann', target)
    await expect(ask('ann', target)).rejects.toMatchObject({ code: 'iam.limit.reached' })
    await expect(ask('bob', { kind: 'group', name: 'absent' })).rejects.toMatchObject({ code: 'iam.thing.absent' })
  })

  describe('a break-glass user', () => {
    beforeEach(async () => {
      await iam.users.create(account, { name: 'glass', password })
      await iam.attachments.attach(
        account,
        { kind: 'user', name: 'glass' },
        'arn:rampart:iam::rampart:policy/Administrator',
      )
      await iam.breakGlass.put(account, 'glass', ['ann', 'bob', 'cid'])
    })

    const head = (accessToken: string) => ({
      method: 'GET',
      rawUrl: '/',
      headers: [['authorization', `Bearer ${accessToken}`]] as const,
      sourceIp: '192.0.2.1',
      service: 'rampart',
    })
    const signIn = () => iam.signIn({ userName: 'glass', password, sourceIp: '192.0.2.1' })
    const request = (name: string) =>
      iam.breakGlass.request(user(name), 'glass', { reason: 'locked out', durationSec: 3_600 })
    const opened = async () => {
      const { id } = await request('ann')
      await iam.breakGlass.approve(user('bob'), 'glass', { id })
      await iam.breakGlass.approve(user('cid'), 'glass', { id })
      return id
    }
    const custody = (name: string, action: string) =>
      iam.authorizer.authorize({ principal: user(name), action, resource: user('glass').arn })

    it('does nothing while closed', async () => {
      await expect(signIn()).rejects.toMatchObject({ code: 'iam.signIn.failed' })
      expect(await byBoth('glass')).toBe(false)
    })

    it('is opened by two custodians who did not ask, for as long as was asked', async () => {
      const { id, approvalsNeeded } = await request('ann')
      expect(approvalsNeeded).toBe(2)
      await expect(iam.breakGlass.approve(user('ann'), 'glass', { id })).rejects.toMatchObject({
        code: 'iam.access.ownRequest',
      })
      await expect(iam.breakGlass.approve(user('admin'), 'glass', { id })).rejects.toMatchObject({
        code: 'iam.access.notCustodian',
      })
      expect((await iam.breakGlass.approve(user('bob'), 'glass', { id })).state).toBe('pending')
      await expect(iam.breakGlass.approve(user('bob'), 'glass', { id })).rejects.toMatchObject({
        code: 'iam.thing.exists',
      })
      await expect(signIn()).rejects.toMatchObject({ code: 'iam.signIn.failed' })
      expect((await iam.breakGlass.approve(user('cid'), 'glass', { id })).state).toBe('active')
      expect(uses).toMatchObject([{ userName: 'glass', action: 'iam:break-glass:open', allowed: true }])
      clock.at += 1
      const { accessToken } = await signIn()
      expect(await iam.authenticator.authenticate(head(accessToken))).toMatchObject({ name: 'glass' })
      clock.at += HOUR - 2
      expect(await byBoth('glass')).toBe(true)
      clock.at += 1
      expect(await byBoth('glass')).toBe(false)
      await expect(iam.authenticator.authenticate(head(accessToken))).rejects.toMatchObject({
        code: 'iam.token.invalid',
      })
    })

    it('is closed at once by any custodian, and its old sign-ins stay over when it is opened again', async () => {
      const id = await opened()
      clock.at += 1
      const { accessToken } = await signIn()
      await iam.breakGlass.close(user('bob'), 'glass', id)
      await expect(iam.authenticator.authenticate(head(accessToken))).rejects.toMatchObject({
        code: 'iam.token.invalid',
      })
      clock.at += 1
      await opened()
      await expect(iam.authenticator.authenticate(head(accessToken))).rejects.toMatchObject({
        code: 'iam.token.invalid',
      })
    })

    it('works, and is opened, where guardrails and policies deny everything to everybody', async () => {
      const shut = document('Deny', '*')
      for (const name of ['ann', 'bob', 'cid']) {
        await iam.attachments.putInline(account, { kind: 'user', name }, 'shut', shut)
      }
      for (const action of ['get', 'request', 'approve', 'close']) {
        expect((await custody('ann', `iam:break-glass:${action}`)).allowed, action).toBe(true)
      }
      expect((await custody('ann', 'iam:break-glass:put')).allowed).toBe(false)
      expect((await custody('ann', 'iam:user:update')).allowed).toBe(false)
      expect((await custody('dan', 'iam:break-glass:request')).allowed).toBe(false)
      await opened()
      expect(await byBoth('glass')).toBe(true)
    })

    it('raises an alert at every use, and does nothing that cannot be told', async () => {
      await opened()
      uses.length = 0
      const asked = { principal: user('glass'), action: 'siem:rule:put', resource: rule }
      const told = await iam.authorizer.authorize(asked)
      const refused = { ...asked, action: 'kms:cmk:decrypt' }
      expect((await iam.authorizer.authorize(refused)).allowed).toBe(false)
      expect(uses).toMatchObject([
        {
          id: told.id,
          account,
          userName: 'glass',
          action: 'siem:rule:put',
          resource: rule,
          allowed: true,
          at: clock.at,
        },
        { action: 'kms:cmk:decrypt', allowed: false },
      ])
      iam.decide(asked)
      expect(uses).toHaveLength(2)
      alarm = async () => {
        throw new Error('no alerts')
      }
      expect(await iam.authorizer.authorize(asked)).toMatchObject({ allowed: false, reason: 'error' })
    })

    it('assumes no role, and is watched over by users who are none themselves', async () => {
      await opened()
      const input = { arn: `arn:rampart:iam::${account}:role/r`, sessionName: 'x1', ttlSec: 900, context: new Map() }
      await expect(iam.assumeRole(user('glass'), input)).rejects.toMatchObject({ code: 'iam.role.notTrusted' })
      for (const custodians of [
        ['ann', 'bob'],
        ['ann', 'ann', 'bob'],
        ['glass', 'ann', 'bob', 'cid'],
      ]) {
        await expect(iam.breakGlass.put(account, 'glass', custodians)).rejects.toMatchObject({
          code: 'iam.access.custodians',
        })
      }
      await expect(iam.breakGlass.put(account, 'dan', ['ann', 'bob', 'glass'])).rejects.toMatchObject({
        code: 'iam.access.custodians',
      })
      await iam.breakGlass.remove(account, 'glass')
      expect(() => iam.breakGlass.get(account, 'glass')).toThrow('no break-glass user')
    })
  })

  it('lets a break-glass user of a member account past the guardrails of its organisation, and no other', async () => {
    const { root } = await iam.organizations.create(account)
    const administrator = { userName: 'root', password }
    const { id: member } = await iam.organizations.createAccount(account, {
      name: 'shop',
      parent: root.id,
      administrator,
    })
    for (const name of ['glass', 'u1', 'u2', 'u3']) await iam.users.create(member, { name, password })
    for (const name of ['glass', 'u1']) {
      await iam.attachments.attach(member, { kind: 'user', name }, 'arn:rampart:iam::rampart:policy/Administrator')
    }
    await iam.breakGlass.put(member, 'glass', ['u1', 'u2', 'u3'])
    for (const kind of ['principal', 'resource'] as const) {
      await iam.organizations.putGuardrail(account, { name: `Shut-${kind}`, kind, document: document('Deny', '*') })
      await iam.organizations.attach(account, root.id, `Shut-${kind}`)
    }
    const of = (name: string): Principal => ({
      ...iam.findPrincipal(member, `arn:rampart:iam::${member}:user/${name}`)!,
      auth: 'token',
    })
    const resource = `arn:rampart:iam::${member}:user/glass`
    const can = async (name: string, action: string, on = resource) =>
      (await iam.authorizer.authorize({ principal: of(name), action, resource: on })).allowed
    expect(await can('u1', 'iam:user:get')).toBe(false)
    expect(await can('u1', 'iam:break-glass:request')).toBe(true)
    const { id } = await iam.breakGlass.request(of('u1'), 'glass', { reason: 'shut', durationSec: 600 })
    await iam.breakGlass.approve(of('u2'), 'glass', { id })
    await iam.breakGlass.approve(of('u3'), 'glass', { id })
    expect(await can('glass', 'iam:user:get')).toBe(true)
    expect(await can('glass', 'iam:user:get', `arn:rampart:iam::${account}:user/admin`)).toBe(false)
    expect(await can('u1', 'iam:user:get')).toBe(false)
  })
})
