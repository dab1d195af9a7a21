import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testDatabases } from '../../test/support/databases.ts'
import { acknowledgingNewAccess } from '../changes.ts'
import { accessRowText } from './compare-policies.ts'
import { account, arnOf, openWorld, policy, type World } from './testing.ts'
import type { ProposedChange } from './try-change.ts'

const get = policy({ Action: 'siem:rule:get', Resource: '*' })
const put = policy({ Action: 'siem:rule:put', Resource: '*' })

describe.each(testDatabases())('a change on $name', (kind) => {
  let world: World
  beforeEach(async () => {
    world = await openWorld(kind)
    await world.give('ann', 'own', get)
    await world.give('bob', 'own', put)
    await world.iam.policies.create(account, { name: 'Put', document: put })
    await world.iam.groups.create(account, 'night')
    await world.iam.attachments.attach(account, { kind: 'group', name: 'night' }, arnOf('policy', 'Put'))
  })
  afterEach(() => world.close())

  const diff = async (change: ProposedChange) => {
    const { gains, loses, complete } = await world.iam.analysis.diff(account, change)
    expect(complete).toBe(true)
    const who = (principals: readonly string[]) => principals.map((arn) => arn.split('/')[1]).join()
    return [
      ...gains.map((row) => `+ ${who(row.principals)}: ${accessRowText(row, 'gain')}`),
      ...loses.map((row) => `- ${who(row.principals)}: ${accessRowText(row, 'loss')}`),
    ]
  }
  const ann = { kind: 'user', name: 'ann' } as const
  const night = { kind: 'group', name: 'night' } as const
  const Put = arnOf('policy', 'Put')
  const mfa = { Condition: { Bool: { 'g:MFAPresent': 'true' } } }

  it.each<[string, ProposedChange, string[]]>([
    ['an attachment', { kind: 'attachPolicy', holder: ann, policy: Put }, ['+ ann: siem:rule:put on * (before: no)']],
    ['a membership', { kind: 'addUser', group: 'night', user: 'ann' }, ['+ ann: siem:rule:put on * (before: no)']],
    ['a membership of one who can', { kind: 'addUser', group: 'night', user: 'bob' }, []],
    [
      'an inline policy',
      { kind: 'putInlinePolicy', holder: ann, name: 'own', document: put },
      ['+ ann: siem:rule:put on * (before: no)', '- ann: siem:rule:get on * (after: no)'],
    ],
    ['a boundary', { kind: 'setBoundary', holder: ann, policy: Put }, ['- ann: siem:rule:get on * (after: no)']],
    ['a narrower version nobody has', { kind: 'policy', policy: 'Put', document: get }, []],
    [
      'what is not there',
      { kind: 'deleteInlinePolicy', holder: ann, name: 'own' },
      ['- ann: siem:rule:get on * (after: no)'],
    ],
  ])('by %s tells who gains and who loses', async (_, change, said) => {
    expect(await diff(change)).toEqual(said)
    expect(world.iam.users.get(account, 'ann').attached).toEqual([])
    expect(await diff(change), 'nothing was made').toEqual(said)
  })

  it('of a policy tells of all who hold it, each by their own conditions', async () => {
    await world.iam.groups.addUser(account, 'night', 'ann')
    await world.iam.attachments.attach(account, ann, Put)
    const document = policy({ Action: 'siem:rule:*', Resource: '*', ...mfa })
    expect(await diff({ kind: 'policy', policy: 'Put', document })).toEqual([
      '+ ann: siem:rule:* but siem:rule:get, siem:rule:put on * if MFA (before: no)',
      '- ann: siem:rule:put on * (after: if MFA)',
    ])
    const own = policy({ Action: 'a:b:c', Resource: 'arn:rampart:a:::t/${g:UserName}' })
    expect(await diff({ kind: 'policy', policy: 'Put', document: own })).toContain(
      '+ ann: a:b:c on arn:rampart:a:::t/ann (before: no)',
    )
  })

  it.each<[string, object, string]>([
    [
      'a condition',
      { Action: 'a:b:c', Resource: '*', Condition: { StringEquals: { 'g:PrincipalTag/team': 'ops' } } },
      'a:b:c on *',
    ],
    [
      'a resource',
      { Action: 'a:b:c', Resource: 'arn:rampart:a:::t/${g:PrincipalTag/team}' },
      'a:b:c on arn:rampart:a:::t/ops',
    ],
    [
      'a condition on another key',
      {
        Action: 'a:b:c',
        Resource: '*',
        Condition: { StringEquals: { 'g:ResourceTag/team': '${g:PrincipalTag/team}' } },
      },
      'a:b:c on *',
    ],
  ])('of a tag that %s looks at gives access too', async (_, statement, row) => {
    await world.give('ann', 'by-tag', policy(statement))
    await world.iam.users.setTags(account, 'ann', { team: 'none' })
    await world.iam.analysis.setRefusesNewAccess(account, true)
    const tag = (team: string) => world.iam.users.setTags(account, 'ann', { team })
    await expect(tag('ops')).rejects.toMatchObject({ code: 'iam.access.isNew', message: expect.stringContaining(row) })
    await tag('none')
    await acknowledgingNewAccess(() => tag('ops'))
  })

  it('of a trust policy tells whom it names', async () => {
    const trust = (...IAM: string[]) => policy({ Action: 'sts:role:assume', Principal: { IAM } })
    await world.iam.roles.create(account, { name: 'ops', trust: trust(arnOf('user', 'ann')) })
    const document = trust(arnOf('user', 'ann'), '000000000009')
    const { gains } = await world.iam.analysis.diff(account, { kind: 'setTrust', role: 'ops', document })
    expect(gains).toMatchObject([
      { action: 'sts:role:assume', resource: arnOf('role', 'ops'), principals: ['000000000009'] },
    ])
  })

  it('of a guardrail tells of members', async () => {
    await world.iam.organizations.create(account)
    const administrator = { userName: 'root', password: 'long-Pass-phrase-7-for-this-test' }
    const { id: member } = await world.iam.organizations.createAccount(account, { name: 'shop', administrator })
    await world.iam.organizations.putGuardrail(account, {
      name: 'NoRules',
      kind: 'principal',
      document: policy({ Effect: 'Deny', Action: 'siem:rule:put', Resource: '*' }),
    })
    expect(await diff({ kind: 'attachGuardrail', node: member, name: 'NoRules' })).toEqual([
      '- organization-access,root: siem:rule:put on * (after: no)',
    ])
    await world.iam.organizations.attach(account, member, 'NoRules')
    expect(await diff({ kind: 'detachGuardrail', node: member, name: 'NoRules' })).toEqual([
      '+ organization-access,root: siem:rule:put on * (before: no)',
    ])
  })

  it('that gives new access is refused where the account wants it, and made where it is meant', async () => {
    const attach = () => world.iam.attachments.attach(account, ann, Put)
    await world.iam.analysis.setRefusesNewAccess(account, true)
    await expect(attach()).rejects.toMatchObject({
      code: 'iam.access.isNew',
      message: expect.stringContaining('siem:rule:put on * (before: no)'),
      extra: { newAccess: [{ action: 'siem:rule:put', principals: [arnOf('user', 'ann')] }], complete: true },
    })
    expect(world.iam.users.get(account, 'ann').attached).toEqual([])
    // What takes away, or gives what one has, passes.
    await world.iam.attachments.attach(account, { kind: 'user', name: 'bob' }, Put)
    await world.iam.groups.addUser(account, 'night', 'bob')
    await world.iam.users.update(account, 'ann', { enabled: false })
    await expect(world.iam.users.update(account, 'ann', { enabled: true })).rejects.toMatchObject({
      code: 'iam.access.isNew',
    })
    await acknowledgingNewAccess(attach)
    expect(world.iam.users.get(account, 'ann').attached).toEqual([Put])
    await world.iam.analysis.setRefusesNewAccess(account, false)
    await world.iam.users.update(account, 'ann', { enabled: true })
  })

  // Elsewhere it is not told which of them comes first.
  it.runIf(kind.name === 'SQLite')('is judged by what others made just before it', async () => {
    await world.iam.analysis.setRefusesNewAccess(account, true)
    // In one commit: the policy is emptied first, so that holding it gives nothing new.
    const made = await Promise.allSettled([
      world.iam.policies.createVersion(account, 'Put', { document: get }),
      world.iam.attachments.attach(account, ann, Put),
      world.iam.attachments.detach(account, night, Put),
    ])
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  })
})
