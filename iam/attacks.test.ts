import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Database,
  migrate,
  openDatabase,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../platform/index.ts'
import { allowingLockOut } from './changes.ts'
import { createIam, type Iam } from './iam.ts'
import { POLICY_BYTES_MAX, STATEMENTS_PER_PRINCIPAL_MAX } from './limits.ts'
import { iamMigrations } from './migrations.ts'
import { parsePolicy } from './policy/document.ts'
import { compilePolicy } from './policy/statement.ts'
import { matchTokens, parseWildcard, type StepCount } from './policy/wildcard.ts'

const account = parseAccountId('000000000001')
const allow = (more: object) =>
  JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: 'siem:rule:get', Resource: '*', ...more } })
const compile = (text: string) => compilePolicy('p', parsePolicy(text, 'identity'))

/** One test a row of the table of attacks that a hostile policy or name could try. */
describe('attack', () => {
  let dir: string
  let database: Database
  let iam: Iam

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-attacks-'))
    database = openDatabase({ file: join(dir, 'rampart.db') })
    await migrate(database, iamMigrations, systemClock)
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
    await iam.bootstrap(() => {})
  })
  afterEach(async () => {
    await iam.close()
    await database.close()
    rmSync(dir, { recursive: true })
  })

  const user = (name: string): Principal => iam.findPrincipal(account, `arn:rampart:iam::${account}:user/${name}`)!
  const reason = (name: string, action: string, resource = `arn:rampart:siem:local:${account}:rule/default/x`) =>
    iam.decide({ principal: user(name), action, resource }).reason
  const give = async (name: string, document: string) => {
    await iam.users.create(account, { name })
    await iam.attachments.putInline(account, { kind: 'user', name }, 'given', document)
  }

  it('ReDoS by wildcards: steps are bounded by pattern times text, and stars and length are', () => {
    const wildcard = parseWildcard(`${'a*'.repeat(15)}b`)
    if (wildcard.kind !== 'general') throw new Error('a general pattern')
    const count: StepCount = { steps: 0 }
    expect(matchTokens(wildcard.tokens, 'a'.repeat(2_000), count)).toBe(false)
    expect(count.steps).toBeLessThanOrEqual(wildcard.tokens.length * 2_000)
    expect(() => compile(allow({ Action: `siem:${'a*'.repeat(17)}` }))).toThrow('at most 16')
    expect(() => compile(allow({ Action: `siem:${'a'.repeat(600)}` }))).toThrow('longer than 512')
  })

  it('huge document, deep nesting, a million values: refused before or while it is parsed', () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
    expect(() => compile(`{"Version":"5.0","Statement":${deep}}`)).toThrow(/deep|nest/)
    const long = JSON.stringify(new Array(1_000_000).fill('a'))
    expect(long.length).toBeGreaterThan(POLICY_BYTES_MAX)
    expect(() => compile(`{"Version":"5.0","Statement":${long}}`)).toThrow()
    expect(() => compile(allow({ Action: new Array(501).fill('a:b') }))).toThrow('at most 500')
    expect(() => compile(allow({ Condition: { StringEquals: { 'g:UserName': new Array(501).fill('a') } } }))).toThrow(
      'at most 500',
    )
    const statements = new Array(201).fill({ Effect: 'Allow', Action: 'a:b' })
    expect(() => compile(JSON.stringify({ Version: '5.0', Statement: statements }))).toThrow('at most 200')
  })

  it('size games: white space is free, all else counts', () => {
    const text = allow({ Sid: 'A' })
    expect(() => compile(text.replace('{', `{${' '.repeat(20_000)}`))).not.toThrow()
    const big = allow({ Action: new Array(300).fill(`siem:${'a'.repeat(40)}`) })
    expect(() => compile(big)).toThrow('without white space')
  })

  it('`__proto__` and `constructor` as condition key or tag: plain names or refused, never inherited', async () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(() =>
        compile(
          `{"Version":"5.0","Statement":{"Effect":"Allow","Action":"a:b","Condition":{"StringEquals":{"${key}":"x"}}}}`,
        ),
      ).toThrow()
    }
    await give('pro', allow({ Condition: { Null: { 'g:PrincipalTag/constructor': 'false' } } }))
    expect(reason('pro', 'siem:rule:get')).toBe('implicitDeny')
  })

  it('Unicode look-alikes and bidi marks: refused in Sids and names', async () => {
    for (const sid of ['Аdmin', 'a\u202eb', 'a b']) expect(() => compile(allow({ Sid: sid }))).toThrow('Sid')
    for (const name of ['аdmin', 'a\u202eb', 'admin\u200b']) {
      await expect(iam.users.create(account, { name })).rejects.toMatchObject({ code: 'iam.name.malformed' })
    }
  })

  it('variable injection: what a variable stands for is literal', async () => {
    const document = allow({ Resource: "arn:rampart:siem:local:000000000001:rule/${g:PrincipalTag/home, 'none'}/x" })
    await iam.users.create(account, { name: 'wild', tags: { home: '*' } })
    await iam.attachments.putInline(account, { kind: 'user', name: 'wild' }, 'given', document)
    expect(reason('wild', 'siem:rule:get', `arn:rampart:siem:local:${account}:rule/bob/x`)).toBe('implicitDeny')
    expect(reason('wild', 'siem:rule:get', `arn:rampart:siem:local:${account}:rule/*/x`)).toBe('allow')
  })

  it('lock-out: guardrails that deny everything leave the management account able to undo it', async () => {
    const { root } = await iam.organizations.create(account)
    const everything = '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"*"}}'
    await iam.organizations.putGuardrail(account, { name: 'Shut', kind: 'principal', document: everything })
    await iam.organizations.attach(account, root.id, 'Shut')
    expect(reason('admin', 'iam:organization:detachGuardrail', '*')).toBe('allow')
  })

  it('lock-out: what would leave nobody who can give a user a policy is refused, unless it is meant', async () => {
    const administrator = 'arn:rampart:iam::rampart:policy/Administrator'
    const admin = { kind: 'user' as const, name: 'admin' }
    const deny = '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"*"}}'
    const { arn: reader } = await iam.policies.create(account, { name: 'reader', document: allow({}) })
    const changes: [string, () => Promise<unknown>][] = [
      ['detach', () => iam.attachments.detach(account, admin, administrator)],
      ['deny', () => iam.attachments.putInline(account, admin, 'shut', deny)],
      ['boundary', () => iam.attachments.setBoundary(account, admin, reader)],
      ['disable', () => iam.users.update(account, 'admin', { enabled: false })],
      ['delete', () => iam.users.delete(account, 'admin')],
    ]
    for (const [what, change] of changes) {
      await expect(change(), what).rejects.toMatchObject({ code: 'iam.change.locksOut' })
      expect(reason('admin', 'iam:user:attachPolicy', '*'), what).toBe('allow')
    }
    // By a group, with a condition, is somebody too.
    await iam.users.create(account, { name: 'deputy' })
    await iam.groups.create(account, 'deputies')
    await iam.groups.addUser(account, 'deputies', 'deputy')
    const group = { kind: 'group' as const, name: 'deputies' }
    const withMfa = { Action: 'iam:user:*', Condition: { Bool: { 'g:MFAPresent': 'true' } } }
    await iam.attachments.putInline(account, group, 'rescue', allow(withMfa))
    await iam.attachments.detach(account, admin, administrator)
    await expect(iam.attachments.deleteInline(account, group, 'rescue')).rejects.toMatchObject({
      code: 'iam.change.locksOut',
    })
    await expect(iam.groups.removeUser(account, 'deputies', 'deputy')).rejects.toMatchObject({
      code: 'iam.change.locksOut',
    })
    await allowingLockOut(() => iam.groups.delete(account, 'deputies'))
    expect(iam.decide({ principal: user('deputy'), action: 'iam:user:attachPolicy', resource: '*' }).allowed).toBe(
      false,
    )
    // Where nobody is left, nothing is kept.
    await iam.users.delete(account, 'deputy')
  })

  it('tag escalation: a tag that an Allow looks at is changed by who may set protected tags only', async () => {
    await give('ann', allow({ Condition: { StringEquals: { 'aws:PrincipalTag/Clearance': 'high' } } }))
    await give('bob', allow({ Resource: "arn:rampart:siem:local:000000000001:rule/${g:PrincipalTag/home, 'none'}/*" }))
    await give('tagger', allow({ Action: ['iam:user:tag', 'iam:user:create'] }))
    const set = (name: string, tags: Record<string, string>, by = 'tagger') =>
      iam.tagging.set(user(by), { kind: 'user', name }, tags).then(
        () => 'set',
        ({ code }: { code: string }) => code,
      )
    expect(await set('ann', { floor: '3' })).toBe('set')
    expect(await set('ann', { floor: '3', clearance: 'high' })).toBe('iam.pdp.notAllowed')
    expect(await set('ann', { CLEARANCE: 'high' })).toBe('iam.pdp.notAllowed')
    expect(await set('tagger', { home: 'default' })).toBe('iam.pdp.notAllowed')
    expect(await set('ann', { clearance: 'high' }, 'admin')).toBe('set')
    expect(reason('ann', 'siem:rule:get')).toBe('allow')
    // Taking it away is a change as well, leaving it as it is none.
    expect(await set('ann', {})).toBe('iam.pdp.notAllowed')
    expect(await set('ann', { clearance: 'high', floor: '4' })).toBe('set')
    await iam.attachments.putInline(
      account,
      { kind: 'user', name: 'tagger' },
      'more',
      allow({ Action: 'iam:tag:setProtected' }),
    )
    expect(await set('ann', {})).toBe('set')
    // What only a Deny looks at takes away, and is no grant.
    const denying = JSON.stringify({
      Version: '5.0',
      Statement: { Effect: 'Deny', Action: 'a:b', Condition: { StringEquals: { 'g:PrincipalTag/jail': 'yes' } } },
    })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'denying', denying)
    await iam.attachments.deleteInline(account, { kind: 'user', name: 'tagger' }, 'more')
    expect(await set('ann', { jail: 'no' })).toBe('set')
  })

  it('self-widening: in an account that wants it so, nobody gives themselves more unless it is said to be meant', async () => {
    await give('ann', allow({ Action: ['iam:user:*', 'iam:role:*', 'iam:group:*', 'iam:policy:*'] }))
    await iam.analysis.setRefusesNewAccess(account, true)
    await iam.groups.create(account, 'g')
    const self = { kind: 'user' as const, name: 'ann' }
    await expect(
      iam.attachments.attach(account, self, 'arn:rampart:iam::rampart:policy/Administrator'),
    ).rejects.toMatchObject({ code: 'iam.access.isNew' })
    await expect(iam.attachments.putInline(account, self, 'more', allow({ Action: '*' }))).rejects.toMatchObject({
      code: 'iam.access.isNew',
    })
    const trust = JSON.stringify({
      Version: '5.0',
      Statement: {
        Effect: 'Allow',
        Action: 'sts:role:assume',
        Principal: { IAM: `arn:rampart:iam::${account}:user/ann` },
      },
    })
    await expect(iam.roles.create(account, { name: 'way', trust })).rejects.toMatchObject({ code: 'iam.access.isNew' })
    expect(reason('ann', 'siem:rule:put')).toBe('implicitDeny')
  })

  it('policy bomb: the statements one holder can gather are bounded when a policy is attached', async () => {
    await iam.users.create(account, { name: 'bomb' })
    const statements = new Array(200).fill({ Effect: 'Allow', Action: 'a:b' })
    const document = JSON.stringify({ Version: '5.0', Statement: statements })
    const holder = { kind: 'user' as const, name: 'bomb' }
    for (let i = 0; i < 20; i++) await iam.attachments.putInline(account, holder, `p${i}`, document)
    await expect(iam.attachments.putInline(account, holder, 'p20', document)).rejects.toMatchObject({
      code: 'iam.limit.reached',
    })
    let attached = 0
    const more = async () => {
      for (; attached < 20; attached++) {
        const { arn } = await iam.policies.create(account, { name: `m${attached}`, document })
        await iam.attachments.attach(account, holder, arn)
      }
    }
    await expect(more()).rejects.toMatchObject({ code: 'iam.limit.reached' })
    expect((20 + attached) * 200).toBeLessThanOrEqual(STATEMENTS_PER_PRINCIPAL_MAX)
    // Groups count with their members, and a group that grows later denies them rather than slow down everybody.
    await iam.groups.create(account, 'many')
    const group = { kind: 'group' as const, name: 'many' }
    const room = STATEMENTS_PER_PRINCIPAL_MAX / 200 - 20 - attached
    for (let i = 0; i <= room; i++) await iam.attachments.putInline(account, group, `p${i}`, document)
    await expect(iam.groups.addUser(account, 'many', 'bomb')).rejects.toMatchObject({ code: 'iam.limit.reached' })
    await iam.attachments.deleteInline(account, group, 'p0')
    await iam.groups.addUser(account, 'many', 'bomb')
    expect(reason('bomb', 'a:b', '*')).toBe('allow')
    await iam.attachments.putInline(account, group, 'p0', document)
    expect(reason('bomb', 'a:b', '*')).toBe('error')
  })

  it('casbin `eval()` of policy text: text that is an expression is a pattern like any other', async () => {
    await give('eve', allow({ Action: 'siem:true||1==1:*', Resource: '*' }))
    const asked = { principal: user('eve'), action: 'siem:rule:get', resource: '*' }
    expect((await iam.authorizer.authorize(asked)).reason).toBe('implicitDeny')
    const literal = { ...asked, action: 'siem:true||1==1:x' }
    expect((await iam.authorizer.authorize(literal)).reason).toBe('allow')
  })

  it('probing names: an absent role is refused exactly as one that does not trust', async () => {
    const trust = JSON.stringify({
      Version: '5.0',
      Statement: { Effect: 'Allow', Action: 'sts:role:assume', Principal: { Service: 'playbooks' } },
    })
    await iam.roles.create(account, { name: 'there', trust })
    const refusal = async (name: string) => {
      const arn = `arn:rampart:iam::${account}:role/${name}`
      const input = { arn, sessionName: 'x1', ttlSec: 900, context: new Map() }
      return iam.assumeRole(user('admin'), input).then(
        () => 'assumed',
        (error: { code: string; message: string }) => `${error.code} ${error.message.replace(name, 'NAME')}`,
      )
    }
    expect(await refusal('there')).toBe(await refusal('gone'))
    expect(await refusal('gone')).toMatch(/^iam\.role\.notTrusted/)
  })

  it('vector 18: the administrator of the management account may not use keys', async () => {
    await iam.organizations.create(account)
    const key = `arn:rampart:kms:local:${account}:key/k`
    expect(reason('admin', 'kms:cmk:decrypt', key)).toBe('implicitDeny')
    expect(reason('admin', 'kms:cmk:describe', key)).toBe('allow')
  })
})
