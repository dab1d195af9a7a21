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
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'

const account = parseAccountId('000000000001')
const rule = `arn:rampart:siem:local:${account}:rule/default/x`
const editor = `arn:rampart:iam::${account}:policy/Editor`

describe.each(testDatabases())('enterprise projects on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let iam: Iam
  let shop: string
  const open = () => createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-projects-'))
    await migrate(database, iamMigrations, systemClock)
    iam = await open()
    await iam.bootstrap(() => {})
    for (const name of ['ann', 'ben']) await iam.users.create(account, { name })
    await iam.groups.create(account, 'editors')
    await iam.groups.addUser(account, 'editors', 'ann')
    const document = JSON.stringify({
      Version: '5.0',
      Statement: { Sid: 'Edit', Effect: 'Allow', Action: 'siem:rule:*', Resource: '*' },
    })
    await iam.policies.create(account, { name: 'Editor', document })
    shop = (await iam.projects.create(account, { name: 'shop' })).id
    await grant('group', 'editors', shop)
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const grant = (of: 'user' | 'group', name: string, id: string) =>
    iam.projects.grant(account, { holder: { kind: of, name }, policy: editor, scope: { kind: 'project', id } })
  const user = (name: string): Principal => iam.findPrincipal(account, `arn:rampart:iam::${account}:user/${name}`)!
  const may = (name: string, action = 'siem:rule:put', resource = rule) =>
    iam.decide({ principal: user(name), action, resource }).reason
  const move = (to: string, by = 'admin', more: { dryRun?: boolean } = {}) =>
    iam.projects.move(user(by), { to, resources: [rule], ...more })

  it('vector 17: a grant is good in its project, and denies at the very next decision when the resource moved away', async () => {
    expect(may('ann')).toBe('implicitDeny')
    await move(shop)
    expect(may('ann')).toBe('allow')
    expect(may('ann', 'siem:rule:put', `${rule}y`)).toBe('implicitDeny')
    await move('0')
    expect(may('ann')).toBe('implicitDeny')
  })

  it('tells who gains and who loses, and moves nothing when asked to only tell', async () => {
    const bank = (await iam.projects.create(account, { name: 'bank' })).id
    await grant('user', 'ben', bank)
    const change = (name: string, before: string, after: string) => ({
      principal: `arn:rampart:iam::${account}:user/${name}`,
      action: 'siem:rule:*',
      before,
      after,
    })
    expect(await move(shop)).toEqual([
      { resource: rule, from: '0', to: shop, gains: [change('ann', 'no', 'now')], loses: [], truncated: false },
    ])
    const expected = { gains: [change('ben', 'no', 'now')], loses: [change('ann', 'now', 'no')] }
    expect(await move(bank, 'admin', { dryRun: true })).toMatchObject([expected])
    expect(iam.projects.resources(account, shop)).toEqual([rule])
    expect(await move(bank)).toMatchObject([expected])
    expect(iam.projects.resources(account, shop)).toEqual([])
    expect(iam.projects.resources(account, bank)).toEqual([rule])
    expect([may('ann'), may('ben')]).toEqual(['implicitDeny', 'allow'])
  })

  it('takes the right to move on both projects, and moves all or none', async () => {
    const allowOn = (id: string) =>
      iam.attachments.putInline(
        account,
        { kind: 'user', name: 'ben' },
        `m${id}`,
        JSON.stringify({
          Version: '5.0',
          Statement: {
            Effect: 'Allow',
            Action: 'eps:resource:migrate',
            Resource: `arn:rampart:eps::${account}:project/${id}`,
          },
        }),
      )
    await expect(move(shop, 'ben')).rejects.toMatchObject({ code: 'iam.pdp.notAllowed' })
    await allowOn(shop)
    await expect(move(shop, 'ben')).rejects.toMatchObject({ code: 'iam.pdp.notAllowed' })
    await allowOn('0')
    await move(shop, 'ben')
    const foreign = 'arn:rampart:siem:local:000000000002:rule/default/x'
    const both = iam.projects.move(user('admin'), { to: '0', resources: [rule, foreign] })
    await expect(both).rejects.toMatchObject({ code: 'iam.thing.absent' })
    expect(iam.projects.resources(account, shop)).toEqual([rule])
  })

  it('lets a disabled project be read and not changed, by anybody', async () => {
    await move(shop)
    await iam.projects.update(account, shop, { enabled: false })
    expect(may('ann')).toBe('implicitDeny')
    expect(may('admin')).toBe('implicitDeny')
    expect(may('ann', 'siem:rule:get')).toBe('allow')
    const asked = { principal: user('admin'), action: 'siem:rule:put', resource: rule }
    expect(iam.explain(asked)).toMatchObject({ decidedBy: 'resourceGuardrail', node: `project/${shop}` })
    await iam.projects.update(account, shop, { enabled: true })
    expect(may('ann')).toBe('allow')
  })

  it('gives a policy for one resource, and takes it back', async () => {
    const given = {
      holder: { kind: 'user' as const, name: 'ben' },
      policy: editor,
      scope: { kind: 'resource' as const, id: rule },
    }
    await iam.projects.grant(account, given)
    expect([may('ben'), may('ben', 'siem:rule:put', `${rule}y`)]).toEqual(['allow', 'implicitDeny'])
    const { items } = await iam.whoCan(account, {
      action: 'siem:rule:put',
      resource: rule,
      context: new Map(),
      limit: 10,
    })
    expect(items.map(({ principal }) => principal.split('/')[1])).toEqual(['admin', 'ben'])
    await iam.projects.revoke(account, given)
    expect(may('ben')).toBe('implicitDeny')
  })

  it('holds what is in use, and everything after a restart', async () => {
    await move(shop)
    await expect(iam.projects.delete(account, shop)).rejects.toMatchObject({ code: 'iam.thing.inUse' })
    await expect(iam.policies.delete(account, 'Editor')).rejects.toMatchObject({ code: 'iam.policy.inUse' })
    iam = await open()
    expect(may('ann')).toBe('allow')
    await move('0')
    await iam.groups.delete(account, 'editors')
    await iam.projects.delete(account, shop)
    expect(iam.projects.list(account).map(({ id }) => id)).toEqual(['0'])
  })
})
