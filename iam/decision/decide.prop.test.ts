import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type PolicyKind, parsePolicy } from '../policy/document.ts'
import { callerOf } from '../policy/principal-match.ts'
import { compilePolicy } from '../policy/statement.ts'
import { createCasbinEvaluator } from './casbin.ts'
import { decide, EMPTY_LAYERS, type Layers } from './decide.ts'
import type { Evaluator } from './evaluator.ts'
import { nativeEvaluator } from './native.ts'
import { keysFrom, questionOf } from './question.ts'
import { StatementList } from './statement-list.ts'

/** Few words, so that what is generated meets. */
const word = fc.constantFrom('a', 'b', 'ab')
const wild = fc.oneof(word, fc.constantFrom('*', '*', '*', 'a*', '*b', '?', 'a*b*'))
const action = fc.oneof(
  fc.tuple(wild, wild, wild).map((fields) => fields.join(':')),
  fc.tuple(word, wild).map((fields) => fields.join(':')),
  fc.constant('*'),
  fc.constant('*'),
)
const resource = fc.oneof(
  fc.tuple(wild, wild, wild).map(([service, account, id]) => `arn:rampart:${service}::${account}:t/${id}`),
  fc.constantFrom('*', '*', "arn:rampart:*:*:*:t/${k:a, 'none'}"),
)
const condition = fc.dictionary(
  fc.constantFrom(
    'StringEquals',
    'StringNotEquals',
    'StringLike',
    'StringEqualsIfExists',
    'StringNotLikeIfExists',
    'ForAnyValue:StringEquals',
    'ForAllValues:StringLike',
    'ForAnyValue:StringNotEquals',
    'ForAllValues:StringNotEquals',
  ),
  fc.dictionary(fc.constantFrom('k:a', 'k:b'), fc.array(wild, { minLength: 1, maxLength: 2 }), {
    minKeys: 1,
    maxKeys: 2,
  }),
  { maxKeys: 2 },
)

const rarely = fc.constantFrom(false, false, false, true)

const principal = fc.constantFrom(
  '*',
  { IAM: '000000000001' },
  { IAM: 'arn:rampart:iam::000000000001:user/a' },
  { IAM: 'arn:rampart:iam::000000000002:user/*' },
)

function statement(kind: PolicyKind) {
  return fc
    .record({
      Effect: fc.constantFrom(...new Array<string>(7).fill('Allow'), 'Deny'),
      actions: fc.array(action, { minLength: 1, maxLength: 2 }),
      notAction: rarely,
      resources: fc.option(fc.array(resource, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 1 }),
      notResource: rarely,
      condition: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: condition }),
      principal,
    })
    .map((s) => ({
      Effect: s.Effect,
      [s.notAction ? 'NotAction' : 'Action']: s.actions,
      ...(s.resources ? { [s.notResource ? 'NotResource' : 'Resource']: s.resources } : {}),
      ...(kind === 'guardrail' && s.Effect === 'Allow' ? {} : { Condition: s.condition }),
      ...(kind === 'resource' ? { Principal: s.principal } : {}),
    }))
}

const list = (kind: PolicyKind) =>
  fc.array(statement(kind), { minLength: 1, maxLength: 4 }).map((statements) => {
    const text = JSON.stringify({ Version: '5.0', Statement: statements })
    return new StatementList([compilePolicy('p', parsePolicy(text, kind))])
  })

const empty = new StatementList([])
const maybe = (kind: PolicyKind) => fc.option(list(kind), { nil: undefined, freq: 1 })
const guardrails = fc
  .array(list('guardrail'), { maxLength: 2 })

  .map((lists: readonly StatementList[]) => lists.map((one, index) => ({ node: `n${index}`, list: one })))

const layers: fc.Arbitrary<Layers> = fc.record({
  guardrails,
  resourceGuardrails: guardrails,
  boundary: maybe('boundary'),
  sessions: fc.oneof(fc.constant([]), fc.array(list('session'), { maxLength: 2 })),
  identity: fc.oneof(list('identity'), fc.constant(empty)),
  resource: maybe('resource'),
  sameAccount: fc.constantFrom(true, true, false),
  resourcePolicyRequired: rarely,
})

const question = fc
  .record({
    action: fc.tuple(word, word, word).map((fields) => fields.join(':')),
    resource: fc.tuple(word, word, word).map(([service, account, id]) => `arn:rampart:${service}::${account}:t/${id}`),
    context: fc.dictionary(fc.constantFrom('k:a', 'K:B'), fc.oneof(word, fc.array(word, { maxLength: 2 })), {
      maxKeys: 2,
    }),
    user: fc.constantFrom('a', 'b'),
    account: fc.constantFrom('000000000001', '000000000002'),
  })
  .map(({ action, resource, context, user, account }) =>
    questionOf(
      { action, resource, keys: keysFrom(Object.entries(context)) },
      callerOf(account, [`arn:rampart:iam::${account}:user/${user}`]),
    ),
  )

const allows = (given: Layers, asked: Parameters<typeof decide>[1]) =>
  decide(given, asked, nativeEvaluator).reason === 'allow'

const isDeny = (statement: { readonly effect: string }) => statement.effect === 'Deny'
const merge = (a: StatementList, b: StatementList) => new StatementList([a, b])

describe('a decision', () => {
  let casbin: Evaluator
  beforeAll(async () => {
    casbin = await createCasbinEvaluator()
  })

  it('is the same by casbin on the slice and by the native evaluator, whatever the layers', () => {
    let allowed = 0
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const native = decide(given, asked, nativeEvaluator)
        if (native.reason === 'allow') allowed++
        expect(decide(given, asked, casbin)).toEqual(native)
      }),
      { numRuns: 3000 },
    )
    // The generator would prove nothing if it only ever made refusals.
    expect(allowed).toBeGreaterThan(60)
  })

  it('is never widened by one more Deny', () => {
    const deny = list('identity').map((one) => new StatementList([{ statements: one.statements.filter(isDeny) }]))
    fc.assert(
      fc.property(layers, deny, question, (given, more, asked) => {
        if (allows({ ...given, identity: merge(given.identity, more) }, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('is never widened by one more guardrail, boundary or session policy', () => {
    fc.assert(
      fc.property(layers, list('guardrail'), list('session'), question, (given, guardrail, session, asked) => {
        const narrower = [
          { ...given, guardrails: [...given.guardrails, { node: 'x', list: guardrail }] },
          { ...given, resourceGuardrails: [...given.resourceGuardrails, { node: 'x', list: guardrail }] },
          { ...given, sessions: [...given.sessions, session] },
          ...(given.boundary ? [] : [{ ...given, boundary: session }]),
        ]
        for (const one of narrower) if (allows(one, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('is never widened by taking an Allow away', () => {
    fc.assert(
      fc.property(layers, question, (given, asked) => {
        const kept = given.identity.statements.filter((s, index) => isDeny(s) || index % 2 === 0)
        const identity = new StatementList([{ statements: kept }])
        if (allows({ ...given, identity }, asked)) expect(allows(given, asked)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('needs no layer but the identity in an account of its own', () => {
    fc.assert(
      fc.property(list('identity'), question, (identity, asked) => {
        const given = { ...EMPTY_LAYERS, identity }
        expect(decide(given, asked, nativeEvaluator)).toEqual(decide(given, asked, casbin))
      }),
    )
  })
})
