import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type AccountId,
  type Database,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'

const management = parseAccountId('000000000001')
const administrator = { userName: 'root', password: 'long-Pass-phrase-7-for-this-test' }
const allow = (...actions: string[]) =>
  JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: actions, Resource: '*' } })
const deny = (...actions: string[]) =>
  JSON.stringify({ Version: '5.0', Statement: { Effect: 'Deny', Action: actions, Resource: '*' } })

class TestClock {
  at = Date.parse('2026-11-21T12:00:00Z')
  now(): number {
    return this.at
  }
}

describe.each(testDatabases())('an organisation on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let clock: TestClock
  let iam: Iam
  const open = () => createIam({ database, sealer: openSealer({ dataDir: dir }), clock })

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-organization-'))
    clock = new TestClock()
    await migrate(database, iamMigrations, systemClock)
    iam = await open()
    await iam.bootstrap(() => {})
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const user = (account: AccountId, name = 'root'): Principal => {
    const found = iam.findPrincipal(account, `arn:rampart:iam::${account}:user/${name}`)
    if (!found) throw new Error(`no user ${name}`)
    return found
  }
  const thingOf = (account: AccountId) => `arn:rampart:siem:local:${account}:rule/default/x`
  const outcome = (principal: Principal, action = 'siem:rule:get', resource = thingOf(principal.account)) => {
    const request = { principal, action, resource }
    const { decision, decidedBy, node } = iam.explain(request)!
    expect(iam.decide(request).reason).toBe(decision)
    return { decision, ...(decidedBy ? { decidedBy } : {}), ...(node ? { node } : {}) }
  }
  const orgs = () => iam.organizations

  async function withMember() {
    const { root } = await orgs().create(management)
    const unit = await orgs().createUnit(management, { name: 'ops' })
    const { id } = await orgs().createAccount(management, { name: 'shop', parent: unit.id, administrator })
    return { root: root.id, unit: unit.id, member: id }
  }

  it('is one an account, and tells a member no more than that it is in it', async () => {
    const { member } = await withMember()
    await expect(orgs().create(management)).rejects.toMatchObject({ code: 'iam.thing.exists' })
    await expect(orgs().create(member)).rejects.toMatchObject({ code: 'iam.thing.exists' })
    expect(orgs().get(member).management).toBe(management)
    expect(() => orgs().managed(member)).toThrow(expect.objectContaining({ code: 'iam.thing.absent' }))
    expect(orgs().accounts(management)).toMatchObject(
      [
        { account: management, name: 'first' },
        { account: member, name: 'shop' },
      ].sort((a, b) => (a.account < b.account ? -1 : 1)),
    )
  })

  it('makes an account that works at once, tells listeners first, and can be entered by its role', async () => {
    const heard: AccountId[] = []
    iam.onAccount(async (account) => {
      heard.push(account)
    })
    const { member } = await withMember()
    expect(heard).toEqual([member])
    expect(member).toMatch(/^[0-9]{12}$/)
    expect(iam.accounts()).toContain(member)
    const signedIn = await iam.signIn({ accountId: member, ...administrator, sourceIp: '10.0.0.1' })
    expect(signedIn.accessToken.length).toBeGreaterThan(20)
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
    const made = await iam.assumeRole(user(management, 'admin'), {
      arn: `arn:rampart:iam::${member}:role/organization-access`,
      sessionName: 'visit',
      ttlSec: 900,
      context: new Map(),
    })
    expect(made.arn).toBe(`arn:rampart:sts::${member}:assumed-role/organization-access/visit`)
  })

  it('bounds what a member may do at every node: an Allow at the root and none at the unit is refused there', async () => {
    const { root, unit, member } = await withMember()
    await orgs().putGuardrail(management, { name: 'Siem', kind: 'principal', document: allow('siem:*') })
    await orgs().attach(management, root, 'Siem')
    await orgs().detach(management, root, 'FullAccess')
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
    expect(outcome(user(member), 'soar:run:get')).toMatchObject({ decidedBy: 'guardrail', node: root })
    await orgs().detach(management, unit, 'FullAccess')
    expect(outcome(user(member))).toEqual({ decision: 'implicitDeny', decidedBy: 'guardrail', node: unit })
    await orgs().attach(management, unit, 'Siem')
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
  })

  it('follows an account that is moved, and lets go of one that is taken out', async () => {
    const { root, unit, member } = await withMember()
    await orgs().putGuardrail(management, { name: 'NoRules', kind: 'principal', document: deny('siem:rule:*') })
    await orgs().attach(management, unit, 'NoRules')
    expect(outcome(user(member))).toEqual({ decision: 'explicitDeny', decidedBy: 'guardrail', node: unit })
    await orgs().move(management, member, root)
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
    await orgs().attach(management, member, 'NoRules')
    expect(outcome(user(member))).toMatchObject({ node: member })
    await orgs().remove(management, member)
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
    expect(() => orgs().get(member)).toThrow(expect.objectContaining({ code: 'iam.thing.absent' }))
  })

  it('bounds what may be done to the resources of a member, whoever asks', async () => {
    const { member } = await withMember()
    await orgs().putGuardrail(management, { name: 'Keep', kind: 'resource', document: deny('siem:rule:delete') })
    await orgs().attach(management, member, 'Keep')
    const about = (principal: Principal) => outcome(principal, 'siem:rule:delete', thingOf(member))
    expect(about(user(member))).toEqual({ decision: 'explicitDeny', decidedBy: 'resourceGuardrail', node: member })
    expect(about(user(management, 'admin'))).toMatchObject({ decidedBy: 'resourceGuardrail' })
    expect(outcome(user(member), 'siem:rule:get')).toEqual({ decision: 'allow' })
  })

  it('leaves the management account unbound, so that a mistake can be undone', async () => {
    const { root } = await withMember()
    await orgs().putGuardrail(management, { name: 'Nothing', kind: 'principal', document: deny('*') })
    await orgs().attach(management, root, 'Nothing')
    expect(outcome(user(management, 'admin'))).toEqual({ decision: 'allow' })
  })

  it('refuses a guardrail with a Principal, or with an Allow that has a Condition', async () => {
    await withMember()
    const put = (statement: object) =>
      orgs().putGuardrail(management, {
        name: 'Odd',
        kind: 'principal',
        document: JSON.stringify({ Version: '5.0', Statement: { Action: '*', Resource: '*', ...statement } }),
      })
    const condition = { Bool: { 'g:MFAPresent': 'true' } }
    await expect(put({ Effect: 'Allow', Condition: condition })).rejects.toThrow('takes no Condition')
    await expect(put({ Effect: 'Deny', Principal: '*' })).rejects.toThrow('Principal has no place')
    await expect(put({ Effect: 'Deny', Condition: condition })).resolves.toMatchObject({ name: 'Odd' })
  })

  it('stands five units deep and no deeper', async () => {
    let parent = (await orgs().create(management)).root.id
    for (let depth = 1; depth <= 5; depth++) {
      const unit = await orgs().createUnit(management, { name: `u${depth}`, parent })
      expect(unit.depth).toBe(depth)
      parent = unit.id
    }
    await expect(orgs().createUnit(management, { name: 'u6', parent })).rejects.toMatchObject({
      code: 'iam.limit.reached',
    })
  })

  it('takes in an account that accepts, once and in time, and lets it leave', async () => {
    const { member } = await withMember()
    await orgs().leave(member)
    const { id } = await orgs().invite(management, member)
    expect(orgs().invitations(member)).toMatchObject([{ id, from: management }])
    const stranger = parseAccountId('000000000009')
    expect(orgs().invitations(stranger)).toEqual([])
    await expect(orgs().accept(stranger, id)).rejects.toMatchObject({ code: 'iam.thing.absent' })
    await orgs().accept(member, id)
    expect(orgs().get(member).members.get(member)?.node).toBe(orgs().managed(management).root.id)
    await expect(orgs().accept(member, id)).rejects.toMatchObject({ code: 'iam.thing.absent' })
    await orgs().leave(member)
    const late = await orgs().invite(management, member)
    clock.at = late.expiresAt
    await expect(orgs().accept(member, late.id)).rejects.toMatchObject({ code: 'iam.thing.absent' })
    await expect(orgs().leave(management)).rejects.toMatchObject({ code: 'iam.organization.management' })
  })

  it('keeps what is in use, and goes when it is empty', async () => {
    const { unit, member } = await withMember()
    await orgs().putGuardrail(management, { name: 'Used', kind: 'principal', document: deny('soar:*') })
    await orgs().attach(management, unit, 'Used')
    await expect(orgs().deleteGuardrail(management, 'Used')).rejects.toMatchObject({ code: 'iam.policy.inUse' })
    await expect(orgs().deleteGuardrail(management, 'FullAccess')).rejects.toMatchObject({
      code: 'iam.policy.platform',
    })
    await expect(orgs().deleteUnit(management, unit)).rejects.toMatchObject({ code: 'iam.thing.inUse' })
    await expect(orgs().delete(management)).rejects.toMatchObject({ code: 'iam.thing.inUse' })
    await orgs().remove(management, member)
    await orgs().deleteUnit(management, unit)
    await orgs().delete(management)
    expect(() => orgs().get(management)).toThrow(expect.objectContaining({ code: 'iam.thing.absent' }))
  })

  it('is known to another process, and after a restart', async () => {
    const other = await open()
    const { unit, member } = await withMember()
    await orgs().putGuardrail(management, { name: 'NoRules', kind: 'principal', document: deny('siem:rule:*') })
    await orgs().attach(management, unit, 'NoRules')
    const asked = { principal: user(member), action: 'siem:rule:get', resource: thingOf(member) }
    // Any change makes a process read what was changed before it.
    await other.users.create(management, { name: 'bell' })
    expect(other.decide(asked).reason).toBe('explicitDeny')
    const restarted = await open()
    expect(restarted.decide(asked).reason).toBe('explicitDeny')
    await other.close()
    await restarted.close()
  })

  it('denies below a guardrail that cannot be read', async () => {
    const { unit, member } = await withMember()
    await orgs().putGuardrail(management, { name: 'Broken', kind: 'principal', document: deny('soar:*') })
    await orgs().attach(management, unit, 'Broken')
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
    await database.write((tx) =>
      tx
        .updateTable('iam_guardrail' as never)
        .set({ document: '{' } as never)
        .execute(),
    )
    const restarted = await open()
    const asked = { principal: user(member), action: 'siem:rule:get', resource: thingOf(member) }
    expect(restarted.decide(asked).allowed).toBe(false)
    await restarted.close()
  })

  it('feeds the keys of organisations, which no request can state', async () => {
    const { root, unit, member } = await withMember()
    const { id } = orgs().managed(management)
    await orgs().putGuardrail(management, {
      name: 'OnlyOurs',
      kind: 'principal',
      document: JSON.stringify({
        Version: '5.0',
        Statement: {
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: {
            StringEquals: { 'g:PrincipalOrgId': id, 'g:ResourceOrgId': id },
            StringLike: { 'g:PrincipalOrgPath': `${id}/${root}/${unit}/*` },
          },
        },
      }),
    })
    await orgs().attach(management, root, 'OnlyOurs')
    expect(outcome(user(member))).toMatchObject({ decision: 'explicitDeny' })
    const stated = new Map([['g:PrincipalOrgId', 'o-other']])
    const request = { principal: user(member), action: 'siem:rule:get', resource: thingOf(member), context: stated }
    expect((await iam.authorizer.authorize(request)).reason).toBe('explicitDeny')
    await orgs().move(management, member, root)
    expect(outcome(user(member))).toEqual({ decision: 'allow' })
  })

  it('never lets a guardrail widen: beside FullAccess it only takes away, and none allows what the policies do not', async () => {
    const { root, unit, member } = await withMember()
    const words = ['siem:rule:get', 'siem:rule:put', 'soar:run:get', 'kms:cmk:decrypt']
    const allowed = () => words.filter((action) => outcome(user(member), action).decision === 'allow')
    const free = allowed()
    // The administrator's policy leaves the use of keys out, so something is left that a guardrail could grant.
    expect(free).toEqual(words.slice(0, 3))
    const action = fc.constantFrom(...words, 'siem:*', '*')
    let before = free
    let count = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(root, unit, member),
        fc.constantFrom('principal' as const, 'resource' as const),
        fc.constantFrom(allow, deny),
        action,
        fc.boolean(),
        async (node, of, effect, word, alone) => {
          const name = `G${count++}`
          await orgs().putGuardrail(management, { name, kind: of, document: effect(word) })
          await orgs().attach(management, node, name)
          const after = allowed()
          expect(before).toEqual(expect.arrayContaining(after))
          if (alone) {
            // Without FullAccess the Allows of the node are all there is; still nothing that was not there is granted.
            const full = of === 'principal' ? 'FullAccess' : 'FullResourceAccess'
            await orgs().detach(management, node, full)
            expect(after).toEqual(expect.arrayContaining(allowed()))
            await orgs().attach(management, node, full)
          }
          await orgs().detach(management, node, name)
          await orgs().deleteGuardrail(management, name)
          before = allowed()
          expect(before).toEqual(free)
        },
      ),
      { numRuns: 30 },
    )
  })
})
