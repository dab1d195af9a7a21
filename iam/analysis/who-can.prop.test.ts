import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type ContextValue,
  type Database,
  iamArn,
  migrate,
  openSealer,
  parseAccountId,
  systemClock,
} from '../../platform/index.ts'
import { type TestDatabase, testDatabases } from '../../test/support/databases.ts'
import { createIam, type Iam } from '../iam.ts'
import { iamMigrations } from '../migrations.ts'
import type { WhoCanInput } from './who-can.ts'

const account = parseAccountId('000000000001')
const USERS = 12

/** Few words, so that what is generated meets. */
const action = fc.constantFrom('*', 'a:*', 'a:t:get', 'a:t:put', 'b:*', '*:t:get', 'c:t:get')
const resource = fc.constantFrom(
  '*',
  'arn:rampart:a:local:000000000001:t/*',
  'arn:rampart:a:local:000000000001:t/x',
  'arn:rampart:*:local:000000000001:t/y',
  "arn:rampart:a:local:000000000001:t/${g:UserName, 'none'}",
)
const statement = fc
  .record({
    Effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
    action,
    notAction: fc.constantFrom(false, false, false, true),
    resource,
    notResource: fc.constantFrom(false, false, false, true),
    Condition: fc.constantFrom({}, {}, { StringLike: { 'g:UserName': 'u0*' } }, { StringEquals: { 'k:a': 'x' } }),
  })
  .map((one) => ({
    Effect: one.Effect,
    [one.notAction ? 'NotAction' : 'Action']: one.action,
    [one.notResource ? 'NotResource' : 'Resource']: one.resource,
    Condition: one.Condition,
  }))
const document = fc
  .array(statement, { minLength: 1, maxLength: 3 })
  .map((statements) => JSON.stringify({ Version: '5.0', Statement: statements }))
const place = fc.constantFrom('managed', 'group', 'inline', 'grant', 'role')

describe.each(testDatabases())('who-can on $name', (kind: TestDatabase) => {
  let database: Database
  let drop: () => Promise<void>
  let dir: string
  let iam: Iam

  beforeAll(async () => {
    ;({ database, drop } = await kind.open())
    dir = mkdtempSync(join(tmpdir(), 'rampart-whocan-'))
    await migrate(database, iamMigrations, systemClock)
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock })
    await iam.bootstrap(() => {})
    for (let i = 0; i < USERS; i++) await iam.users.create(account, { name: `u${String(i).padStart(2, '0')}` })
  })
  afterAll(async () => {
    await iam.close()
    await drop()
    rmSync(dir, { recursive: true })
  })

  const give = async (index: number, where: string, text: string) => {
    const user = `u${String(index % USERS).padStart(2, '0')}`
    const name = `p${index}`
    const holder = { kind: 'user', name: user } as const
    if (where === 'inline') return iam.attachments.putInline(account, holder, name, text)
    const arn = iamArn(account, 'policy', name)
    await iam.policies.create(account, { name, document: text })
    if (where === 'managed') return iam.attachments.attach(account, holder, arn)
    if (where === 'grant') {
      const scope = { kind: 'resource', id: 'arn:rampart:a:local:000000000001:t/x' } as const
      return iam.projects.grant(account, { holder, policy: arn, scope })
    }
    if (where === 'role') {
      const trust = JSON.stringify({
        Version: '5.0',
        Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { IAM: account } },
      })
      await iam.roles.create(account, { name: `r${index}`, trust })
      return iam.attachments.attach(account, { kind: 'role', name: `r${index}` }, arn)
    }
    await iam.groups.create(account, `g${index}`)
    await iam.attachments.attach(account, { kind: 'group', name: `g${index}` }, arn)
    for (const other of [user, `u${String((index * 5) % USERS).padStart(2, '0')}`]) {
      await iam.groups.addUser(account, `g${index}`, other)
    }
  }

  it('lists exactly those that the engine lets, page by page, while policies come and change', async () => {
    const [seed] = fc.sample(fc.integer({ min: 1 }), 1)
    const given = fc.sample(fc.tuple(place, document, document), { numRuns: 40, seed: seed ?? 1 })
    for (const [index, [where, text, changed]] of given.entries()) {
      await give(index, where, text)
      if (where !== 'inline' && index % 2 === 0) {
        await iam.policies.createVersion(account, `p${index}`, { document: changed })
      }
      if (index % 8 !== 7) continue
      for (const about of [
        { action: 'a:t:get', resource: 'arn:rampart:a:local:000000000001:t/x', context: keys('x') },
        { action: 'b:t:put', resource: 'arn:rampart:b:local:000000000001:t/y', context: keys('y') },
        { action: 'a:t:put', resource: 'arn:rampart:a:local:000000000001:t/u03', context: keys('x') },
      ]) {
        const names = [
          ...iam.roles.list(account).map(({ arn }) => arn),
          ...iam.users.list(account).map(({ arn }) => arn),
        ].sort()
        const let_ = names.filter(
          (arn) => iam.decide({ principal: iam.findPrincipal(account, arn)!, ...about }).allowed,
        )
        expect(await listed(about), `seed ${seed}`).toEqual(let_)
      }
    }
  })

  const keys = (value: string) => new Map<string, ContextValue>([['k:a', value]])

  /** Every condition is decided, so whoever is listed can now. */
  async function listed(about: Omit<WhoCanInput, 'limit'>): Promise<string[]> {
    const found: string[] = []
    let after: string | undefined
    do {
      const page = await iam.whoCan(account, { ...about, limit: 2, ...(after ? { after } : {}) })
      expect(page.items.every(({ can }) => can === 'now')).toBe(true)
      found.push(...page.items.map(({ principal }) => principal))
      after = page.last
    } while (after !== undefined)
    return found
  }
})
