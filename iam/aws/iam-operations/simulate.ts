import { type AccountId, type Context, type ContextValue, iamArn } from '../../../platform/index.ts'
import { decide, EMPTY_LAYERS, type Layers } from '../../decision/decide.ts'
import { nativeEvaluator } from '../../decision/native.ts'
import { keysFrom, questionOf } from '../../decision/question.ts'
import { StatementList } from '../../decision/statement-list.ts'
import { iamError } from '../../errors.ts'
import type { Iam } from '../../iam.ts'
import { BATCH_MAX } from '../../limits.ts'
import { canonicalKey } from '../../policy/context-keys.ts'
import { type PolicyKind, parsePolicy } from '../../policy/document.ts'
import { callerOf } from '../../policy/principal-match.ts'
import {
  type CompiledPolicy,
  type CompiledStatement,
  compilePolicy,
  isMet,
  keysOf,
  matchesScope,
  placesOf,
  type Question,
} from '../../policy/statement.ts'
import type { NamedOperation } from '../operation.ts'
import type { QueryInput, XmlValue } from '../query.ts'

/** Simulations: what policies would decide, with the places of the statements that matched.
 * @see AWS IAM API Reference, SimulateCustomPolicy, SimulatePrincipalPolicy */
export function simulateOperations(iam: Iam): NamedOperation[] {
  const everyPolicy = (_: QueryInput, account: AccountId) => iamArn(account, 'policy', '*')
  return [
    [
      'SimulateCustomPolicy',
      {
        action: 'iam:policy:simulateCustom',
        resource: everyPolicy,
        audit: 'refusals',
        run: (ctx, input) => simulate(ctx, input, readPolicies(input, 'PolicyInputList', 'identity'), undefined),
      },
    ],
    [
      'SimulatePrincipalPolicy',
      {
        action: 'iam:policy:simulatePrincipal',
        resource: (input) => input.get('PolicySourceArn'),
        audit: 'refusals',
        run(ctx, input) {
          const arn = input.get('PolicySourceArn')
          const held = iam.policiesOf(ctx.principal.account, arn)
          if (!held) throw iamError('iam.thing.absent', `there is no principal \`${arn.slice(0, 200)}\``)
          const given = readPolicies(input, 'PolicyInputList', 'identity')
          return simulate(ctx, input, [...held.identity, ...given], held.boundary, arn)
        },
      },
    ],
    [
      'GetContextKeysForCustomPolicy',
      {
        action: 'iam:policy:getContextKeys',
        resource: everyPolicy,
        audit: 'refusals',
        run: (_, input) => {
          const policies = readPolicies(input, 'PolicyInputList', 'identity')
          return { ContextKeyNames: [...new Set(policies.flatMap(keysOf))].sort() }
        },
      },
    ],
    [
      'GetContextKeysForPrincipalPolicy',
      {
        action: 'iam:policy:getContextKeys',
        resource: (input) => input.get('PolicySourceArn'),
        audit: 'refusals',
        run(ctx, input) {
          const arn = input.get('PolicySourceArn')
          const held = iam.policiesOf(ctx.principal.account, arn)
          if (!held) throw iamError('iam.thing.absent', `there is no principal \`${arn.slice(0, 200)}\``)
          const policies = [...held.identity, ...readPolicies(input, 'PolicyInputList', 'identity')]
          return { ContextKeyNames: [...new Set(policies.flatMap(keysOf))].sort() }
        },
      },
    ],
  ]
}

function readPolicies(input: QueryInput, list: string, kind: PolicyKind): CompiledPolicy[] {
  return input.list(list).map((text, index) => compilePolicy(`${list}.${index + 1}`, parsePolicy(text, kind)))
}

function simulate(
  ctx: Context,
  input: QueryInput,
  identity: readonly CompiledPolicy[],
  heldBoundary: readonly CompiledPolicy[] | undefined,
  principalArn?: string,
): XmlValue {
  const boundary = readPolicies(input, 'PermissionsBoundaryPolicyInputList', 'boundary')
  const bounds = boundary.length > 0 ? boundary : heldBoundary
  const onResource = input.find('ResourcePolicy')
  const resource =
    onResource === undefined ? [] : [compilePolicy('ResourcePolicy', parsePolicy(onResource, 'resource'))]
  const policies = [...identity, ...(bounds ?? []), ...resource]
  const layers: Layers = {
    ...EMPTY_LAYERS,
    identity: new StatementList(identity),
    boundary: bounds && new StatementList(bounds),
    resource: onResource === undefined ? undefined : new StatementList(resource),
  }
  const actions = input.list('ActionNames')
  const resources = input.list('ResourceArns')
  const asked = actions.flatMap((action) => (resources.length > 0 ? resources : ['*']).map((arn) => ({ action, arn })))
  if (asked.length === 0) throw iamError('iam.aws.malformed', 'ActionNames is empty')
  if (asked.length > BATCH_MAX) throw iamError('iam.aws.malformed', `at most ${BATCH_MAX} actions times resources`)
  const keys = keysFrom(contextEntries(input))
  const caller = input.find('CallerArn') ?? principalArn ?? ctx.principal.arn
  return {
    EvaluationResults: asked.map(({ action, arn }) => {
      const question = questionOf({ action, resource: arn, keys }, callerOf(ctx.principal.account, [caller]))
      return evaluationResult({ layers, question, policies, action })
    }),
    IsTruncated: false,
  }
}

const decisions = { allow: 'allowed', explicitDeny: 'explicitDeny', implicitDeny: 'implicitDeny' } as const

function evaluationResult({
  layers,
  question,
  policies,
  action,
}: {
  readonly layers: Layers
  readonly question: Question
  readonly policies: readonly CompiledPolicy[]
  readonly action: string
}) {
  const { reason } = decide(layers, question, nativeEvaluator)
  const effect = reason === 'explicitDeny' ? 'Deny' : 'Allow'
  const matched = policies.flatMap((policy) =>
    policy.statements
      .filter(
        (statement) =>
          statement.effect === effect && statement.actions.has(question.action) && isMet(statement, question),
      )
      .map((statement) => matchedForm(policy, statement)),
  )
  return {
    EvalActionName: action,
    EvalResourceName: question.resource,
    EvalDecision: decisions[reason],
    MatchedStatements: reason === 'implicitDeny' ? [] : matched,
    MissingContextValues: missingKeys(policies, question),
    ...(layers.boundary
      ? {
          PermissionsBoundaryDecisionDetail: {
            AllowedByPermissionsBoundary: nativeEvaluator.verdict(layers.boundary, question) === 'allow',
          },
        }
      : {}),
  }
}

function matchedForm(policy: CompiledPolicy, { index }: CompiledStatement) {
  const { start, end } = placesOf(policy, index)
  return {
    SourcePolicyId: policy.id,
    SourcePolicyType: policy.kind === 'resource' ? 'Resource Policy' : 'IAM Policy',
    StartPosition: { Line: start.line, Column: start.column },
    EndPosition: { Line: end.line, Column: end.column },
  }
}

/** Keys that statements about this action and resource look at and nobody gave. */
function missingKeys(policies: readonly CompiledPolicy[], question: Question): string[] {
  const missing = new Map<string, string>()
  for (const { statements } of policies) {
    for (const statement of statements) {
      if (!statement.actions.has(question.action) || !matchesScope(statement, question)) continue
      for (const { key, canonicalKey: canonical } of statement.conditions) {
        if (question.keys.get(canonical) === undefined && !missing.has(canonical)) missing.set(canonical, key)
      }
    }
  }
  return [...missing.values()].sort()
}

function contextEntries(input: QueryInput): [string, ContextValue][] {
  const entries: [string, ContextValue][] = []
  for (let i = 1; ; i++) {
    const prefix = `ContextEntries.member.${i}`
    const name = input.find(`${prefix}.ContextKeyName`)
    if (name === undefined) return entries
    const type = input.find(`${prefix}.ContextKeyType`) ?? 'string'
    entries.push([canonicalKey(name), contextValue(type, input.list(`${prefix}.ContextKeyValues`))])
  }
}

function contextValue(type: string, values: readonly string[]): ContextValue {
  const [value = ''] = values
  if (type.endsWith('List') || values.length > 1) return values
  if (type === 'numeric') return Number(value)
  if (type === 'boolean') return value === 'true'
  return value
}
