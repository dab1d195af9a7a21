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
  openDatabase,
  openSealer,
  type Principal,
  parseAccountId,
  systemClock,
} from '../platform/index.ts'
import { createIam, type Iam } from './iam.ts'
import { iamMigrations } from './migrations.ts'

const account = parseAccountId('000000000001')

/** Every family of operators, its values as policies have them. */
const conditions: readonly [string, string, string][] = [
  ['StringEquals', 'k:a', 'x'],
  ['StringLike', 'k:a', "a*b?${g:UserName, 'none'}*"],
  ['StringNotEqualsIgnoreCase', 'k:a', 'X'],
  ['StringContain', 'k:a', 'x'],
  ['NumericLessThan', 'k:a', '7.5'],
  ['NumericNotEquals', 'k:a', '-1'],
  ['DateGreaterThan', 'k:a', '2026-01-01T00:00:00Z'],
  ['DateEquals', 'k:a', '1790000000'],
  ['TimeBetween', 'g:TimeOfDay', '22:00-06:00@Asia/Shanghai'],
  ['Bool', 'k:a', 'true'],
  ['IpAddress', 'k:a', '10.0.0.0/8'],
  ['NotIpAddress', 'k:a', '2001:db8::/32'],
  ['ArnLike', 'k:a', 'arn:rampart:*:*:*:t/*'],
  ['BinaryEquals', 'k:a', 'AAAA'],
  ['Null', 'k:a', 'true'],
  ['ForAllValues:StringLike', 'k:a', 'a*'],
  ['ForAnyValue:NumericEquals', 'k:a', '1'],
]

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '*',
    '?',
    '${g:UserName}',
    '__proto__',
    'constructor',
    'a:b:c:d:e:f',
    '::ffff:1.2.3.4',
    '%00',
    'NaN',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4_000 }),
  fc.constantFrom(
    'arn:rampart:a:local:000000000001:t/x',
    'a:t:get',
    '2026-02-30T25:61:61Z',
    '1e999',
    '10.0.0.1',
    '24:00',
  ),
)
const value: fc.Arbitrary<ContextValue> = fc.oneof(
  hostile,
  fc.double(),
  fc.boolean(),
  fc.array(hostile, { maxLength: 4 }),
)
const key = fc.oneof(
  hostile,
  fc.constantFrom('k:a', 'K:A', 'g:UserName', 'g:TimeOfDay', 'g:CurrentTime', 'aws:SourceIp'),
)

describe('a decision', () => {
  let dir: string
  let database: Database
  let iam: Iam
  let principal: Principal
  const errors: object[] = []

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampart-hostile-'))
    database = openDatabase({ file: join(dir, 'rampart.db') })
    await migrate(database, iamMigrations, systemClock)
    const log = { error: (fields: object) => void errors.push(fields), warn: () => {} }
    iam = await createIam({ database, sealer: openSealer({ dataDir: dir }), clock: systemClock, log })
    await iam.bootstrap(() => {})
    await iam.users.create(account, { name: 'ann' })
    const Statement = conditions.map(([operator, of, wanted]) => ({
      Effect: operator.includes('Not') ? 'Deny' : 'Allow',
      Action: ['a:*', '*:t:*'],
      Resource: ['*', "arn:rampart:a:*:*:t/${g:UserName, 'none'}*"],
      Condition: { [operator]: { [of]: wanted } },
    }))
    const document = JSON.stringify({ Version: '5.0', Statement })
    await iam.attachments.putInline(account, { kind: 'user', name: 'ann' }, 'every', document)
    principal = iam.findPrincipal(account, iamArn(account, 'user', 'ann'))!
  })
  afterAll(async () => {
    await iam.close()
    await database.close()
    rmSync(dir, { recursive: true })
  })

  it('is made whatever is asked, the same by both evaluators, and nothing fails inside', async () => {
    const reasons = ['allow', 'explicitDeny', 'implicitDeny']
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(hostile, fc.constant('a:t:get')),
        hostile,
        fc.array(fc.tuple(key, value), { maxLength: 6 }),
        async (action, resource, pairs) => {
          // Platform keys count only where they are asserted, so both ways are asked without them.
          const own = pairs.filter(([name]) => !/^(g|aws):/i.test(name))
          const request = { principal, action, resource, context: new Map(own) }
          const native = iam.decide(request)
          expect(reasons).toContain(native.reason)
          expect(native.allowed).toBe(native.reason === 'allow')
          expect((await iam.authorizer.authorize(request)).reason).toBe(native.reason)
          expect(iam.isAllowed(request)).toBe(native.allowed)
          const asserted = { ...request, context: new Map(pairs) }
          expect(reasons).toContain(iam.decide(asserted).reason)
          iam.explain(asserted)
        },
      ),
      { numRuns: 400 },
    )
    expect(errors).toEqual([])
  })

  it('refuses a principal of any name that is none', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        const nobody: Principal = { ...principal, name, arn: principal.arn }
        if (name !== 'ann')
          expect(iam.decide({ principal: nobody, action: 'a:t:get', resource: '*' }).allowed).toBe(false)
        expect(iam.findPrincipal(account, name)).toBeUndefined()
      }),
    )
  })
})
