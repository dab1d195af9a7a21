import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createMetrics,
  type Database,
  type Metrics,
  migrate,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { DECISION_BATCH_MAX, DECISION_RETENTION_MS } from '../limits.ts'
import { iamMigrations } from '../migrations.ts'
import { DecisionLog } from './decision-log.ts'

const account = parseAccountId('000000000001')
const rule = `arn:rampart:siem:local:${account}:rule/default/x`

class TestClock {
  at = Date.parse('2026-11-21T12:00:00Z')
  now(): number {
    return this.at
  }
}

describe.each(testDatabases())('the decision log on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let iam: Iam
  let metrics: Metrics
  let clock: TestClock

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-decisions-'))
    clock = new TestClock()
    metrics = createMetrics()
    await migrate(database, iamMigrations, systemClock)
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock, metrics })
    await iam.bootstrap(() => {})
    await iam.users.create(account, { name: 'ann' })
    const document = JSON.stringify({
      Version: '5.0',
      Statement: {
        Sid: 'Night',
        Effect: 'Allow',
        Action: 'siem:rule:put',
        Resource: '*',
        Condition: { Bool: { 'g:MFAPresent': 'true' } },
      },
    })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'night', document)
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const user = (name: string): Principal => iam.findPrincipal(account, `arn:rampart:iam::${account}:user/${name}`)!
  const ask = (name = 'ann', action = 'siem:rule:put') =>
    iam.authorizer.authorize({ principal: user(name), action, resource: rule })

  it('tells the refusal behind an id, with what was wanted and seen when it was decided', async () => {
    const { id, allowed } = await ask()
    expect(allowed).toBe(false)
    await iam.attachments.deleteInline(account, { kind: 'user', name: 'ann' }, 'night')
    expect(await iam.readDecision(user('admin'), id)).toMatchObject({
      id,
      at: clock.at,
      principal: user('ann').arn,
      action: 'siem:rule:put',
      resource: rule,
      reason: 'implicitDeny',
      redacted: [],
      explanation: {
        decision: 'implicitDeny',
        decidedBy: 'identity',
        layers: [
          {
            layer: 'identity',
            result: 'none',
            nearest: [{ failed: [{ op: 'Bool', key: 'g:MFAPresent', want: ['true'] }] }],
          },
        ],
        suggest: ['step-up: mfa'],
      },
    })
  })

  it('keeps refusals that others asked for, and no permission', async () => {
    const refused = iam.decide({ principal: user('ann'), action: 'kms:cmk:decrypt', resource: rule })
    expect(await iam.readDecision(user('admin'), refused.id)).toMatchObject({ action: 'kms:cmk:decrypt' })
    const allowed = await ask('admin', 'siem:rule:get')
    expect(allowed.allowed).toBe(true)
    await expect(iam.readDecision(user('admin'), allowed.id)).rejects.toMatchObject({ code: 'iam.thing.absent' })
  })

  it('shows layers only to who may read the policies, and the rest to nobody of another account', async () => {
    const { id } = await ask()
    const seen = await iam.readDecision(user('ann'), id)
    expect(seen).toMatchObject({ redacted: ['identity'], explanation: { layers: [], missing: [] } })
    expect(JSON.stringify(seen)).not.toContain('Night')
    const foreign = { ...user('admin'), account: parseAccountId('000000000002') }
    await expect(iam.readDecision(foreign, id)).rejects.toMatchObject({ code: 'iam.thing.absent' })
    await expect(iam.readDecision(user('admin'), '%')).rejects.toMatchObject({ code: 'iam.thing.absent' })
  })

  it('shows of single policies what their reader may read', async () => {
    const ask = () => iam.authorizer.authorize({ principal: user('ann'), action: 'siem:rule:put', resource: rule })
    const mayRead = JSON.stringify({
      Version: '5.0',
      Statement: { Effect: 'Allow', Action: 'iam:user:getInlinePolicy', Resource: user('ann').arn },
    })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'reader', mayRead)
    const { id } = await ask()
    expect(await iam.readDecision(user('ann'), id)).toMatchObject({
      redacted: ['identity'],
      explanation: { layers: [{ nearest: [{ statement: expect.stringMatching(/#night\.Night$/) }] }], missing: [] },
    })
  })

  it('suggests a second factor where a denial looks at it', async () => {
    const document = JSON.stringify({
      Version: '5.0',
      Statement: { Effect: 'Deny', Action: '*', Condition: { BoolIfExists: { 'g:MFAPresent': 'false' } } },
    })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'mfa', document)
    const { id } = await iam.authorizer.authorize({ principal: user('ann'), action: 'siem:rule:put', resource: rule })
    expect((await iam.readDecision(user('admin'), id)).explanation).toMatchObject({
      decision: 'explicitDeny',
      suggest: ['step-up: mfa'],
    })
  })

  it('hides guardrails from a member, and shows them to the management account only', async () => {
    await iam.organizations.create(account)
    const administrator = { userName: 'root', password: 'long-Pass-phrase-7-for-this-test' }
    const { id: member } = await iam.organizations.createAccount(account, { name: 'shop', administrator })
    await iam.organizations.putGuardrail(account, {
      name: 'NoRules',
      kind: 'principal',
      document: '{"Version":"5.0","Statement":{"Effect":"Deny","Action":"siem:rule:*"}}',
    })
    await iam.organizations.attach(account, member, 'NoRules')
    const root = iam.findPrincipal(member, `arn:rampart:iam::${member}:user/root`)!
    const resource = `arn:rampart:siem:local:${member}:rule/default/x`
    const { id } = await iam.authorizer.authorize({ principal: root, action: 'siem:rule:get', resource })
    const seen = await iam.readDecision(root, id)
    expect(seen).toMatchObject({ redacted: ['guardrail'], explanation: { decision: 'explicitDeny' } })
    expect(JSON.stringify(seen)).not.toContain('NoRules')
  })

  const refusal = (id: string) => ({
    request: { principal: user('ann'), action: 'siem:rule:put', resource: rule },
    decision: { allowed: false, id: id.padStart(32, '0'), reason: 'implicitDeny' as const, determining: [] },
    seen: undefined,
  })

  it('counts what it cannot take, and never waits', async () => {
    let lost = 0
    const log = new DecisionLog({
      database,
      clock,
      log: { error: () => {}, warn: () => {} },
      onLost: (count) => {
        lost += count
      },
      queueMax: 10,
    })
    for (let i = 0; i < 25; i++) log.add(refusal(String(i)))
    await log.close()
    expect(lost).toBe(15)
    expect(await log.find(account, '9'.padStart(32, '0'))).toBeDefined()
    expect(await log.find(account, '10'.padStart(32, '0'))).toBeUndefined()
    // One that the database refuses is counted too: an id that is taken.
    log.add(refusal('9'))
    await log.close()
    expect(lost).toBe(16)
    expect((await metrics.scrape()).text).toContain('rampart_iam_decisions_lost_total')
  })

  it('writes all that it took before it is closed, and nothing after', async () => {
    const errors: object[] = []
    const log = new DecisionLog({
      database,
      clock,
      log: { error: (fields) => void errors.push(fields), warn: () => {} },
      onLost: () => {},
    })
    const count = 2 * DECISION_BATCH_MAX + 3
    for (let i = 0; i < count; i++) log.add(refusal(String(i)))
    await log.close()
    for (const i of [0, DECISION_BATCH_MAX, count - 1]) {
      expect(await log.find(account, String(i).padStart(32, '0'))).toBeDefined()
    }
    expect(errors).toEqual([])
  })

  it('forgets by age and by count, the oldest first', async () => {
    const log = new DecisionLog({
      database,
      clock,
      log: { error: () => {}, warn: () => {} },
      onLost: () => {},
      keptMax: 3,
    })
    const has = async (id: number) => (await log.find(account, String(id).padStart(32, '0'))) !== undefined
    for (let i = 1; i <= 8; i++) {
      clock.at += 1_000
      log.add(refusal(String(i)))
      await log.close()
    }
    expect([await has(1), await has(8)]).toEqual([false, true])
    clock.at += DECISION_RETENTION_MS
    for (let i = 11; i <= 14; i++) {
      clock.at += 1_000
      log.add(refusal(String(i)))
      await log.close()
    }
    expect([await has(8), await has(14)]).toEqual([false, true])
  })
})
