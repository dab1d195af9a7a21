import type { ContextValue } from '../../platform/index.ts'
import { canonicalKey } from '../policy/context-keys.ts'
import { type CompiledStatement, isMet, labelOf, matchesScope, type Question } from '../policy/statement.ts'
import { decide, type LayerName, type Layers, type Outcome } from './decide.ts'
import { nativeEvaluator } from './native.ts'
import type { StatementList } from './statement-list.ts'

/** Why a decision is what it is, layer by layer. */
export interface Explanation {
  readonly decision: Outcome['reason']
  /** The layer that refused. */
  readonly decidedBy?: LayerName
  readonly node?: string
  readonly layers: readonly ExplainedLayer[]
  /** Keys that a near miss wanted and nobody gave. */
  readonly missing: readonly string[]
  /** What the caller could do about it. */
  readonly suggest: readonly string[]
}

export interface ExplainedLayer {
  readonly layer: LayerName
  readonly node?: string
  readonly result: 'allow' | 'deny' | 'none'
  /** Every statement that matches, not only the one that settled it. */
  readonly statements: readonly { readonly statement: string; readonly effect: 'Allow' | 'Deny' }[]
  /** Statements whose action and resource match and whose condition does not. */
  readonly nearest: readonly NearMiss[]
}

export interface NearMiss {
  readonly statement: string
  readonly effect: 'Allow' | 'Deny'
  readonly failed: readonly FailedCondition[]
}

export interface FailedCondition {
  readonly op: string
  readonly key: string
  readonly want: readonly string[]
  readonly got: ContextValue | null
}

/** The near misses listed for one layer. */
const NEAREST_MAX = 20

/** Everything that matched or nearly did. Pure, and never on the path of a decision. */
export function explain(layers: Layers, question: Question): Explanation {
  const outcome = decide(layers, question, nativeEvaluator)
  const lists = listsOf(layers)
  const explained = lists.map((layer) => explainLayer(layer, question))
  const denying = lists.flatMap(({ list }) =>
    list.candidates(question.action).denies.filter((statement) => isMet(statement, question)),
  )
  const missing = new Set<string>()
  for (const { nearest } of explained) {
    for (const { effect, failed } of nearest) {
      if (effect === 'Allow') for (const { key, got } of failed) if (got === null) missing.add(key)
    }
  }
  return {
    decision: outcome.reason,
    ...(outcome.layer === undefined ? {} : { decidedBy: outcome.layer }),
    ...(outcome.node === undefined ? {} : { node: outcome.node }),
    layers: explained,
    missing: [...missing].sort(),
    suggest: outcome.reason === 'allow' ? [] : suggestions(explained, denying),
  }
}

interface NamedList {
  readonly layer: LayerName
  readonly node?: string
  readonly list: StatementList
}

function listsOf(layers: Layers): NamedList[] {
  return [
    ...layers.guardrails.map(({ node, list }): NamedList => ({ layer: 'guardrail', node, list })),
    ...layers.resourceGuardrails.map(({ node, list }): NamedList => ({ layer: 'resourceGuardrail', node, list })),
    ...(layers.boundary ? [{ layer: 'boundary' as const, list: layers.boundary }] : []),
    ...layers.sessions.map((list): NamedList => ({ layer: 'session', list })),
    { layer: 'identity', list: layers.identity },
    ...(layers.resource ? [{ layer: 'resource' as const, list: layers.resource }] : []),
  ]
}

function explainLayer({ layer, node, list }: NamedList, question: Question): ExplainedLayer {
  const { denies, allows } = list.candidates(question.action)
  const candidates = [...denies, ...allows]
  const matching = candidates.filter((statement) => isMet(statement, question))
  const nearest = candidates
    .filter((statement) => !matching.includes(statement) && matchesScope(statement, question))
    .slice(0, NEAREST_MAX)
  return {
    layer,
    ...(node === undefined ? {} : { node }),
    result: matching.some(({ effect }) => effect === 'Deny') ? 'deny' : matching.length > 0 ? 'allow' : 'none',
    statements: matching.map((statement) => ({ statement: labelOf(statement), effect: statement.effect })),
    nearest: nearest.map((statement) => ({
      statement: labelOf(statement),
      effect: statement.effect,
      failed: failedConditions(statement, question),
    })),
  }
}

function failedConditions({ conditions }: CompiledStatement, { keys }: Question): FailedCondition[] {
  return conditions
    .filter((condition) => !condition.holds(keys))
    .map((condition) => ({
      op: condition.operator,
      key: condition.key,
      want: condition.values,
      got: condition.seen(keys) ?? null,
    }))
}

/** What a fresh or stronger sign-in would change: conditions that failed for want of it, and denials that look at it. */
function suggestions(layers: readonly ExplainedLayer[], denying: readonly CompiledStatement[]): string[] {
  const failed = layers
    .flatMap(({ nearest }) => nearest)
    .flatMap(({ effect, failed }) => (effect === 'Allow' ? failed : []))
  const wantsMfa = failed.some(
    ({ key, want }) =>
      canonicalKey(key) === 'g:mfaage' || (canonicalKey(key) === 'g:mfapresent' && want.includes('true')),
  )
  const denies = (key: string) =>
    denying.some(({ conditions }) => conditions.some((condition) => condition.canonicalKey === key))
  const wantsFresh = failed.some(({ key }) => canonicalKey(key) === 'g:tokenissuetime') || denies('g:tokenissuetime')
  return [
    ...(wantsMfa || denies('g:mfapresent') || denies('g:mfaage') ? ['step-up: mfa'] : []),
    ...(wantsFresh ? ['step-up: sign in again'] : []),
  ]
}
