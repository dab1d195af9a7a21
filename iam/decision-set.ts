import { type ContextValue, RampartError } from '../platform/index.ts'
import { createCasbinEvaluator } from './decision/casbin.ts'
import { ContextValues } from './decision/context-values.ts'
import { decide, determiningStatements, EMPTY_LAYERS, type Layers } from './decision/decide.ts'
import type { Evaluator } from './decision/evaluator.ts'
import { type Explanation, explain } from './decision/explain.ts'
import { nativeEvaluator } from './decision/native.ts'
import { questionOf } from './decision/question.ts'
import { StatementList } from './decision/statement-list.ts'
import { iamError } from './errors.ts'
import { parsePolicy } from './policy/document.ts'
import { type CompiledPolicy, compilePolicy } from './policy/statement.ts'

/** Policies and who holds them, outside any account: the identity layer only. */
export interface DecisionSetInput {
  /** `document` as JSON text. */
  readonly policies: Iterable<{ readonly id: string; readonly document: string }>
  readonly groups: Iterable<{ readonly id: string; readonly policies: readonly string[] }>
  readonly users: Iterable<{
    readonly id: string
    readonly policies: readonly string[]
    readonly groups: readonly string[]
  }>
}

export interface SetRequest {
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, ContextValue>>
}

export interface SetDecision {
  readonly decision: 'allow' | 'deny'
  readonly reason: 'allow' | 'explicit_deny' | 'implicit_deny'
  /** `<policy>.<Sid>`, sorted: the Deny statements if any matched, else the matching Allows. */
  readonly determining: readonly string[]
}

/** Decides requests against policies that stand in files. */
export interface DecisionSet {
  /** With what decided. A principal nobody has is refused. */
  decide(request: SetRequest): SetDecision
  /** Everything that matched or nearly did. */
  explain(request: SetRequest): Explanation
  /** The decision alone. */
  isAllowed(request: SetRequest): boolean
}

const reasons = { allow: 'allow', explicitDeny: 'explicit_deny', implicitDeny: 'implicit_deny' } as const

/** Compiles a set of policies. `engine` chooses who decides; both decide alike.
 * @throws iam.policy.malformed naming the policy; iam.thing.absent for a policy or group that is referred to */
export async function createDecisionSet(
  input: DecisionSetInput,
  engine: 'native' | 'casbin' = 'native',
): Promise<DecisionSet> {
  const evaluator: Evaluator = engine === 'casbin' ? await createCasbinEvaluator() : nativeEvaluator
  const policies = new Map<string, CompiledPolicy>()
  for (const { id, document } of input.policies) policies.set(id, compileNamed(id, document))
  const groups = new Map<string, readonly string[]>()
  for (const group of input.groups) groups.set(group.id, group.policies)
  const layers = new Map<string, Layers>()
  for (const user of input.users) {
    const ids = new Set([...user.policies, ...user.groups.flatMap((group) => requireKnown(groups, 'group', group))])
    const held = [...ids].map((id) => requireKnown(policies, 'policy', id))
    layers.set(user.id, { ...EMPTY_LAYERS, identity: new StatementList(held) })
  }
  const nobody: Layers = { ...EMPTY_LAYERS, identity: new StatementList([]) }
  const keys = new ContextValues()
  const toQuestion = ({ action, resource, context }: SetRequest) =>
    questionOf({ action, resource, keys: keys.of(context) })
  const layersOf = (principal: string) => layers.get(principal) ?? nobody
  return {
    decide(request) {
      const question = toQuestion(request)
      const found = layersOf(request.principal)
      const { reason } = decide(found, question, evaluator)
      return {
        decision: reason === 'allow' ? 'allow' : 'deny',
        reason: reasons[reason],
        determining: determiningStatements(found, question),
      }
    },
    explain: (request) => explain(layersOf(request.principal), toQuestion(request)),
    isAllowed: (request) => decide(layersOf(request.principal), toQuestion(request), evaluator).reason === 'allow',
  }
}

function compileNamed(id: string, document: string): CompiledPolicy {
  try {
    return compilePolicy(id, parsePolicy(document, 'identity'))
  } catch (error) {
    if (!(error instanceof RampartError)) throw error
    throw iamError('iam.policy.malformed', `policy \`${id}\`: ${error.message}`, { errors: error.errors, cause: error })
  }
}

function requireKnown<T>(known: ReadonlyMap<string, T>, what: string, id: string): T {
  const found = known.get(id)
  if (found === undefined) throw iamError('iam.thing.absent', `there is no ${what} \`${id}\` in the files`)
  return found
}
