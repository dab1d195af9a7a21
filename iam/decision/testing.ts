import fc from 'fast-check'
import { type PolicyKind, parsePolicy } from '../policy/document.ts'
import { callerOf } from '../policy/principal-match.ts'
import { compilePolicy } from '../policy/statement.ts'
import type { Layers } from './decide.ts'
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

/** The statements of one policy. */
export const list = (kind: PolicyKind) =>
  fc.array(statement(kind), { minLength: 1, maxLength: 4 }).map((statements) => {
    const text = JSON.stringify({ Version: '5.0', Statement: statements })
    return new StatementList([compilePolicy('p', parsePolicy(text, kind))])
  })

const empty = new StatementList([])
const maybe = (kind: PolicyKind) => fc.option(list(kind), { nil: undefined, freq: 1 })
const guardrails = fc
  .array(list('guardrail'), { maxLength: 2 })

  .map((lists: readonly StatementList[]) => lists.map((one, index) => ({ node: `n${index}`, list: one })))

/** Everything that can have a say. */
export const layers: fc.Arbitrary<Layers> = fc.record({
  guardrails,
  resourceGuardrails: guardrails,
  boundary: maybe('boundary'),
  sessions: fc.oneof(fc.constant([]), fc.array(list('session'), { maxLength: 2 })),
  identity: fc.oneof(list('identity'), fc.constant(empty)),
  resource: maybe('resource'),
  sameAccount: fc.constantFrom(true, true, false),
  resourcePolicyRequired: rarely,
})

/** What is asked, with few values that meet those of `layers`. */
export const question = fc
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
