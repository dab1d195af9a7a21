import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccountId, ContextValue } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { account, openWorld, policy, type World } from './testing.ts'
import type { GuardrailChange } from './try-change.ts'

describe.each(testDatabases())('a dry run of guardrails on $name', (kind) => {
  let world: World
  let member: AccountId
  let clock: { at: number; now(): number }

  beforeEach(async () => {
    clock = { at: Date.parse('2026-11-21T12:30:00Z'), now: () => clock.at }
    world = await openWorld(kind, clock)
    await world.iam.organizations.create(account)
    const administrator = { userName: 'root', password: 'long-Pass-phrase-7-for-this-test' }
    ;({ id: member } = await world.iam.organizations.createAccount(account, { name: 'shop', administrator }))
  })
  afterEach(() => world.close())

  const ask = async (action: string, context: Record<string, ContextValue> = {}) => {
    const principal = world.iam.findPrincipal(member, `arn:rampart:iam::${member}:user/root`)
    if (!principal) throw new Error('the member has no root')
    const resource = `arn:rampart:siem:local:${member}:rule/default/x`
    const request = {
      principal: { ...principal, mfa: false },
      action,
      resource,
      context: new Map(Object.entries(context)),
    }
    return (await world.iam.authorizer.authorize(request)).allowed
  }
  const put = (statement: object): GuardrailChange => ({
    kind: 'putGuardrail',
    name: 'Bound',
    bounds: 'principal',
    document: policy({ Effect: 'Deny', ...statement }),
    node: member,
  })

  it('tells what was allowed and would not be, how often and when last, and changes nothing', async () => {
    for (let i = 0; i < 3; i++) expect(await ask('siem:rule:put')).toBe(true)
    await ask('siem:rule:get')
    const found = await world.iam.analysis.dryRun(account, put({ Sid: 'No', Action: 'siem:rule:put' }), 30)
    expect(found).toEqual({
      breaks: [
        {
          account: member,
          principal: `arn:rampart:iam::${member}:user/root`,
          action: 'siem:rule:put',
          resource: `arn:rampart:siem:local:${member}:rule/default/x`,
          count: 3,
          lastAt: clock.at,
          layer: 'guardrail',
          node: member,
          statements: [expect.stringMatching(/Bound\.No$/)],
          sometimes: false,
        },
      ],
      breakCount: 1,
      requests: 4,
      shapes: 2,
      stale: 0,
      lost: 0,
      complete: true,
    })
    expect(await ask('siem:rule:put')).toBe(true)
    const { breakCount } = await world.iam.analysis.dryRun(account, put({ Action: 'siem:event:*' }), 30)
    expect(breakCount).toBe(0)
  })

  it('looks at the context there was, and at each hour where a guardrail looks at the time', async () => {
    await ask('siem:rule:put', { 'g:SourceIp': '10.1.2.3' })
    const nothing = put({ Action: 'a:b:c' })
    expect((await world.iam.analysis.dryRun(account, nothing, 30)).requests).toBe(1)
    clock.at += 4 * 3_600_000
    await ask('siem:rule:put', { 'g:SourceIp': '10.1.2.3' })
    const outside = { Action: '*', Condition: { NotIpAddress: { 'g:SourceIp': '10.0.0.0/8' } } }
    expect((await world.iam.analysis.dryRun(account, put(outside), 30)).breakCount).toBe(0)
    const late = { Action: '*', Condition: { TimeBetween: { 'g:TimeOfDay': '16:00-17:00' } } }
    expect(await world.iam.analysis.dryRun(account, put(late), 30)).toMatchObject({
      breaks: [{ count: 2, sometimes: true }],
    })
    const mfa = { Action: 'siem:rule:*', Condition: { BoolIfExists: { 'g:MFAPresent': 'false' } } }
    expect((await world.iam.analysis.dryRun(account, put(mfa), 30)).breakCount).toBe(1)
  })

  it('tells what detaching the guardrail that allows takes, and only of the days asked for', async () => {
    await ask('siem:rule:get')
    const detach = { kind: 'detachGuardrail', node: member, name: 'FullAccess' } as const
    expect(await world.iam.analysis.dryRun(account, detach, 30)).toMatchObject({
      breaks: [{ layer: 'guardrail', node: member, statements: [] }],
    })
    clock.at += 5 * 86_400_000
    expect(await world.iam.analysis.dryRun(account, detach, 3)).toMatchObject({ breaks: [], requests: 0 })
  })
})
