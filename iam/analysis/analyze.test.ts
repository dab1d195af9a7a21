import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testDatabases } from '../../test/support/databases.ts'
import { analyzeTexts } from './analyze.ts'
import type { Finding } from './findings.ts'
import { account, arnOf, openWorld, policy, type World } from './testing.ts'

const codes = (findings: readonly Finding[]) =>
  findings.map(({ code, statement = '' }) => `${code} ${statement.slice(statement.lastIndexOf('.') + 1)}`.trim())
const of = (...statements: object[]) => codes(analyzeTexts([{ id: 'p', text: policy(...statements) }]))

const rules = 'arn:rampart:siem:*:*:rule/*'
const get = { Sid: 'Get', Action: 'siem:rule:get', Resource: rules }
const mfa = { Condition: { Bool: { 'g:MFAPresent': 'true' } } }

describe('a policy by itself', () => {
  it.each<[string, object[], string[]]>([
    ['nothing to say', [get], []],
    [
      'a wider statement',
      [get, { Sid: 'All', Action: 'siem:rule:g*', Resource: 'arn:rampart:siem:*:*:*' }],
      ['statement-redundant Get'],
    ],
    ['a wider statement under a condition', [get, { ...get, Sid: 'All', ...mfa }], ['statement-redundant All']],
    ['two that say the same', [get, { ...get, Sid: 'Twin' }], ['statement-redundant Twin']],
    ['another resource', [get, { ...get, Sid: 'Other', Resource: 'arn:rampart:siem:*:*:pipe/*' }], []],
    ['a deny of all of it', [get, { Effect: 'Deny', Sid: 'No', Action: 'siem:*', Resource: '*' }], ['allow-dead Get']],
    ['a deny of some of it', [get, { Effect: 'Deny', Sid: 'No', Action: 'siem:*', Resource: `${rules}x` }], []],
    ['a deny under a condition', [get, { Effect: 'Deny', Sid: 'No', Action: 'siem:*', Resource: '*', ...mfa }], []],
    [
      'a deny by NotAction',
      [get, { Effect: 'Deny', Sid: 'No', NotAction: 'iam:*', Resource: '*' }],
      ['allow-dead Get'],
    ],
    ['a deny by NotAction of it', [get, { Effect: 'Deny', Sid: 'No', NotAction: 'siem:rule:*', Resource: '*' }], []],
    [
      'a variable within a star',
      [
        { Sid: 'Own', Action: 'a:b:c', Resource: 'arn:rampart:a:::home/${g:UserName}/x' },
        { Sid: 'All', Action: 'a:b:c', Resource: 'arn:rampart:a:::home/*' },
      ],
      ['statement-redundant Own'],
    ],
    ['everything', [{ Sid: 'All', Action: '*', Resource: '*' }], ['everything-allowed All']],
    ['writes everywhere', [{ Sid: 'W', Action: ['siem:*', 'siem:rule:get*'], Resource: '*' }], ['write-wildcard W']],
    ['reads everywhere', [{ Sid: 'R', Action: ['*:*:get*', '*:*:list*'], Resource: '*' }], []],
  ])('shows %s', (_, statements, said) => {
    expect(of(...statements)).toEqual(said)
  })

  it('names the place, and what to do', () => {
    const text = `{"Version":"5.0","Statement":[\n  ${JSON.stringify({ Effect: 'Allow', ...get })},\n  ${JSON.stringify({ Effect: 'Allow', ...get, Sid: 'Twin' })}]}`
    expect(analyzeTexts([{ id: 'p.json', text }])).toEqual([
      {
        code: 'statement-redundant',
        severity: 'low',
        subject: 'p.json',
        statement: 'p.json.Twin',
        line: 3,
        column: 3,
        message: 'says nothing that p.json.Get does not say',
        advice: 'remove it',
      },
    ])
  })

  it('that trusts shows whom it lets in too easily', () => {
    const trust = (statement: object) =>
      codes(analyzeTexts([{ id: 't', text: policy({ Sid: 'T', Action: 'sts:role:assume', ...statement }) }], 'trust'))
    expect(trust({ Principal: '*' })).toEqual(['principal-everyone T'])
    expect(trust({ Principal: '*', Condition: { StringEquals: { 'g:PrincipalOrgId': 'o-1' } } })).toEqual([])
    expect(trust({ Principal: { IAM: '000000000009' } })).toEqual([])
  })
})

describe.each(testDatabases())('the policies of an account on $name', (kind) => {
  let world: World
  let clock: { at: number; now(): number }
  beforeEach(async () => {
    clock = { at: Date.parse('2026-01-01T00:00:00Z'), now: () => clock.at }
    world = await openWorld(kind, clock)
  })
  afterEach(() => world.close())

  const found = async (code: string) => {
    const { findings, complete } = await world.iam.analysis.analyze(account)
    expect(complete).toBe(true)
    return findings.filter((finding) => finding.code === code)
  }

  it('show the shortest way to every right, step by step', async () => {
    const key = (name: string) => policy({ Action: 'iam:access-key:create', Resource: arnOf('user', name) })
    await world.give('ann', 'keys', key('bob'))
    await world.give(
      'bob',
      'attach',
      policy({ Action: 'iam:user:AttachPolicy', Resource: arnOf('user', 'bob'), ...mfa }),
    )
    await world.give('cid', 'harmless', policy({ Action: 'iam:user:attachPolicy', Resource: arnOf('user', 'nobody') }))
    const [first, second, ...rest] = await found('escalation-path')
    expect(rest).toEqual([])
    expect(first).toMatchObject({ severity: 'critical', subject: arnOf('user', 'ann') })
    expect(first?.path).toEqual([
      {
        from: arnOf('user', 'ann'),
        action: 'iam:access-key:create',
        resource: arnOf('user', 'bob'),
        to: arnOf('user', 'bob'),
      },
      {
        from: arnOf('user', 'bob'),
        action: 'iam:user:attachPolicy',
        resource: arnOf('user', 'bob'),
        to: 'everything',
        if: 'MFA',
      },
    ])
    expect(second?.path).toHaveLength(1)
    // Who can reach an administrator needs no further step.
    await world.give('ann', 'keys', key('admin'))
    expect((await found('escalation-path'))[0]?.path).toEqual([
      {
        from: arnOf('user', 'ann'),
        action: 'iam:access-key:create',
        resource: arnOf('user', 'admin'),
        to: arnOf('user', 'admin'),
      },
    ])
  })

  it.each<[string, object, string]>([
    ['a policy one holds', { Action: 'iam:policy:createVersion', Resource: '*' }, 'iam:policy:createVersion'],
    ['a role that trusts', { Action: 'sts:AssumeRole', Resource: '*' }, 'sts:role:assume'],
    ['the trust of a role', { Action: 'iam:role:updateTrust', Resource: '*' }, 'iam:role:updateTrust'],
    ['a group', { Action: 'iam:AddUserToGroup', Resource: '*' }, 'iam:group:addUser'],
  ])('show a way by %s', async (_, statement, action) => {
    const administrator = 'arn:rampart:iam::rampart:policy/Administrator'
    const trust = policy({ Action: 'sts:role:assume', Principal: { IAM: account } })
    await world.iam.roles.create(account, { name: 'ops', trust })
    await world.iam.attachments.attach(account, { kind: 'role', name: 'ops' }, administrator)
    await world.iam.groups.create(account, 'admins')
    await world.iam.attachments.attach(account, { kind: 'group', name: 'admins' }, administrator)
    await world.iam.policies.create(account, { name: 'Own', document: policy(get) })
    await world.give('ann', 'way', policy(statement))
    await world.iam.attachments.attach(account, { kind: 'user', name: 'ann' }, arnOf('policy', 'Own'))
    expect(
      (await found('escalation-path')).map(({ subject, path }) => [subject, path?.map((step) => step.action)]),
    ).toEqual([[arnOf('user', 'ann'), [action]]])
    await world.give('ann', 'no', policy({ Effect: 'Deny', Action: action, Resource: '*' }))
    expect(await found('escalation-path')).toEqual([])
  })

  it('show what nobody used for 90 days, once uses were counted for so long', async () => {
    await world.give(
      'ann',
      'own',
      policy(
        get,
        { Sid: 'Put', Action: 'siem:rule:put', Resource: '*' },
        { Sid: 'Pipes', Action: 'siem:pipe:*', Resource: `arn:rampart:siem:*:${account}:pipe/*` },
      ),
    )
    await world.iam.accessKeys.create(account, 'ann')
    const trust = policy({ Action: 'sts:role:assume', Principal: { IAM: account } })
    await world.iam.roles.create(account, { name: 'idle', trust })
    const ask = (action: string, resource: string) =>
      world.iam.authorizer.authorize({ principal: world.principal('ann'), action, resource })
    await ask('siem:rule:put', `arn:rampart:siem:local:${account}:rule/default/x`)
    await world.iam.analysis.analyze(account)
    clock.at += 89 * 86_400_000
    expect(await found('statement-unused')).toEqual([])
    clock.at += 2 * 86_400_000
    await ask('siem:rule:get', `arn:rampart:siem:local:${account}:rule/default/x`)
    await ask('siem:pipe:put', `arn:rampart:siem:local:${account}:pipe/default/default/x`)
    expect(await found('statement-unused')).toMatchObject([
      { statement: `${arnOf('user', 'ann')}#own.Put`, message: 'allowed nothing for 91 days; 1 times before' },
    ])
    expect((await found('access-key-unused')).map(({ subject }) => subject)).toEqual([
      arnOf('user', 'admin'),
      arnOf('user', 'ann'),
    ])
    expect(await found('role-unused')).toMatchObject([{ subject: arnOf('role', 'idle') }])
    expect(await found('password-unused')).toMatchObject([{ subject: arnOf('user', 'admin') }])
    expect(await found('grant-wider-than-use')).toMatchObject([
      {
        statement: `${arnOf('user', 'ann')}#own.Pipes`,
        message: expect.stringContaining('used of it in 90 days: siem:pipe:put'),
      },
    ])
  })

  it('show what is said twice by two policies of one holder, and trust without an external id', async () => {
    await world.give('ann', 'a', policy(get))
    await world.give('ann', 'b', policy({ Action: 'siem:rule:*', Resource: rules }))
    expect(await found('statement-redundant')).toMatchObject([
      { statement: `${arnOf('user', 'ann')}#a.Get`, message: expect.stringContaining('holds too') },
    ])
    const trust = policy({ Action: 'sts:role:assume', Principal: { IAM: ['000000000009', account] } })
    await world.iam.roles.create(account, { name: 'shared', trust })
    expect(await found('trust-without-external-id')).toMatchObject([
      { message: expect.stringContaining('000000000009') },
    ])
  })
})
