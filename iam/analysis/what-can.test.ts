import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testDatabases } from '../../test/support/databases.ts'
import { account, arnOf, openWorld, policy, type World } from './testing.ts'

const [sqlite] = testDatabases()
const rules = `arn:rampart:siem:*:${account}:rule/*`

describe.skipIf(!sqlite)('what-can', () => {
  let world: World
  beforeEach(async () => {
    if (sqlite) world = await openWorld(sqlite)
  })
  afterEach(() => world.close())

  const rowsOf = async (name: string, input: object = {}) => {
    const { items, complete } = await world.iam.analysis.whatCan(world.principal(name), {
      context: new Map(),
      ...input,
    })
    expect(complete).toBe(true)
    return items.map(({ action, exceptActions, resource, exceptResources, if: words }) =>
      [
        action,
        exceptActions.length > 0 ? `but ${exceptActions}` : '',
        `on ${resource}`,
        exceptResources.length > 0 ? `but ${exceptResources}` : '',
        words ? `if ${words}` : '',
      ]
        .filter(Boolean)
        .join(' '),
    )
  }

  it('says what is left to be decided', async () => {
    await world.give(
      'ann',
      'ops',
      policy({
        Sid: 'Night',
        Action: ['ecs:server:stop', 'ecs:server:reboot'],
        Resource: 'arn:rampart:ecs:*:*:server/*',
        Condition: {
          Bool: { 'g:MFAPresent': 'true' },
          TimeBetween: { 'g:TimeOfDay': '00:00-04:00@Asia/Shanghai' },
        },
      }),
    )
    expect(await rowsOf('ann')).toEqual([
      'ecs:server:reboot on arn:rampart:ecs:*:*:server/* if MFA and 00:00-04:00@Asia/Shanghai',
      'ecs:server:stop on arn:rampart:ecs:*:*:server/* if MFA and 00:00-04:00@Asia/Shanghai',
    ])
    const context = new Map<string, string | boolean>([
      ['g:MFAPresent', true],
      ['g:CurrentTime', '2026-11-21T18:00:00Z'],
    ])
    expect(await rowsOf('ann', { context, action: 'ecs:*:stop' })).toEqual([
      'ecs:server:stop on arn:rampart:ecs:*:*:server/*',
    ])
  })

  it('counts every layer: what a deny or a boundary leaves, in patterns', async () => {
    await world.give(
      'ann',
      'rules',
      policy(
        { Action: 'siem:*', Resource: '*' },
        { Effect: 'Deny', Action: 'siem:rule:delete', Resource: rules },
        { Effect: 'Deny', Action: 'siem:rule:put', Condition: { Bool: { 'g:MFAPresent': 'false' } } },
      ),
    )
    expect(await rowsOf('ann')).toEqual([
      'siem:* but siem:rule:delete,siem:rule:put on *',
      `siem:rule:delete on * but ${rules}`,
      'siem:rule:put on * if not (no MFA)',
    ])
    await world.iam.policies.create(account, {
      name: 'Bound',
      document: policy({ Action: 'siem:rule:*', Resource: rules }),
    })
    await world.iam.attachments.setBoundary(account, { kind: 'user', name: 'ann' }, arnOf('policy', 'Bound'))
    expect(await rowsOf('ann')).toEqual([
      `siem:rule:* but siem:rule:delete,siem:rule:put on ${rules}`,
      `siem:rule:put on ${rules} if not (no MFA)`,
    ])
  })

  it('fills in variables of the principal, and leaves others open', async () => {
    await world.give(
      'ann',
      'home',
      policy(
        { Action: 'siem:file:get', Resource: `arn:rampart:siem:*:${account}:home/\${g:UserName}/*` },
        { Action: 'siem:file:put', Resource: `arn:rampart:siem:*:${account}:home/\${siem:Pipe}/*` },
      ),
    )
    const home = `arn:rampart:siem:*:${account}:home`
    expect(await rowsOf('ann')).toEqual([
      `siem:file:get on ${home}/ann/*`,
      `siem:file:put on ${home}/*/* if on ${home}/\${siem:Pipe}/*`,
    ])
  })

  it('names the actions by which one gets more, and puts them first', async () => {
    await world.give('ann', 'some', policy({ Action: 'a:b:c' }, { Action: 'iam:group:*' }))
    const { items } = await world.iam.analysis.whatCan(world.principal('ann'), { context: new Map() })
    expect(items.map(({ action, escalation }) => [action, escalation])).toEqual([
      ['iam:group:*', ['iam:group:attachpolicy', 'iam:group:putinlinepolicy', 'iam:group:adduser']],
      ['a:b:c', []],
    ])
  })

  it('reads names of AWS as what they stand for', async () => {
    await world.give('ann', 'aws', policy({ Action: 'iam:Get*' }, { Effect: 'Deny', Action: 'iam:GetUser' }))
    expect(await rowsOf('ann', { action: 'iam:user:get*' })).toEqual(['iam:user:getinlinepolicy on *'])
  })

  it('counts the policy on a resource that is named', async () => {
    const key = `arn:rampart:kms:local:${account}:key/k`
    world.iam.provideResourcePolicies('kms', {
      required: true,
      find: async () => ({ document: policy({ Action: 'kms:cmk:decrypt', Principal: { IAM: arnOf('user', 'ann') } }) }),
    })
    await world.give('ann', 'none', policy({ Action: 'a:b:c' }))
    expect(await rowsOf('ann', { resource: key, action: 'kms:*' })).toEqual([`kms:cmk:decrypt on ${key}`])
    expect(await rowsOf('admin', { resource: key, action: 'kms:*' })).toEqual([])
  })
})
