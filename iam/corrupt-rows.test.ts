import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, iamArn, migrate, openSealer, parseAccountId, systemClock } from '../platform/index.ts'
import { type TestDatabase, testDatabases } from '../test/support/databases.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'
import type { IamTables } from './tables.ts'

const account = parseAccountId('000000000001')
const all = JSON.stringify({ Version: '5.0', Statement: { Effect: 'Allow', Action: '*' } })
const trust = JSON.stringify({
  Version: '5.0',
  Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { IAM: account } },
})
const resource = `arn:rampart:siem:local:${account}:rule/default/x`

type Spoil = (tx: Parameters<Parameters<Database<IamTables>['write']>[0]>[0]) => { execute(): Promise<unknown> }

/** What is in the database was checked when it was written; whoever changes it behind our back gains nothing by it. */
describe.each(testDatabases())('a row that cannot be read, on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let iam: Iam
  let told: string

  const open = () => {
    const log = {
      error: (fields: object, message: string) => {
        told += `${message} ${JSON.stringify(fields)}\n`
      },
      warn: () => {},
    }
    return createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock, log })
  }

  beforeEach(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-corrupt-'))
    told = ''
    await migrate(database, iamMigrations, systemClock)
    iam = await open()
    await iam.bootstrap(() => {})
    for (const name of ['ann', 'bob']) {
      await iam.users.create(account, { name, tags: { team: 'a' } })
      await iam.attachments.putInline(account, { kind: 'user', name }, 'own', all)
    }
    await iam.groups.create(account, 'ops')
    await iam.attachments.putInline(account, { kind: 'group', name: 'ops' }, 'grouped', all)
    await iam.groups.addUser(account, 'ops', 'ann')
    await iam.policies.create(account, { name: 'managed', document: all })
    await iam.attachments.attach(account, { kind: 'user', name: 'ann' }, iamArn(account, 'policy', 'managed'))
    await iam.roles.create(account, { name: 'deploy', trust, tags: { team: 'a' } })
    await iam.attachments.putInline(account, { kind: 'role', name: 'deploy' }, 'role', all)
    expect([decide('user', 'ann'), decide('role', 'deploy')]).toEqual(['allow', 'allow'])
  })
  afterEach(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const decide = (type: 'user' | 'role', name: string) => {
    const principal = iam.findPrincipal(account, iamArn(account, type, name))
    return principal ? iam.decide({ principal, action: 'siem:rule:get', resource }).reason : 'nobody'
  }
  const spoil = async (how: Spoil) => {
    await database.as<IamTables>().write(async (tx) => void (await how(tx).execute()))
    await iam.close()
    iam = await open()
  }
  const inline =
    (name: string, document: string): Spoil =>
    (tx) =>
      tx.updateTable('iam_inline_policy').set({ document }).where('name', '=', name)

  it.each<[string, Spoil, 'user' | 'role', string]>([
    ['an inline policy cut off', inline('own', '{"Version":'), 'user', 'ann'],
    ['an inline policy that is empty', inline('own', ''), 'user', 'ann'],
    [
      'an inline policy with an operator nobody knows',
      inline('own', all.replace('}}', ',"Condition":{"X":{"g:UserName":"a"}}}}')),
      'user',
      'ann',
    ],
    ['the policy of a group', inline('grouped', '[]'), 'user', 'ann'],
    [
      'a managed policy',
      (tx) => tx.updateTable('iam_policy_version').set({ document: 'null' }).where('policy', '=', 'managed'),
      'user',
      'ann',
    ],
    [
      'a managed policy whose default version is gone',
      (tx) => tx.deleteFrom('iam_policy_version').where('policy', '=', 'managed'),
      'user',
      'ann',
    ],
    ['the policy of a role', inline('role', '{}'), 'role', 'deploy'],
    [
      'the tags of a role',
      (tx) => tx.updateTable('iam_role').set({ tags: '{' }).where('name', '=', 'deploy'),
      'role',
      'deploy',
    ],
  ])('denies and tells: %s', async (_, how, type, name) => {
    await spoil(how)
    expect(decide(type, name)).not.toBe('allow')
    expect(told).toMatch(/cannot be read/)
  })

  it('lets a user in nowhere whose tags cannot be read, and others as before', async () => {
    await spoil((tx) => tx.updateTable('iam_user').set({ tags: '"' }).where('name', '=', 'ann'))
    expect(iam.users.get(account, 'ann').enabled).toBe(false)
    expect(decide('user', 'ann')).toBe('error')
    expect(told).toMatch(/tags cannot be read/)
    expect(decide('user', 'bob')).toBe('allow')
  })

  it('lets nobody assume a role whose trust cannot be read', async () => {
    await spoil((tx) => tx.updateTable('iam_role').set({ trust: '{' }).where('name', '=', 'deploy'))
    const principal = iam.findPrincipal(account, iamArn(account, 'user', 'bob'))!
    const input = { arn: iamArn(account, 'role', 'deploy'), sessionName: 's', context: new Map() }
    await expect(iam.assumeRole(principal, input)).rejects.toMatchObject({ status: 403 })
    expect(told).toMatch(/cannot be read/)
  })

  it('has no application whose world cannot be read', async () => {
    const world = { subjectTypes: ['a'], resourceTypes: ['b'], actions: ['c'], entities: [], callers: [] }
    await iam.applications.put(account, 'wiki', { ...world, policies: [{ id: 'p', document: all }] })
    await spoil((tx) => tx.updateTable('iam_application').set({ document: '{"policies":7}' }))
    expect(iam.applications.list(account)).toEqual([])
    expect(told).toMatch(/application cannot be read/)
  })
})
