import { describe, expect, it } from 'vitest'
import type { ContextValue } from '../../platform/index.ts'
import { decide, determiningStatements, EMPTY_LAYERS, type Layers } from '../decision/decide.ts'
import { nativeEvaluator } from '../decision/native.ts'
import { keysFrom, questionOf } from '../decision/question.ts'
import { StatementList } from '../decision/statement-list.ts'
import { type PolicyKind, parsePolicy } from './document.ts'
import { callerOf } from './principal-match.ts'
import { compilePolicy } from './statement.ts'
import { matchTokens, parseWildcard, type StepCount } from './wildcard.ts'

const A = '000000000001'
const B = '000000000002'

type Context = Record<string, ContextValue>
interface Ask {
  action?: string
  resource?: string
  context?: Context
}

function listOf(kind: PolicyKind, ...statements: object[]): StatementList {
  const text = JSON.stringify({ Version: '5.0', Statement: statements })
  return new StatementList([compilePolicy(kind, parsePolicy(text, kind))])
}

const identity = (...statements: object[]) => ({ ...EMPTY_LAYERS, identity: listOf('identity', ...statements) })
const nothing = new StatementList([])

const questionFor = ({
  action = 'ecs:server:stop',
  resource = `arn:rampart:ecs:local:${A}:server/s1`,
  context = {},
}: Ask) =>
  questionOf(
    { action, resource, keys: keysFrom(Object.entries(context)) },
    callerOf(A, [`arn:rampart:iam::${A}:user/ann`]),
  )

const outcome = (layers: Layers, ask: Ask = {}) => decide(layers, questionFor(ask), nativeEvaluator)
const reason = (layers: Layers, ask: Ask = {}) => outcome(layers, ask).reason

const allow = (more: object = {}) => ({ Effect: 'Allow', Action: '*', ...more })
const deny = (more: object = {}) => ({ Effect: 'Deny', Action: '*', ...more })
const when = (operator: string, key: string, values: unknown) => ({ Condition: { [operator]: { [key]: values } } })

/** Does an Allow under this condition apply? */
const holds = (operator: string, key: string, values: unknown, context: Context) =>
  reason(identity(allow(when(operator, key, values))), { context }) === 'allow'

describe('the vectors of the reference, 3.12', () => {
  const night = identity({
    Sid: 'NightOps',
    Effect: 'Allow',
    Action: ['ecs:server:stop', 'ecs:server:reboot'],
    Resource: ['arn:rampart:ecs:*:*:server/*'],
    Condition: { Bool: { 'g:MFAPresent': 'true' }, TimeBetween: { 'g:TimeOfDay': '00:00-04:00@Asia/Shanghai' } },
  })
  const at = (time: string, mfa: boolean | undefined = true): Ask => ({
    context: { 'g:CurrentTime': time, ...(mfa === undefined ? {} : { 'g:MFAPresent': mfa }) },
  })

  it('1: the start of a window belongs to it, its end does not', () => {
    expect(reason(night, at('2026-11-20T16:00:00.000Z'))).toBe('allow')
    expect(reason(night, at('2026-11-20T19:59:59.999Z'))).toBe('allow')
    expect(reason(night, at('2026-11-20T20:00:00.000Z'))).toBe('implicitDeny')
    expect(reason(night, at('2026-11-20T15:59:59.999Z'))).toBe('implicitDeny')
  })

  it('2: no MFA key at all is no MFA', () => {
    expect(reason(night, at('2026-11-20T17:00:00Z', false))).toBe('implicitDeny')
    expect(reason(night, { context: { 'g:CurrentTime': '2026-11-20T17:00:00Z' } })).toBe('implicitDeny')
  })

  it('3: a Deny of a group wins over an Allow of the user and is what decided', () => {
    const layers = identity(allow({ Sid: 'Mine' }), deny({ Sid: 'Theirs' }))
    expect(reason(layers)).toBe('explicitDeny')
    expect(determiningStatements(layers, questionFor({}))).toEqual(['identity.Theirs'])
  })

  it('4: every node on the way must allow; the silent one is named', () => {
    const all = listOf('guardrail', allow())
    const other = listOf('guardrail', allow({ Action: 'kms:*' }))
    const layers = {
      ...identity(allow()),
      guardrails: [
        { node: 'root', list: all },
        { node: 'ou-ops', list: other },
      ],
    }
    expect(outcome(layers)).toEqual({ reason: 'implicitDeny', layer: 'guardrail', node: 'ou-ops' })
    expect(
      reason({
        ...layers,
        guardrails: [
          { node: 'root', list: all },
          { node: 'ou-ops', list: all },
        ],
      }),
    ).toBe('allow')
  })

  const grantsAnn = listOf('resource', allow({ Principal: { IAM: `arn:rampart:iam::${A}:user/ann` } }))
  const grantsAccount = listOf('resource', allow({ Principal: { IAM: A } }))

  it('5: a resource policy alone allows a user of its own account, within the boundary', () => {
    const layers = { ...EMPTY_LAYERS, identity: nothing, resource: grantsAnn, boundary: listOf('boundary', allow()) }
    expect(reason(layers)).toBe('allow')
    expect(outcome({ ...layers, boundary: listOf('boundary', allow({ Action: 'kms:*' })) })).toEqual({
      reason: 'implicitDeny',
      layer: 'boundary',
    })
  })

  it('6: and not where the session policy is silent', () => {
    const session = listOf('session', allow({ Action: 'kms:*' }))
    const layers = { ...EMPTY_LAYERS, identity: nothing, resource: grantsAnn, sessions: [session] }
    expect(outcome(layers)).toEqual({ reason: 'implicitDeny', layer: 'session' })
  })

  it('7: across accounts both sides must allow', () => {
    const foreign = { ...EMPTY_LAYERS, sameAccount: false }
    expect(outcome({ ...foreign, identity: listOf('identity', allow()) })).toMatchObject({ layer: 'resource' })
    expect(outcome({ ...foreign, identity: nothing, resource: grantsAnn })).toMatchObject({ layer: 'identity' })
    for (const resource of [grantsAnn, grantsAccount]) {
      expect(reason({ ...foreign, identity: listOf('identity', allow()), resource })).toBe('allow')
    }
  })

  it('8: a negated operator holds where the key is absent', () => {
    expect(holds('StringNotEquals', 'g:ResourceTag/env', 'prod', {})).toBe(true)
    expect(holds('StringNotEquals', 'g:ResourceTag/env', 'prod', { 'g:ResourceTag/env': 'prod' })).toBe(false)
  })

  it('9: ForAllValues holds for nothing, ForAnyValue does not', () => {
    for (const context of [{}, { 'g:TagKeys': [] }]) {
      expect(holds('ForAllValues:StringEquals', 'g:TagKeys', 'a', context)).toBe(true)
      expect(holds('ForAnyValue:StringEquals', 'g:TagKeys', 'a', context)).toBe(false)
    }
    expect(holds('ForAllValues:StringEquals', 'g:TagKeys', ['a', 'b'], { 'g:TagKeys': ['a', 'c'] })).toBe(false)
    expect(holds('ForAnyValue:StringEquals', 'g:TagKeys', ['a', 'b'], { 'g:TagKeys': ['a', 'c'] })).toBe(true)
  })

  it('10: an empty text is null', () => {
    expect(holds('Null', 'g:MFAAge', 'true', { 'g:MFAAge': '' })).toBe(true)
    expect(holds('Null', 'g:MFAAge', 'false', { 'g:MFAAge': 5 })).toBe(true)
  })

  it('11: what a variable stands for is literal', () => {
    const home = identity(allow({ Resource: 'arn:rampart:obs:*:*:home/${g:UserName}/*' }))
    const resource = (user: string) => `arn:rampart:obs:local:${A}:home/${user}/x`
    expect(reason(home, { resource: resource('bob'), context: { 'g:UserName': '*' } })).toBe('implicitDeny')
    expect(reason(home, { resource: resource('*'), context: { 'g:UserName': '*' } })).toBe('allow')
    expect(reason(home, { resource: resource('bob'), context: { 'g:UserName': 'bob' } })).toBe('allow')
    expect(reason(home, { resource: resource('bob') })).toBe('implicitDeny')
    const escaped = identity(allow({ Resource: 'arn:rampart:obs:*:*:home/${*}' }))
    expect(reason(escaped, { resource: `arn:rampart:obs:local:${A}:home/x` })).toBe('implicitDeny')
    expect(reason(escaped, { resource: `arn:rampart:obs:local:${A}:home/*` })).toBe('allow')
  })

  it('12: the fields of a name do not merge', () => {
    const mine = identity(allow({ Resource: `arn:rampart:*:*:${A}:*` }))
    expect(reason(mine, { resource: `arn:rampart:obs:local:${B}:object/x:${A}:y` })).toBe('implicitDeny')
    expect(reason(mine, { resource: `arn:rampart:obs:local:${A}:object/x` })).toBe('allow')
    expect(reason(mine, { resource: 'not-a-name' })).toBe('implicitDeny')
  })

  it('13: an IPv4 address is itself also when it is written as IPv6', () => {
    expect(holds('IpAddress', 'g:SourceIp', '10.0.0.0/8', { 'g:SourceIp': '::ffff:10.1.2.3' })).toBe(true)
    expect(holds('IpAddress', 'g:SourceIp', '10.0.0.0/8', { 'g:SourceIp': '11.1.2.3' })).toBe(false)
    expect(holds('IpAddress', 'g:SourceIp', '2001:db8::/33', { 'g:SourceIp': '2001:db8:7fff::1' })).toBe(true)
    expect(holds('IpAddress', 'g:SourceIp', '2001:db8::/33', { 'g:SourceIp': '2001:db8:8000::1' })).toBe(false)
    expect(holds('NotIpAddress', 'g:SourceIp', '10.0.0.0/8', { 'g:SourceIp': 'fe80::1%eth0' })).toBe(true)
  })

  it('14: a duplicate member, an inherited name, 17 stars and 65 KiB are refused, with their place', () => {
    const read = (text: string) => compilePolicy('p', parsePolicy(text, 'identity'))
    const statement = (more: string) => `{"Version":"5.0",\n"Statement":{"Effect":"Allow",${more}}}`
    expect(() => read(statement('"Effect":"Deny","Action":"a:b"'))).toThrow(/line 2, column 31/)
    const inherited = '"Action":"a:b","Condition":{"StringEquals":{"__proto__":"x"}}'
    expect(() => read(statement(inherited))).toThrow(/line 2, column/)
    expect(() => read(statement(`"Action":"a:${'b*'.repeat(17)}"`))).toThrow(/line 2, column/)
    expect(() => read(`${' '.repeat(65 * 1024)}${statement('"Action":"a:b"')}`)).toThrow(/line 1, column/)
  })

  it('15: a pattern of stars takes at most pattern times text steps', () => {
    const wildcard = parseWildcard('a*a*a*a*a*a*b')
    if (wildcard.kind !== 'general') throw new Error('a general pattern')
    const count: StepCount = { steps: 0 }
    expect(matchTokens(wildcard.tokens, 'a'.repeat(120), count)).toBe(false)
    expect(count.steps).toBeLessThanOrEqual(wildcard.tokens.length * 120)
  })

  // 17 stands in projects.test.ts, 18 in attacks.test.ts: they take more than policies.

  it('16: Allow with NotAction allows everything else', () => {
    const layers = identity({ Effect: 'Allow', NotAction: 'iam:*' })
    expect(reason(layers, { action: 'kms:cmk:encrypt' })).toBe('allow')
    expect(reason(layers, { action: 'iam:user:get' })).toBe('implicitDeny')
  })

  it('19: actions ignore case, and go by the name AWS has for them too', () => {
    expect(reason(identity(allow({ Action: 'kms:cmk:encrypt' })), { action: 'KMS:CMK:Encrypt' })).toBe('allow')
    expect(reason(identity(allow({ Action: 'kms:Encrypt' })), { action: 'kms:cmk:encrypt' })).toBe('allow')
    expect(reason(identity(allow({ Action: 'iam:Get*' })), { action: 'iam:user:get' })).toBe('allow')
    expect(reason(identity(allow({ Action: 'secretsmanager:*' })), { action: 'secrets:credential:read' })).toBe('allow')
    expect(reason(identity(allow({ Action: 'iam:*' })), { action: 'iam:user:get' })).toBe('allow')
    expect(reason(identity(allow({ Action: 'iam:Get*' })), { action: 'iam:user:delete' })).toBe('implicitDeny')
  })

  it('20: a variable without value in the resource of a Deny is refused without a default', () => {
    const shut = (resource: string) => () => identity(deny({ Resource: resource }))
    expect(shut('arn:rampart:siem:local:000000000001:rule/${g:PrincipalTag/team}/*')).toThrow('give it a default')
    expect(shut("arn:rampart:siem:local:000000000001:rule/${g:PrincipalTag/team, 'none'}/*")).not.toThrow()
  })
})

describe('an operator', () => {
  it.each<[string, unknown, ContextValue, boolean]>([
    ['StringEquals', 'Ann', 'Ann', true],
    ['StringEquals', 'Ann', 'ann', false],
    ['StringEquals', 'a*', 'ab', false],
    ['StringEqualsIgnoreCase', 'ANN', 'ann', true],
    ['StringLike', 'a?c*', 'abcd', true],
    ['StringMatch', 'a?c*', 'ac', false],
    ['StringStartWith', 'ab', 'abc', true],
    ['StringEndWith', 'bc', 'abc', true],
    ['StringContain', 'b', 'abc', true],
    ['StringContain', 'x', 'abc', false],
    ['StringEquals', [1, true], 'true', true],
    ['NumericEquals', '10', '10.0', true],
    ['NumericLessThan', '10', 9.5, true],
    ['NumericGreaterThanEquals', '10', 10, true],
    ['NumericNotEquals', '10', 10, false],
    ['NumericNotEquals', '10', 'ten', true],
    ['NumericEquals', '10', 'ten', false],
    ['NumericEquals', '0.1', '1e-1', false],
    ['DateLessThan', '2026-01-01T00:00:00Z', '2025-12-31T23:59:59.999Z', true],
    ['DateEquals', '2026-01-01T00:00:00Z', '2026-01-01T08:00:00+08:00', true],
    ['DateEquals', '1767225600', '2026-01-01T00:00:00Z', true],
    ['DateGreaterThan', '2026-01-01', 1767225601, true],
    ['DateGreaterThan', '2026-01-01', 'tomorrow', false],
    ['Bool', true, true, true],
    ['Bool', 'false', true, false],
    ['Bool', 'true', 'yes', false],
    ['ArnLike', 'arn:rampart:*:*:1:a/*', 'arn:rampart:x:y:1:a/b', true],
    ['ArnEquals', 'arn:rampart:*:*:1:a/*', 'arn:rampart:x:2:y:1:a/b', false],
    ['ArnNotLike', 'arn:rampart:*:*:1:a/*', 'text', true],
    ['BinaryEquals', 'QUJD', 'QUJD', true],
    ['TimeBetween', '22:00-06:00', '23:00', true],
    ['TimeBetween', '22:00-06:00', '05:59:59.999', true],
    ['TimeBetween', '22:00-06:00', '06:00', false],
    ['TimeNotBetween', '22:00-06:00', '06:00', true],
    ['TimeBetween', '00:00-24:00', '23:59', true],
  ])('%s %j of %j is %j', (operator, values, seen, expected) => {
    const key = operator.startsWith('Time') ? 'g:TimeOfDay' : 'k:x'
    expect(holds(operator, key, values, { [key]: seen })).toBe(expected)
  })

  it('is false of an absent key, true when negated or with IfExists', () => {
    expect(holds('StringEquals', 'k:x', 'a', {})).toBe(false)
    expect(holds('StringEqualsIfExists', 'k:x', 'a', {})).toBe(true)
    expect(holds('StringEqualsIfExists', 'k:x', 'a', { 'k:x': 'b' })).toBe(false)
    expect(holds('StringNotLike', 'k:x', 'a', {})).toBe(true)
    expect(holds('TimeNotBetween', 'g:TimeOfDay', '01:00-02:00', {})).toBe(true)
  })

  it('joins operators and keys by and, values by or, negated values by nor', () => {
    expect(holds('StringNotEquals', 'k:x', ['a', 'b'], { 'k:x': 'b' })).toBe(false)
    expect(holds('StringNotEquals', 'k:x', ['a', 'b'], { 'k:x': 'c' })).toBe(true)
    const both = identity(allow({ Condition: { StringEquals: { 'k:x': 'a', 'k:y': 'b' } } }))
    expect(reason(both, { context: { 'k:x': 'a' } })).toBe('implicitDeny')
    expect(reason(both, { context: { 'k:x': 'a', 'K:Y': 'b' } })).toBe('allow')
  })

  it('knows keys by any case and by the names AWS has for them', () => {
    expect(holds('StringEquals', 'aws:username', 'ann', { 'g:UserName': 'ann' })).toBe(true)
    expect(holds('Bool', 'aws:MultiFactorAuthPresent', 'true', { 'g:MFAPresent': true })).toBe(true)
  })

  it('follows the clock on the wall through a change of summer time', () => {
    const inBerlin = (time: string) =>
      holds('TimeBetween', 'g:TimeOfDay', '08:00-09:00@Europe/Berlin', { 'g:CurrentTime': time })
    expect(inBerlin('2026-03-28T07:00:00Z')).toBe(true)
    expect(inBerlin('2026-03-29T07:00:00Z')).toBe(false)
    expect(inBerlin('2026-03-29T06:00:00Z')).toBe(true)
  })
})
