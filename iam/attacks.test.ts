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
