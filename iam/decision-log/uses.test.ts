import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../platform/index.ts'
import { testDatabases } from '../../test/support/databases.ts'
import { account, arnOf, openWorld, policy, type World } from '../analysis/testing.ts'
import { USE_RETENTION_DAYS } from '../limits.ts'
import { Uses } from './uses.ts'

const DAY_MS = 86_400_000
const log = { error: () => {}, warn: () => {} }

describe.each(testDatabases())('uses on $name', (kind) => {
  let world: World
  let clock: { at: number; now(): number }
  let uses: Uses
  let lost: number

  beforeEach(async () => {
    clock = { at: Date.parse('2026-11-21T12:30:00Z'), now: () => clock.at }
    lost = 0
    world = await openWorld(kind)
    uses = open()
    await world.give('ann', 'own', policy({ Sid: 'Rules', Action: 'siem:rule:*', Resource: '*' }))
  })
  afterEach(() => world.close())

  const open = (queueMax = 1_000) =>
    new Uses({ database: world.database, clock, log, onLost: (count) => (lost += count), queueMax })
  const ask = (resource: string, context: Record<string, string> = {}, into = uses) => {
    const principal = world.principal('ann')
    const request = { principal, action: 'siem:rule:get', resource, context: new Map(Object.entries(context)) }
    const decision = world.iam.decide(request)
    expect(decision.allowed).toBe(true)
    into.add(request, decision)
  }
  const rule = (id: string) => `arn:rampart:siem:local:${account}:rule/default/${id}`
  const day = () => Math.floor(clock.at / DAY_MS)
  const shapes = () => uses.store.shapes(account, { fromDay: 0, limit: 100 })

  it('are counted by statement, by principal, and by kind of request a day', async () => {
    for (let i = 0; i < 5; i++) ask(rule('a'), { 'g:SourceIp': '10.0.0.1', 'g:UserAgent': `agent ${i}` })
    ask(rule('a'), { 'g:SourceIp': '10.0.0.2' })
    await uses.flush()
    clock.at += 3_600_000
    ask(rule('a'), { 'g:SourceIp': '10.0.0.1' })
    await uses.flush()
    const label = `${arnOf('user', 'ann')}#own.Rules`
    expect((await uses.store.statementUses(account)).get(label)).toEqual({ count: 7, at: clock.at })
    expect(await uses.store.principalUses(account)).toMatchObject([
      { principal: arnOf('user', 'ann'), auth: 'internal', count: 7, last_at: clock.at },
    ])
    const found = (await shapes()).sort((a, b) => b.count - a.count)
    expect(found).toMatchObject([
      { day: day(), count: 6, hours: (1 << 12) | (1 << 13), context: '{"g:SourceIp":"10.0.0.1"}' },
      { day: day(), count: 1, hours: 1 << 12 },
    ])
    expect(await uses.store.since(account)).toBe(clock.at - 3_600_000)
  })

  it('that are too many are counted and lost, and a decision waits for none', async () => {
    const small = open(10)
    for (let i = 0; i < 5_000; i++) ask(rule(`r${i}`), {}, small)
    await small.close()
    const kept = await small.store.countShapes(account, day())
    expect(kept).toBeGreaterThan(10)
    expect(kept).toBeLessThan(1_100)
    expect(lost).toBe(5_000 - kept)
    expect(await small.store.lost(account, day())).toBe(lost)
  })

  it('are forgotten after their time', async () => {
    ask(rule('a'))
    await uses.flush()
    clock.at += (USE_RETENTION_DAYS + 2) * DAY_MS
    ask(rule('b'))
    await uses.flush()
    expect((await shapes()).map(({ resource }) => resource)).toEqual([rule('b')])
  })

  it('are taken by the platform itself, at every allowed decision', async () => {
    const { iam } = world
    await iam.authorizer.authorize({ principal: world.principal('ann'), action: 'siem:rule:put', resource: rule('z') })
    await iam.authorizer.authorize({ principal: world.principal('ann'), action: 'no:such:thing', resource: rule('z') })
    await iam.close()
    const found = await shapes()
    expect(found).toMatchObject([
      { action: 'siem:rule:put', resource: rule('z'), day: Math.floor(systemClock.now() / DAY_MS) },
    ])
  })
})
